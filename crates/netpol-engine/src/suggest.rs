//! The smallest additive policy that opens one edge, proved by looking at everything else again.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, NAMESPACE_NAME_LABEL, Pod};
use crate::difference::{Difference, Edge, EdgeEnd, difference};
use crate::flow::{Flow, FlowSource, FlowState, Missing};
use crate::label::Selector;
use crate::matrix::Matrix;
use crate::policy::{Direction, NetworkPolicy, ObjectKey, Protocol};
use crate::query::{Endpoint, Query};
use crate::verdict::Verdict;
use crate::written::{
    NumberOrName, WrittenMetadata, WrittenPeer, WrittenPolicy, WrittenPort, WrittenRule,
    WrittenSelector, WrittenSpec,
};

/// Labels by which people call a workload, the first choice first.
const NAMING_LABELS: [&str; 4] = [
    "app.kubernetes.io/name",
    "app",
    "k8s-app",
    "app.kubernetes.io/component",
];

/// What would open an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The policies to add: at most one for each end.
    pub policies: Vec<WrittenPolicy>,
    /// The flow with them.
    pub state: FlowState,
    /// What else they would open: labels did not tell those apart. Nothing is lost by adding.
    pub also: Vec<Edge>,
}

/// Why there is nothing to suggest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuggestion {
    /// It is allowed.
    #[error("it is allowed already")]
    Allowed,
    /// Nobody dials.
    #[error("nobody dials: the source has no pods")]
    SourceAbsent,
    /// There is nothing to dial.
    #[error("there is nothing to dial")]
    TargetAbsent(Missing),
    /// A cluster-wide policy forbids it, which no network policy overrides.
    #[error("a cluster-wide policy forbids it, and no network policy overrides that")]
    ForbiddenAbove,
    /// A pod has no label by which a policy could mean it.
    #[error("{0} has no labels by which a policy could mean it")]
    NoLabels(ObjectKey),
    /// What is open about it no policy can close.
    #[error("no network policy decides it: {0}")]
    Undefined(Verdict),
}

/// The smallest additive policies for a required flow.
pub fn suggest(matrix: &Matrix, flow: &Flow) -> Result<Suggestion, NoSuggestion> {
    let cluster = matrix.cluster();
    let judged = flow.judge(cluster, |query| matrix.verdict(query));
    match judged.state {
        FlowState::Allowed => return Err(NoSuggestion::Allowed),
        FlowState::SourceAbsent => return Err(NoSuggestion::SourceAbsent),
        FlowState::TargetAbsent(missing) => return Err(NoSuggestion::TargetAbsent(missing)),
        FlowState::Blocked | FlowState::Undefined(_) => {}
    }
    let closed: Vec<&Query> = judged
        .edges
        .iter()
        .filter(|(_, verdict)| *verdict != Verdict::Allowed)
        .map(|(query, _)| query)
        .collect();
    let mut policies = Vec::new();
    for direction in Direction::BOTH {
        policies.extend(one_end(matrix, flow, direction, &closed)?);
    }
    let mut after = matrix.clone();
    for policy in &policies {
        if let Ok(policy) = NetworkPolicy::check(policy) {
            after.apply_policy(policy);
        }
    }
    let state = flow.judge(cluster, |query| after.verdict(query)).state;
    match state {
        FlowState::Blocked => return Err(NoSuggestion::ForbiddenAbove),
        FlowState::Undefined(reasons) if policies.is_empty() => {
            return Err(NoSuggestion::Undefined(Verdict::Undefined(reasons)));
        }
        _ => {}
    }
    let Difference { mut gained, .. } = difference(matrix, &after);
    let wanted = wanted(cluster, &judged.edges);
    gained.retain(|edge| !wanted.contains(edge));
    Ok(Suggestion {
        policies,
        state,
        also: gained,
    })
}

/// The edges that the flow itself is.
fn wanted(cluster: &Cluster, edges: &[(Query, Verdict)]) -> BTreeSet<Edge> {
    let end = |endpoint: &Endpoint| match endpoint {
        Endpoint::Pod(key) => cluster
            .pods
            .get(key)
            .map(|pod| EdgeEnd::Workload(ObjectKey::new(&key.namespace, &pod.workload))),
        Endpoint::Address(_) | Endpoint::Node(_) => Some(EdgeEnd::Outside),
    };
    let edges = edges.iter().filter_map(|(query, _)| {
        Some(Edge {
            source: end(&query.source)?,
            destination: end(&query.destination)?,
            protocol: query.protocol,
            first: query.port,
            last: query.port,
        })
    });
    edges.collect()
}

