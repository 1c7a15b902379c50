//! What the API server would refuse of cluster-wide policies: the markers in the types of sigs.k8s.io/network-policy-api
//! v0.2.0, `apis/v1alpha1` and `apis/v1alpha2`.

use super::{Action, ClusterKind, ClusterPeers, ClusterPolicy, ClusterRule, Tier};
use crate::address::Cidr;
use crate::label::Selector;
use crate::policy::{Namespaces, Peer, PodPeer, PortRule, check_metadata};
use crate::problem::{Fault, Path, Problem};
use crate::written::{
    WrittenClusterPeer, WrittenClusterPolicy, WrittenClusterRule, WrittenClusterSpec,
    WrittenNamespacedPods, WrittenSelector, WrittenSubject,
};

mod ports;

const MOST_PRIORITY: i64 = 1000;
const MOST_NAME: usize = 100;
const MOST_NETWORKS: usize = 25;
const EXACTLY_ONE: &str = "exactly one of its fields has to be set";
const KINDS: &str =
    "\"AdminNetworkPolicy\", \"BaselineAdminNetworkPolicy\", \"ClusterNetworkPolicy\"";

pub(super) fn policy(written: &WrittenClusterPolicy) -> Result<ClusterPolicy, Vec<Problem>> {
    let mut problems = Vec::new();
    let kinds = [
        ClusterKind::Admin,
        ClusterKind::BaselineAdmin,
        ClusterKind::Cluster,
    ];
    let Some(kind) = kinds.into_iter().find(|it| it.as_str() == written.kind) else {
        return Err(vec![Path::root("kind").not_supported(&written.kind, KINDS)]);
    };
    let key = check_metadata(&written.metadata, None, &mut problems);
    let empty = WrittenClusterSpec::default();
    let spec = written.spec.as_ref().unwrap_or(&empty);
    let path = Path::root("spec");
    let (tier, priority) = match kind {
        ClusterKind::BaselineAdmin => {
            if key.name != "default" {
                let fault = "Only one baseline admin network policy with metadata.name=\"default\" can be created in the cluster";
                problems.push(
                    Path::root("metadata")
                        .child("name")
                        .invalid(&key.name, fault),
                );
            }
            (Some(Tier::Baseline), Some(0))
        }
        ClusterKind::Admin => (Some(Tier::Admin), priority(spec, &path, &mut problems)),
        ClusterKind::Cluster => (
            tier(spec, &path, &mut problems),
            priority(spec, &path, &mut problems),
        ),
    };
    let subject = subject(spec.subject.as_ref(), &path.child("subject"), &mut problems);
    let mut rules = |written: Option<&[WrittenClusterRule]>, list: &'static str| {
        let checker = Checker { kind, list };
        checker.rules(written.unwrap_or_default(), &path, &mut problems)
    };
    let ingress = rules(spec.ingress.as_deref(), "ingress");
    let egress = rules(spec.egress.as_deref(), "egress");
    match (tier, priority, subject) {
        (Some(tier), Some(priority), Some(subject)) if problems.is_empty() => Ok(ClusterPolicy {
            kind,
            name: key.name,
            tier,
            priority,
            subject,
            ingress,
            egress,
        }),
        _ => Err(problems),
    }
}

fn tier(spec: &WrittenClusterSpec, path: &Path, problems: &mut Vec<Problem>) -> Option<Tier> {
    let path = path.child("tier");
    match spec.tier.as_deref() {
        Some("Admin") => Some(Tier::Admin),
        Some("Baseline") => Some(Tier::Baseline),
        Some(other) => {
            problems.push(path.not_supported(other, "\"Admin\", \"Baseline\""));
            None
        }
        None => {
            problems.push(path.required(""));
            None
        }
    }
}

fn priority(spec: &WrittenClusterSpec, path: &Path, problems: &mut Vec<Problem>) -> Option<u16> {
    let path = path.child("priority");
    let Some(priority) = spec.priority else {
        problems.push(path.required(""));
        return None;
    };
    if !(0..=MOST_PRIORITY).contains(&priority) {
        problems.push(path.invalid(priority, "should be between 0 and 1000"));
    }
    u16::try_from(priority).ok()
}

