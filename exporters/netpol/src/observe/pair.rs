//! Which of a flow's pairs of replicas are tried: one for each pair of nodes, always the same one while the replicas are the same.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use netpol_engine::{Cluster, Endpoint, Family, Flow, FlowTarget, ObjectKey, Query, Verdict};
use reach::{DialId, Kind, Protocol, Workload};

use super::Who;

/// Pairs of one flow that are tried, at most.
const MOST_PAIRS: usize = 16;

/// Two ends that are tried, with what the policies say of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Who dials.
    pub source: ObjectKey,
    /// On which node that is.
    pub source_node: Option<String>,
    /// On which node the other end is; nothing outside the cluster.
    pub destination_node: Option<String>,
    /// What is dialled.
    pub address: SocketAddr,
    /// Over what.
    pub protocol: Protocol,
    /// What is spoken.
    pub kind: Kind,
    /// Who is dialled, for people.
    pub workload: Workload,
    /// What the policies say; nothing where they do not.
    pub allowed: Option<bool>,
}

/// What enforcement may depend on: the two nodes, and a number for the verdict.
type Way<'a> = (Option<&'a str>, Option<&'a str>, u8);

/// The pairs of a flow that are to be tried. Enforcement may differ from node to node (kube-router #2059), so there is one for each pair of
/// nodes and each verdict, chosen by the largest hash: a replica that comes or goes changes the choice for its own pairs only.
pub(crate) fn sample(
    flow: &Flow,
    edges: &[(Query, Verdict)],
    cluster: &Cluster,
    can_dial: impl Fn(&ObjectKey, Option<&str>) -> bool,
) -> Vec<Pair> {
    let Some(protocol) = protocol(flow) else {
        return Vec::new();
    };
    let mut chosen: BTreeMap<Way<'_>, (u64, &Query, Verdict)> = BTreeMap::new();
    for (query, verdict) in edges {
        let Endpoint::Pod(source) = &query.source else {
            continue;
        };
        let Some(node) = cluster.pods.get(source).map(|it| it.node.as_deref()) else {
            continue;
        };
        if !can_dial(source, node) {
            continue;
        }
        let other = pod_of(&query.destination, cluster).and_then(|it| it.node.as_deref());
        let kind = match verdict {
            Verdict::Allowed => 0,
            Verdict::Denied => 1,
            Verdict::Undefined(_) => 2,
        };
        let rank = hash_of((source, &query.destination));
        let best = chosen
            .entry((node, other, kind))
            .or_insert((rank, query, *verdict));
        if rank > best.0 {
            *best = (rank, query, *verdict);
        }
    }
    let mut ranked: Vec<_> = chosen.into_values().collect();
    ranked.sort_by_key(|(rank, ..)| std::cmp::Reverse(*rank));
    ranked.truncate(MOST_PAIRS);
    let pairs = ranked.into_iter();
    pairs
        .filter_map(|(_, query, verdict)| pair(flow, protocol, query, verdict, cluster))
        .collect()
}

fn pair(
    flow: &Flow,
    protocol: Protocol,
    query: &Query,
    verdict: Verdict,
    cluster: &Cluster,
) -> Option<Pair> {
    let Endpoint::Pod(source) = &query.source else {
        return None;
    };
    let from = cluster.pods.get(source)?;
    let to = pod_of(&query.destination, cluster);
    let address = match (&query.destination, to) {
        (Endpoint::Address(address), _) => *address,
        // Over a family that both have.
        (_, Some(to)) => [Family::V4, Family::V6]
            .into_iter()
            .filter(|family| from.address(*family).is_some())
            .find_map(|family| to.address(family))?,
        _ => return None,
    };
    Some(Pair {
        source: source.clone(),
        source_node: from.node.clone(),
        destination_node: to.and_then(|it| it.node.clone()),
        address: SocketAddr::new(address, query.port),
        protocol,
        kind: kind(flow, protocol),
        workload: Workload {
            namespace: to.map_or_else(String::new, |it| it.key.namespace.clone()),
            name: to.map_or_else(|| address.to_string(), |it| it.workload.clone()),
        },
        allowed: match verdict {
            Verdict::Allowed => Some(true),
            Verdict::Denied => Some(false),
            Verdict::Undefined(_) => None,
        },
    })
}

fn pod_of<'a>(endpoint: &Endpoint, cluster: &'a Cluster) -> Option<&'a netpol_engine::Pod> {
    match endpoint {
        Endpoint::Pod(key) => cluster.pods.get(key),
        Endpoint::Address(_) | Endpoint::Node(_) => None,
    }
}

