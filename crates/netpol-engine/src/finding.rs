//! What is odd about policies by themselves, whatever anybody needs.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::fmt;

use crate::address::Family;
use crate::cluster::{Cluster, Pod};
use crate::label::Labels;
use crate::naive::Case;
use crate::policy::{Direction, Namespaces, NetworkPolicy, ObjectKey, Peer, Ports, Protocol, Rule};
use crate::profile::{Profile, Questions};
use crate::query::{Endpoint, Query};
use crate::verdict::Outcome;

/// Something odd, the worst first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// About which policy.
    pub policy: ObjectKey,
    /// Where in it; empty if it is about all of it.
    pub field: String,
    /// More about it.
    pub detail: String,
}

/// What is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// It isolates pods on their way out, and nothing lets them ask for names.
    EgressWithoutDns,
    /// It has egress rules, and `policyTypes` without Egress: they mean nothing.
    EgressRulesIgnored,
    /// It has ingress rules, and `policyTypes` without Ingress: they mean nothing.
    IngressRulesIgnored,
    /// It says nothing of ingress, and isolates it because `policyTypes` is missing (rule 7).
    IngressIsolatedSilently,
    /// It selects no pod.
    SelectsNoPod,
    /// A peer is for pods, and there are none of them.
    PeerMatchesNothing,
    /// A rule names a port, and no pod that it is for names one so (rule 10).
    NamedPortNowhere,
    /// Cluster-wide policies of one tier and priority are about the same pods.
    EqualPriority,
}

/// Everything odd about the policies of a cluster, the worst first.
pub fn findings(cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in cluster.policies.values() {
        of_policy(cluster, profile, policy, &mut findings);
    }
    equal_priorities(cluster, &mut findings);
    findings.sort();
    findings
}

fn of_policy(
    cluster: &Cluster,
    profile: &Profile,
    policy: &NetworkPolicy,
    findings: &mut Vec<Finding>,
) {
    let mut found = |kind, field: String, detail: String| {
        findings.push(Finding {
            kind,
            policy: policy.key.clone(),
            field,
            detail,
        });
    };
    for (direction, kind) in [
        (Direction::Egress, FindingKind::EgressRulesIgnored),
        (Direction::Ingress, FindingKind::IngressRulesIgnored),
    ] {
        if policy.ignored == Some(direction) {
            found(kind, format!("spec.{direction}"), String::new());
        }
    }
    let silent = !policy.types_written && policy.egress.is_some();
    if silent && policy.ingress.as_ref().is_some_and(Vec::is_empty) {
        let kind = FindingKind::IngressIsolatedSilently;
        found(kind, "spec.policyTypes".to_owned(), String::new());
    }
    let subjects: Vec<&Pod> = live(cluster)
        .filter(|pod| pod.key.namespace == policy.key.namespace)
        .filter(|pod| policy.subject.matches(&pod.labels))
        .collect();
    if subjects.is_empty() {
        let kind = FindingKind::SelectsNoPod;
        found(
            kind,
            "spec.podSelector".to_owned(),
            policy.subject.to_string(),
        );
    }
    let without = policy
        .egress
        .as_ref()
        .map(|_| without_dns(cluster, profile, &subjects));
    if let Some(without) = without.filter(|it| !it.is_empty()) {
        let names: Vec<_> = without.into_iter().collect();
        found(
            FindingKind::EgressWithoutDns,
            "spec.egress".to_owned(),
            names.join(", "),
        );
    }
    for direction in Direction::BOTH {
        for (index, rule) in policy.rules(direction).into_iter().flatten().enumerate() {
            let path = format!("spec.{direction}[{index}]");
            let list = match direction {
                Direction::Egress => "to",
                Direction::Ingress => "from",
            };
            for (at, peer) in rule.peers.iter().enumerate() {
                if let Peer::Pods(_) = peer
                    && !live(cluster).any(|pod| is_peer(cluster, policy, peer, pod))
                {
                    let field = format!("{path}.{list}[{at}]");
                    found(FindingKind::PeerMatchesNothing, field, peer.to_string());
                }
            }
            for (at, port) in rule.ports.iter().enumerate() {
                let Ports::Named(name) = &port.ports else {
                    continue;
                };
                let calls = |pod: &Pod| {
                    let mut ports = pod.ports.iter();
                    ports.any(|it| it.name == *name && Some(it.protocol) == port.protocol)
                };
                let somewhere = match direction {
                    Direction::Ingress => subjects.iter().any(|pod| calls(pod)),
                    Direction::Egress => live(cluster)
                        .any(|pod| is_any_peer(cluster, policy, rule, pod) && calls(pod)),
                };
                if !somewhere && !subjects.is_empty() {
                    let field = format!("{path}.ports[{at}]");
                    found(FindingKind::NamedPortNowhere, field, port.to_string());
                }
            }
        }
    }
}

fn live(cluster: &Cluster) -> impl Iterator<Item = &Pod> {
    cluster.pods.values().filter(|pod| !pod.finished)
}

fn is_any_peer(cluster: &Cluster, policy: &NetworkPolicy, rule: &Rule, pod: &Pod) -> bool {
    let mut peers = rule.peers.iter();
    rule.peers.is_empty() || peers.any(|peer| is_peer(cluster, policy, peer, pod))
}