fn subject(
    written: Option<&WrittenSubject>,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<PodPeer> {
    match written.map(|it| (&it.namespaces, &it.pods)) {
        Some((Some(namespaces), None)) => Some(all_pods_of(namespaces, path, problems)),
        Some((None, Some(pods))) => Some(pods_of(pods, path, problems)),
        Some((None, None)) | None => {
            problems.push(path.required(EXACTLY_ONE));
            None
        }
        Some(_) => {
            problems.push(path.forbidden(EXACTLY_ONE));
            None
        }
    }
}

fn all_pods_of(namespaces: &WrittenSelector, path: &Path, problems: &mut Vec<Problem>) -> PodPeer {
    let namespaces = Selector::check(namespaces, &path.child("namespaces"), problems);
    PodPeer {
        namespaces: Namespaces::Matching(namespaces),
        pods: Selector::default(),
    }
}

/// An empty selector is all of them here, and so is one that is left out.
fn pods_of(pods: &WrittenNamespacedPods, path: &Path, problems: &mut Vec<Problem>) -> PodPeer {
    let path = path.child("pods");
    let mut selector = |written: &Option<WrittenSelector>, name| {
        let empty = WrittenSelector::default();
        Selector::check(
            written.as_ref().unwrap_or(&empty),
            &path.child(name),
            problems,
        )
    };
    PodPeer {
        namespaces: Namespaces::Matching(selector(&pods.namespace_selector, "namespaceSelector")),
        pods: selector(&pods.pod_selector, "podSelector"),
    }
}

struct Checker {
    kind: ClusterKind,
    /// `ingress` or `egress`.
    list: &'static str,
}

// === impl Checker ===

impl Checker {
    /// `MaxItems` of rules, peers and ports alike.
    fn most(&self) -> usize {
        match self.kind {
            ClusterKind::Cluster => 25,
            ClusterKind::Admin | ClusterKind::BaselineAdmin => 100,
        }
    }

    fn count(&self, count: usize, path: &Path, problems: &mut Vec<Problem>) {
        let most = self.most();
        if count > most {
            problems.push(path.problem(Fault::TooMany { count, most }));
        }
    }

    fn rules(
        &self,
        written: &[WrittenClusterRule],
        path: &Path,
        problems: &mut Vec<Problem>,
    ) -> Vec<ClusterRule> {
        let path = path.child(self.list);
        self.count(written.len(), &path, problems);
        let rules = written.iter().enumerate();
        rules
            .filter_map(|(index, rule)| self.rule(rule, &path.index(index), problems))
            .collect()
    }

    fn rule(
        &self,
        written: &WrittenClusterRule,
        path: &Path,
        problems: &mut Vec<Problem>,
    ) -> Option<ClusterRule> {
        if written.name.as_ref().is_some_and(|it| it.len() > MOST_NAME) {
            let fault = "may not be more than 100 bytes";
            let name = written.name.as_deref().unwrap_or_default();
            problems.push(path.child("name").invalid(name, fault));
        }
        let action = self.action(&written.action, &path.child("action"), problems);
        let (list, peers) = if self.list == "ingress" {
            (path.child("from"), written.from.as_deref())
        } else {
            (path.child("to"), written.to.as_deref())
        };
        let peers = peers.unwrap_or_default();
        if peers.is_empty() {
            problems.push(list.required("must have at least 1 items"));
        }
        self.count(peers.len(), &list, problems);
        let ports: Vec<PortRule> = self.ports(written, path, problems);
        let named = ports
            .iter()
            .any(|it| matches!(it.ports, crate::policy::Ports::Named(_)));
        let unnamed = peers
            .iter()
            .any(|it| it.networks.is_some() || it.nodes.is_some() || it.domain_names.is_some());
        if named && unnamed {
            let fault = "networks/nodes/domainNames peer cannot be set with namedPorts since there are no namedPorts for networks/nodes/domainNames";
            problems.push(path.invalid("rule", fault));
        }
        let mut checked = Vec::new();
        let mut unknown = false;
        for (index, peer) in peers.iter().enumerate() {
            if *peer == WrittenClusterPeer::default() {
                unknown = true;
            } else {
                self.peer(peer, action, &list.index(index), &mut checked, problems);
            }
        }
        let rule = |action, peers, ports| ClusterRule {
            name: written.name.clone(),
            action,
            peers,
            ports,
        };
        match action? {
            // A peer without a field that is known here is from a newer version: such a rule fails closed.
            Action::Accept if unknown => None,
            _ if unknown => Some(rule(Action::Deny, ClusterPeers::Everyone, Vec::new())),
            action => Some(rule(action, ClusterPeers::Of(checked), ports)),
        }
    }

    fn action(&self, text: &str, path: &Path, problems: &mut Vec<Problem>) -> Option<Action> {
        let supported = match self.kind {
            ClusterKind::Admin => "\"Allow\", \"Deny\", \"Pass\"",
            ClusterKind::BaselineAdmin => "\"Allow\", \"Deny\"",
            ClusterKind::Cluster => "\"Accept\", \"Deny\", \"Pass\"",
        };
        let action = match (text, self.kind) {
            ("Accept", ClusterKind::Cluster)
            | ("Allow", ClusterKind::Admin | ClusterKind::BaselineAdmin) => Some(Action::Accept),
            ("Pass", ClusterKind::BaselineAdmin) => None,
            ("Pass", _) => Some(Action::Pass),
            ("Deny", _) => Some(Action::Deny),
            _ => None,
        };
        if action.is_none() {
            problems.push(path.not_supported(text, supported));
        }
        action
    }

    fn peer(
        &self,
        written: &WrittenClusterPeer,
        action: Option<Action>,
        path: &Path,
        checked: &mut Vec<Peer>,
        problems: &mut Vec<Problem>,
    ) {
        let outside = [
            written.nodes.is_some(),
            written.networks.is_some(),
            written.domain_names.is_some(),
        ];
        let inside = [written.namespaces.is_some(), written.pods.is_some()];
        let set = outside.iter().chain(&inside).filter(|it| **it).count();
        if set > 1 {
            problems.push(path.forbidden(EXACTLY_ONE));
            return;
        }
        if self.list == "ingress" && outside.contains(&true) {
            problems.push(path.forbidden("ingress peers are namespaces or pods"));
            return;
        }
        if let Some(namespaces) = &written.namespaces {
            checked.push(Peer::Pods(all_pods_of(namespaces, path, problems)));
        } else if let Some(pods) = &written.pods {
            checked.push(Peer::Pods(pods_of(pods, path, problems)));
        } else if let Some(nodes) = &written.nodes {
            let selector = Selector::check(nodes, &path.child("nodes"), problems);
            checked.push(Peer::Nodes(selector));
        } else if let Some(networks) = &written.networks {
            networks_of(networks, &path.child("networks"), checked, problems);
        } else if let Some(names) = &written.domain_names {
            if action.is_some_and(|it| it != Action::Accept) {
                let fault = "is only supported for rules that accept";
                problems.push(path.child("domainNames").forbidden(fault));
            }
            checked.push(Peer::Domains(names.clone()));
        }
    }
}

fn networks_of(
    networks: &[String],
    path: &Path,
    checked: &mut Vec<Peer>,
    problems: &mut Vec<Problem>,
) {
    if networks.is_empty() {
        problems.push(path.required("must have at least 1 items"));
    }
    if networks.len() > MOST_NETWORKS {
        problems.push(path.problem(Fault::TooMany {
            count: networks.len(),
            most: MOST_NETWORKS,
        }));
    }
    for (index, text) in networks.iter().enumerate() {
        // `isCIDR` takes neither leading zeros nor IPv4 written as IPv6.
        let address = text.split('/').next().unwrap_or_default();
        let address = address.parse::<core::net::IpAddr>().ok();
        let strict = address.is_some_and(|it| it == it.to_canonical());
        match Cidr::parse(text).filter(|_| strict) {
            Some(cidr) => checked.push(Peer::Network(cidr)),
            None => problems.push(
                path.index(index)
                    .invalid(text, "Invalid CIDR format provided"),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