/// No agent speaks SCTP.
fn protocol(flow: &Flow) -> Option<Protocol> {
    match flow.protocol {
        netpol_engine::Protocol::Tcp => Some(Protocol::Tcp),
        netpol_engine::Protocol::Udp => Some(Protocol::Udp),
        netpol_engine::Protocol::Sctp | netpol_engine::Protocol::Other => None,
    }
}

/// What a file of flows calls what is spoken. Any other word means that the connection is all.
fn kind(flow: &Flow, protocol: Protocol) -> Kind {
    // What is outside of the cluster owes our health checks no answer.
    if matches!(flow.target, FlowTarget::Address(_)) {
        return Kind::Plain;
    }
    match (flow.kind.as_deref(), protocol) {
        (Some("grpc"), Protocol::Tcp) => Kind::Grpc,
        (Some("http"), Protocol::Tcp) => Kind::Http,
        (Some("redis"), Protocol::Tcp) => Kind::Redis,
        (Some("dns"), _) => Kind::Dns,
        _ => Kind::Plain,
    }
}

fn hash_of(what: impl Hash) -> u64 {
    // With fixed keys: the same choice after a restart.
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

// === impl Pair ===

impl Pair {
    /// The number of its dial from there. Made of what the dial is, it names the same one after a restart, too. A control is the same for all that
    /// dial the same listener.
    pub(crate) fn id(&self, from: &Who, control: bool) -> DialId {
        let source = (!control).then_some(&self.source);
        DialId(hash_of((
            from,
            source,
            self.address,
            self.protocol,
            self.kind,
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use netpol_engine::{FlowSource, Origin, Pod};

    use super::*;

    /// So many replicas of either end, spread over so many nodes.
    fn cluster(replicas: u8, nodes: u8) -> Cluster {
        let mut cluster = Cluster::default();
        for (at, workload) in [(1, "a"), (2, "b")] {
            for number in 0..replicas {
                cluster.apply_pod(Pod {
                    key: ObjectKey::new("n", format!("{workload}-{number}")),
                    addresses: vec![[10, 0, at, number].into()],
                    node: Some(format!("node-{}", number % nodes)),
                    workload: workload.to_owned(),
                    ..Pod::default()
                });
            }
        }
        cluster
    }

    fn tried(cluster: &Cluster, verdict: impl Fn(&Query) -> Verdict) -> BTreeSet<DialId> {
        let workload = |name| ObjectKey::new("n", name);
        let flow = Flow {
            source: FlowSource::Workload(workload("a")),
            target: FlowTarget::Workload(workload("b")),
            port: 80,
            protocol: netpol_engine::Protocol::Tcp,
            kind: None,
            soft: false,
            origin: Origin::Written,
        };
        let edges = flow.judge(cluster, verdict).edges;
        let pairs = sample(&flow, &edges, cluster, |_, _| true);
        let ids = pairs
            .iter()
            .map(|it| it.id(&Who::Pod(it.source.clone()), false));
        ids.collect()
    }

    #[test]
    fn a_pair_of_each_two_nodes_is_tried_and_never_more_than_sixteen() {
        let allowed = |_: &Query| Verdict::Allowed;
        assert_eq!(tried(&cluster(40, 3), allowed).len(), 9);
        assert_eq!(tried(&cluster(40, 20), allowed).len(), MOST_PAIRS);
        // What the policies say differently of is tried for itself.
        let some = |query: &Query| match &query.source {
            Endpoint::Pod(key) if key.name == "a-0" => Verdict::Denied,
            _ => Verdict::Allowed,
        };
        assert_eq!(tried(&cluster(40, 1), some).len(), 2);
    }

    #[test]
    fn a_replica_that_goes_changes_the_choice_for_its_own_pairs_alone() {
        let allowed = |_: &Query| Verdict::Allowed;
        let before = cluster(40, 3);
        let chosen = tried(&before, allowed);
        assert_eq!(tried(&before.clone(), allowed), chosen);
        for gone in before.pods.keys() {
            let mut after = before.clone();
            let node = after.pods.remove(gone).and_then(|it| it.node);
            let kept = tried(&after, allowed).intersection(&chosen).count();
            // It is an end of at most those of the nine pairs that one of its node has.
            assert!(kept >= 6, "{gone} of {node:?}: {kept}");
        }
    }
}
