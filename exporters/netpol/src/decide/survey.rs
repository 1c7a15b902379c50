//! What there is to say beside the required flows: oddities of policies, how much of the cluster they isolate, and how much more they
//! let through than is required. It looks at everything, so it is made now and then and not at every event.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use netpol_engine::{Direction, Endpoint, Finding, FlowSource, ObjectKey, Protocol, findings};

use crate::model::Model;

/// What there is to say beside the required flows.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// What is odd about policies, the worst first.
    pub findings: Vec<Finding>,
    /// By namespace.
    pub namespaces: BTreeMap<String, Coverage>,
}

/// How much of a namespace policies isolate, and how much they let it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Workloads with at least one pod.
    pub workloads: usize,
    /// Those of them with a pod that a policy isolates on its way out.
    pub isolated_egress: usize,
    /// Those with one that a policy isolates on its way in.
    pub isolated_ingress: usize,
    /// Pairs of a workload of this namespace and another one, anywhere, that it may dial on at least one port that the other listens on.
    pub reachable: usize,
    /// Those of them that nothing requires.
    pub unrequired: usize,
}

/// Workloads with their numbers.
type Workloads<'a> = BTreeMap<(&'a str, &'a str), usize>;

/// Looks at everything.
pub fn survey(model: &Model) -> Survey {
    let matrix = model.matrix();
    let cluster = matrix.cluster();
    let live = cluster.pods.values().filter(|it| !it.finished);
    let mut workloads: Workloads<'_> = live
        .map(|pod| ((pod.key.namespace.as_str(), pod.workload.as_str()), 0))
        .collect();
    for (number, at) in workloads.values_mut().enumerate() {
        *at = number;
    }
    let mut namespaces: BTreeMap<String, Coverage> = BTreeMap::new();
    for (namespace, _) in workloads.keys() {
        namespaces
            .entry((*namespace).to_owned())
            .or_default()
            .workloads += 1;
    }
    isolation(model, &mut namespaces);
    reachability(model, &workloads, &mut namespaces);
    Survey {
        findings: findings(cluster, matrix.profile()),
        namespaces,
    }
}

fn isolation(model: &Model, namespaces: &mut BTreeMap<String, Coverage>) {
    let cluster = model.cluster();
    let mut isolated: BTreeSet<(Direction, &str, &str)> = BTreeSet::new();
    for pod in cluster.pods.values().filter(|it| !it.finished) {
        let (namespace, workload) = (pod.key.namespace.as_str(), pod.workload.as_str());
        for direction in Direction::BOTH {
            if isolated.contains(&(direction, namespace, workload)) || pod.host_network {
                continue;
            }
            let mut policies = cluster.policies_of(namespace);
            if policies.any(|it| it.rules(direction).is_some() && it.subject.matches(&pod.labels)) {
                isolated.insert((direction, namespace, workload));
            }
        }
    }
    for (direction, namespace, _) in isolated {
        if let Some(coverage) = namespaces.get_mut(namespace) {
            match direction {
                Direction::Egress => coverage.isolated_egress += 1,
                Direction::Ingress => coverage.isolated_ingress += 1,
            }
        }
    }
}

/// Who may dial whom, by workloads: a table of bits, a row a destination, made port by port from the engine's.
fn reachability(
    model: &Model,
    workloads: &Workloads<'_>,
    namespaces: &mut BTreeMap<String, Coverage>,
) {
    let (matrix, cluster) = (model.matrix(), model.cluster());
    let mut of_kind: HashMap<u32, BTreeSet<usize>> = HashMap::new();
    let mut listening: BTreeMap<(Protocol, u16), BTreeSet<(u32, usize)>> = BTreeMap::new();
    for (key, pod) in &cluster.pods {
        let name = (key.namespace.as_str(), pod.workload.as_str());
        let Some((kind, number)) = matrix.kind(key).zip(workloads.get(&name).copied()) else {
            continue;
        };
        of_kind.entry(kind).or_default().insert(number);
        for port in model.listens(key) {
            listening.entry(*port).or_default().insert((kind, number));
        }
    }
    let mut reached: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); workloads.len()];
    for ((protocol, port), destinations) in listening {
        let reach = matrix.reach(protocol, port);
        for (kind, number) in destinations {
            let sources = reach.sources(kind).filter_map(|it| of_kind.get(&it));
            reached[number].extend(sources.flatten());
        }
    }
    let required = required(model, workloads);
    let names: Vec<&str> = workloads.keys().map(|(namespace, _)| *namespace).collect();
    for (destination, sources) in reached.into_iter().enumerate() {
        for source in sources.into_iter().filter(|it| *it != destination) {
            if let Some(coverage) = namespaces.get_mut(names[source]) {
                coverage.reachable += 1;
                coverage.unrequired += usize::from(!required.contains(&(source, destination)));
            }
        }
    }
}

/// The pairs of workloads between which something is required.
fn required(model: &Model, workloads: &Workloads<'_>) -> BTreeSet<(usize, usize)> {
    let cluster = model.cluster();
    let number = |namespace: &str, workload: &str| workloads.get(&(namespace, workload)).copied();
    let of_pod = |key: &ObjectKey| {
        let pod = cluster.pods.get(key)?;
        number(&key.namespace, &pod.workload)
    };
    let mut pairs = BTreeSet::new();
    for flow in model.required().iter() {
        let FlowSource::Workload(source) = &flow.source else {
            continue;
        };
        let Some(source) = number(&source.namespace, &source.name) else {
            continue;
        };
        for query in flow.queries(cluster).unwrap_or_default() {
            if let Endpoint::Pod(key) = &query.destination {
                pairs.extend(of_pod(key).map(|destination| (source, destination)));
            }
        }
    }
    pairs
}
