//! What there is to say beside the required flows: oddities of policies, and how much of the cluster they isolate. It looks at
//! everything, so it is made now and then and not at every event.

use std::collections::{BTreeMap, BTreeSet};

use netpol_engine::{Direction, Finding, findings};

use crate::model::Model;

/// What there is to say beside the required flows.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// What is odd about policies, the worst first.
    pub findings: Vec<Finding>,
    /// By namespace.
    pub namespaces: BTreeMap<String, Coverage>,
}

/// How much of a namespace policies isolate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Workloads with at least one pod.
    pub workloads: usize,
    /// Those of them with a pod that a policy isolates on its way out.
    pub isolated_egress: usize,
    /// Those with one that a policy isolates on its way in.
    pub isolated_ingress: usize,
}

/// Looks at everything.
pub fn survey(model: &Model) -> Survey {
    let matrix = model.matrix();
    Survey {
        findings: findings(matrix.cluster(), matrix.profile()),
        namespaces: coverage(model),
    }
}

fn coverage(model: &Model) -> BTreeMap<String, Coverage> {
    let cluster = model.cluster();
    let mut workloads: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut isolated: BTreeSet<(Direction, &str, &str)> = BTreeSet::new();
    for pod in cluster.pods.values().filter(|it| !it.finished) {
        let (namespace, workload) = (pod.key.namespace.as_str(), pod.workload.as_str());
        workloads.insert((namespace, workload));
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
    let mut namespaces: BTreeMap<String, Coverage> = BTreeMap::new();
    for (namespace, workload) in workloads {
        let coverage = namespaces.entry(namespace.to_owned()).or_default();
        let is_isolated =
            |direction| usize::from(isolated.contains(&(direction, namespace, workload)));
        coverage.workloads += 1;
        coverage.isolated_egress += is_isolated(Direction::Egress);
        coverage.isolated_ingress += is_isolated(Direction::Ingress);
    }
    namespaces
}