/// The policy for one end, if that end is closed.
fn one_end(
    matrix: &Matrix,
    flow: &Flow,
    direction: Direction,
    closed: &[&Query],
) -> Result<Option<WrittenPolicy>, NoSuggestion> {
    let cluster = matrix.cluster();
    let ends = |query: &Query| match direction {
        Direction::Egress => (query.source.clone(), query.destination.clone()),
        Direction::Ingress => (query.destination.clone(), query.source.clone()),
    };
    let pod = |endpoint: &Endpoint| match endpoint {
        Endpoint::Pod(key) => cluster.pods.get(key),
        Endpoint::Address(_) | Endpoint::Node(_) => None,
    };
    let (mut subjects, mut peers, mut outside) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut ports = BTreeSet::new();
    for query in closed {
        let (subject, peer) = ends(query);
        let Some(subject) = pod(&subject) else {
            continue;
        };
        let explained = crate::explain::explain(cluster, matrix.profile(), query);
        let here = explained
            .directions
            .iter()
            .find(|it| it.direction == direction);
        if here.is_none_or(|it| it.verdict == Verdict::Allowed || it.isolated_by.is_empty()) {
            continue;
        }
        subjects.push(subject);
        ports.insert((query.protocol, query.port));
        match (pod(&peer), peer) {
            (Some(peer), _) => peers.push(peer),
            (None, Endpoint::Address(address)) => {
                outside.insert(address);
            }
            (None, _) => {}
        }
    }
    let Some(first) = subjects.first() else {
        return Ok(None);
    };
    let namespace = first.key.namespace.clone();
    let subject = selector_for(cluster, &subjects)?;
    let peers = if peers.is_empty() {
        outside_peers(flow, &outside)
    } else {
        let elsewhere = peers.first().filter(|it| it.key.namespace != namespace);
        let other = elsewhere.map(|it| labels(&[(NAMESPACE_NAME_LABEL, &it.key.namespace)]));
        Some(vec![WrittenPeer {
            pod_selector: Some(selector_for(cluster, &peers)?),
            namespace_selector: other,
            ip_block: None,
        }])
    };
    Ok(Some(written(
        cluster, direction, &namespace, first, subject, peers, &ports,
    )))
}

/// For a flow from anybody outside there is no peer to name; for one from an address there is its block.
fn outside_peers(flow: &Flow, addresses: &BTreeSet<core::net::IpAddr>) -> Option<Vec<WrittenPeer>> {
    if flow.source == FlowSource::Outside(None) {
        return None;
    }
    let blocks = addresses.iter().map(|address| WrittenPeer {
        ip_block: Some(crate::written::WrittenBlock {
            cidr: Some(crate::address::Cidr::of_one(*address).to_string()),
            except: None,
        }),
        ..WrittenPeer::default()
    });
    Some(blocks.collect())
}

fn written(
    cluster: &Cluster,
    direction: Direction,
    namespace: &str,
    subject: &Pod,
    selector: WrittenSelector,
    peers: Option<Vec<WrittenPeer>>,
    ports: &BTreeSet<(Protocol, u16)>,
) -> WrittenPolicy {
    let ports = ports.iter().map(|(protocol, port)| WrittenPort {
        protocol: Some(protocol.as_str().to_owned()),
        port: Some(NumberOrName::Number((*port).into())),
        end_port: None,
    });
    let ports = Some(ports.collect());
    let (from, to) = match direction {
        Direction::Egress => (None, peers),
        Direction::Ingress => (peers, None),
    };
    let rules = Some(vec![WrittenRule { from, to, ports }]);
    let (ingress, egress, name) = match direction {
        Direction::Egress => (None, rules, "Egress"),
        Direction::Ingress => (rules, None, "Ingress"),
    };
    WrittenPolicy {
        metadata: WrittenMetadata {
            name: Some(free_name(cluster, namespace, &subject.workload, direction)),
            namespace: Some(namespace.to_owned()),
        },
        spec: Some(WrittenSpec {
            pod_selector: Some(selector),
            policy_types: Some(vec![name.to_owned()]),
            ingress,
            egress,
        }),
    }
}

/// A name that no policy has yet: adding must not replace one.
fn free_name(cluster: &Cluster, namespace: &str, workload: &str, direction: Direction) -> String {
    let base = format!("allow-{workload}-{direction}");
    let mut name = base.clone();
    let mut number = 2;
    while cluster
        .policies
        .contains_key(&ObjectKey::new(namespace, &name))
    {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

/// The fewest labels by which these pods, and if possible no others of their namespace, can be meant.
fn selector_for(cluster: &Cluster, pods: &[&Pod]) -> Result<WrittenSelector, NoSuggestion> {
    let Some(first) = pods.first() else {
        return Ok(WrittenSelector::default());
    };
    let shared: Vec<(&str, &str)> = first
        .labels
        .iter()
        .filter(|(key, value)| pods.iter().all(|pod| pod.labels.get(*key) == Some(value)))
        .filter(|(key, _)| !crate::matrix::is_per_replica(key))
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    if shared.is_empty() {
        return Err(NoSuggestion::NoLabels(first.key.clone()));
    }
    let rank = |key: &str| NAMING_LABELS.iter().position(|it| *it == key);
    let mut ones: Vec<_> = shared.clone();
    ones.sort_by_key(|(key, _)| (rank(key).unwrap_or(usize::MAX), *key));
    let singles = ones.iter().map(|one| vec![*one]);
    let pairs = ones.iter().enumerate();
    let pairs = pairs.flat_map(|(at, one)| ones[at + 1..].iter().map(move |two| vec![*one, *two]));
    let mut candidates = singles.chain(pairs).chain([ones.clone()]);
    let names_no_other = |candidate: &Vec<(&str, &str)>| {
        let selector = Selector::of_labels(candidate.iter().copied());
        let mut others = cluster.pods.values().filter(|pod| {
            pod.key.namespace == first.key.namespace
                && !pod.finished
                && pod.workload != first.workload
        });
        !others.any(|pod| selector.matches(&pod.labels))
    };
    let found = candidates.find(names_no_other).unwrap_or(shared);
    Ok(labels(&found))
}

fn labels(pairs: &[(&str, &str)]) -> WrittenSelector {
    let labels = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned())));
    WrittenSelector {
        match_labels: Some(labels.collect()),
        match_expressions: None,
    }
}