fn is_peer(cluster: &Cluster, policy: &NetworkPolicy, peer: &Peer, pod: &Pod) -> bool {
    match peer {
        Peer::Pods(pods) => {
            let namespace = match &pods.namespaces {
                Namespaces::Own => pod.key.namespace == policy.key.namespace,
                Namespaces::Matching(it) => it.matches(&cluster.namespace(&pod.key.namespace)),
            };
            namespace && pods.pods.matches(&pod.labels)
        }
        Peer::Block(block) => pod.addresses.iter().any(|it| block.contains(*it)),
        Peer::Network(_) | Peer::Nodes(_) | Peer::Domains(_) => false,
    }
}

/// The workloads that may ask nobody for names. Where the cluster's own DNS is not among the pods, as in a folder of
/// manifests, one is made up as Kubernetes has it: `k8s-app=kube-dns` in `kube-system`, on 53.
fn without_dns(cluster: &Cluster, profile: &Profile, subjects: &[&Pod]) -> BTreeSet<String> {
    let made_up = Pod {
        key: ObjectKey::new("kube-system", "kube-dns"),
        labels: Labels::from([("k8s-app".to_owned(), "kube-dns".to_owned())]),
        addresses: vec![IpAddr::from([10, 96, 255, 254])],
        ..Pod::default()
    };
    let servers: Vec<(&Pod, u16)> = servers(cluster);
    let servers = if servers.is_empty() {
        vec![(&made_up, 53)]
    } else {
        servers
    };
    let may_ask = |pod: &Pod| {
        servers.iter().any(|(server, port)| {
            let query = Query {
                protocol: Protocol::Udp,
                ..Query::tcp(
                    Endpoint::Pod(pod.key.clone()),
                    Endpoint::Pod(server.key.clone()),
                    *port,
                )
            };
            let mut worlds = profile.worlds(Questions::default()).into_iter();
            let Some(world) = worlds.next() else {
                return true;
            };
            let mut case = Case::new(cluster, profile, world, Family::V4, &query);
            case.destination.pod = Some(server);
            case.destination.address = server.address(Family::V4);
            case.traffic.destination = Some(server);
            case.destination.namespace = cluster.namespace(&server.key.namespace);
            case.one_direction(Direction::Egress).0 != Outcome::DENIED
        })
    };
    let cut_off = subjects
        .iter()
        .filter(|pod| !pod.host_network && !may_ask(pod));
    cut_off.map(|pod| pod.workload.clone()).collect()
}

/// The pods of the cluster's DNS, with the port they listen on.
fn servers(cluster: &Cluster) -> Vec<(&Pod, u16)> {
    let services = cluster.services.values().filter(|service| {
        let name = &service.key.name;
        name == "kube-dns" || name == "dns-default" || name == "coredns"
    });
    services
        .flat_map(|service| {
            let pods = cluster.behind(service);
            pods.filter_map(|pod| Some((pod, service.target(Protocol::Udp, 53, pod)?)))
        })
        .collect()
}

fn equal_priorities(cluster: &Cluster, findings: &mut Vec<Finding>) {
    let subjects = |policy: &crate::tier::ClusterPolicy| -> BTreeSet<&ObjectKey> {
        let pods = live(cluster).filter(|pod| !pod.host_network);
        pods.filter(|pod| {
            let namespace = match &policy.subject.namespaces {
                Namespaces::Own => false,
                Namespaces::Matching(it) => it.matches(&cluster.namespace(&pod.key.namespace)),
            };
            namespace && policy.subject.pods.matches(&pod.labels)
        })
        .map(|pod| &pod.key)
        .collect()
    };
    let policies: Vec<_> = cluster.cluster_policies.values().collect();
    for (at, policy) in policies.iter().enumerate() {
        for other in &policies[..at] {
            let tied = (policy.tier, policy.priority) == (other.tier, other.priority);
            if tied && !subjects(policy).is_disjoint(&subjects(other)) {
                findings.push(Finding {
                    kind: FindingKind::EqualPriority,
                    policy: policy.key(),
                    field: "spec.priority".to_owned(),
                    detail: other.key().to_string(),
                });
            }
        }
    }
}

// === impl FindingKind ===

impl FindingKind {
    /// The name, as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EgressWithoutDns => "egress_without_dns",
            Self::EgressRulesIgnored => "egress_rules_ignored",
            Self::IngressRulesIgnored => "ingress_rules_ignored",
            Self::IngressIsolatedSilently => "ingress_isolated_silently",
            Self::SelectsNoPod => "selects_no_pod",
            Self::PeerMatchesNothing => "peer_matches_nothing",
            Self::NamedPortNowhere => "named_port_nowhere",
            Self::EqualPriority => "equal_priority",
        }
    }

    /// The sentence.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::EgressWithoutDns => {
                "pods are isolated on their way out and may not ask for names"
            }
            Self::EgressRulesIgnored => "there are egress rules, but policyTypes lacks Egress",
            Self::IngressRulesIgnored => "there are ingress rules, but policyTypes lacks Ingress",
            Self::IngressIsolatedSilently => {
                "without policyTypes it isolates ingress, too, and lets nothing in"
            }
            Self::SelectsNoPod => "it selects no pod",
            Self::PeerMatchesNothing => "a peer matches no pod",
            Self::NamedPortNowhere => "no pod that it is for names a port so",
            Self::EqualPriority => "two policies of one priority are about the same pods",
        }
    }
}

impl fmt::Display for Finding {
    /// `sre-demo/a spec.egress: egress_without_dns: ... (detail)`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, sentence) = (self.kind.as_str(), self.kind.explanation());
        write!(
            formatter,
            "{} {}: {kind}: {sentence}",
            self.policy, self.field
        )?;
        if !self.detail.is_empty() {
            write!(formatter, " ({})", self.detail)?;
        }
        Ok(())
    }
}
