//! Where the API leaves something open, a network plugin decides. A profile says what one decides; the specification's
//! own leaves it open, and a verdict that depends on it is undefined.

use crate::verdict::Reason;

/// How a network answers what the API leaves open: nothing here means that both are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub struct Profile {
    /// Its name, as one gives it on a command line.
    pub name: &'static str,
    /// Whether it enforces policies at all.
    pub enforces: bool,
    /// Whether selectors see pods on the host's network (rule 22); if not, such a pod is its node.
    pub selects_host_network: Option<bool>,
    /// Whether a block sees the addresses of pods (rule 12).
    pub blocks_see_pods: Option<bool>,
    /// Whether a block sees the addresses of nodes.
    pub blocks_see_nodes: bool,
    /// Whether a pod reaches itself by way of a Service, whatever its policies (rule 20).
    pub hairpin_is_free: Option<bool>,
    /// Whether a block sees a Service's own address, and not the pod's behind it (rule 23).
    pub blocks_see_services: Option<bool>,
    /// Whether a pod's own node reaches it, whatever its policies (rule 21).
    pub own_node_is_free: bool,
    /// Whether `endPort` is understood; if not, only `port` is (rule 9).
    pub understands_end_port: bool,
}

/// One way in which all that is open may be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub(crate) struct World {
    pub(crate) selects_host_network: bool,
    pub(crate) blocks_see_pods: bool,
    pub(crate) hairpin_is_free: bool,
    pub(crate) blocks_see_services: bool,
}

/// Which of the open questions a connection asks at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub(crate) struct Questions {
    pub(crate) host_network: bool,
    pub(crate) block_on_pod: bool,
    pub(crate) hairpin: bool,
    pub(crate) block_on_service: bool,
}

// === impl Profile ===

impl Profile {
    /// The API's text and nothing else: what it leaves open stays open.
    pub const SPECIFICATION: Self = Self {
        name: "specification",
        enforces: true,
        selects_host_network: None,
        blocks_see_pods: None,
        blocks_see_nodes: true,
        hairpin_is_free: None,
        blocks_see_services: None,
        own_node_is_free: true,
        understands_end_port: true,
    };

    /// What the end-to-end tests of Kubernetes expect: blocks see pods (`test/e2e/network/netpol/network_policy.go`
    /// takes pods' addresses for its `ipBlock` cases), and the most common answer elsewhere.
    pub const CONFORMANCE: Self = Self {
        name: "conformance",
        selects_host_network: Some(false),
        blocks_see_pods: Some(true),
        hairpin_is_free: Some(true),
        blocks_see_services: Some(false),
        ..Self::SPECIFICATION
    };

    /// Calico: blocks see pods; a Service's address is rewritten before policies see it.
    pub const CALICO: Self = Self {
        name: "calico",
        hairpin_is_free: None,
        ..Self::CONFORMANCE
    };

    /// Antrea: as the end-to-end tests expect, and its proxy always lets a hairpin through (antrea #5687, #5743).
    pub const ANTREA: Self = Self {
        name: "antrea",
        ..Self::CONFORMANCE
    };

    /// Cilium: blocks see neither pods nor nodes (cilium #9209, #14497; `policyCIDRMatchMode=nodes` changes the second).
    pub const CILIUM: Self = Self {
        name: "cilium",
        blocks_see_pods: Some(false),
        blocks_see_nodes: false,
        ..Self::CONFORMANCE
    };

    /// kube-router: as the end-to-end tests expect; a hairpin may show the Service's address (kube-router #9).
    pub const KUBE_ROUTER: Self = Self {
        name: "kube-router",
        hairpin_is_free: None,
        ..Self::CONFORMANCE
    };

    /// The AWS VPC CNI: egress blocks see the Service's address (otterize #488, aws-network-policy-agent).
    pub const AWS: Self = Self {
        name: "aws",
        hairpin_is_free: None,
        blocks_see_services: Some(true),
        ..Self::CONFORMANCE
    };

    /// A network without enforcement: flannel alone, plain kindnet. Policies are accepted, and nothing comes of them.
    pub const NONE: Self = Self {
        name: "none",
        enforces: false,
        ..Self::CONFORMANCE
    };

    /// All of them, the default first.
    pub const ALL: [Self; 8] = [
        Self::SPECIFICATION,
        Self::CONFORMANCE,
        Self::CALICO,
        Self::ANTREA,
        Self::CILIUM,
        Self::KUBE_ROUTER,
        Self::AWS,
        Self::NONE,
    ];

    /// The profile of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name == name)
    }

    /// Every way in which the questions that are asked may be answered. Where one is not asked, any answer will do.
    pub(crate) fn worlds(&self, asked: Questions) -> Vec<World> {
        let answers = |open: bool, answer: Option<bool>| match answer {
            Some(answer) => vec![answer],
            None if open => vec![false, true],
            None => vec![false],
        };
        let mut worlds = Vec::new();
        for selects_host_network in answers(asked.host_network, self.selects_host_network) {
            for blocks_see_pods in answers(asked.block_on_pod, self.blocks_see_pods) {
                for hairpin_is_free in answers(asked.hairpin, self.hairpin_is_free) {
                    let services = answers(asked.block_on_service, self.blocks_see_services);
                    worlds.extend(services.into_iter().map(|blocks_see_services| World {
                        selects_host_network,
                        blocks_see_pods,
                        hairpin_is_free,
                        blocks_see_services,
                    }));
                }
            }
        }
        worlds
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::SPECIFICATION
    }
}

// === impl World ===

impl World {
    /// The question that two worlds answer differently, if it is one alone.
    pub(crate) fn only_difference(self, other: Self) -> Option<Reason> {
        let answers = |it: Self| {
            [
                (it.selects_host_network, Reason::HostNetwork),
                (it.blocks_see_pods, Reason::BlockOnPod),
                (it.hairpin_is_free, Reason::Hairpin),
                (it.blocks_see_services, Reason::BlockOnService),
            ]
        };
        let pairs = answers(self).into_iter().zip(answers(other));
        let mut differing = pairs.filter(|(mine, theirs)| mine.0 != theirs.0);
        let first = differing.next()?.0.1;
        differing.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_and_left_open_makes_worlds() {
        let all = Questions {
            host_network: true,
            block_on_pod: true,
            hairpin: true,
            block_on_service: true,
        };
        let count = |profile: Profile, asked| profile.worlds(asked).len();
        assert_eq!(count(Profile::SPECIFICATION, all), 16);
        assert_eq!(count(Profile::SPECIFICATION, Questions::default()), 1);
        assert_eq!(count(Profile::CONFORMANCE, all), 1);
        assert_eq!(count(Profile::CALICO, all), 2);
        let worlds = Profile::CALICO.worlds(all);
        assert_eq!(worlds[0].only_difference(worlds[1]), Some(Reason::Hairpin));
    }

    #[test]
    fn a_profile_is_found_by_its_name() {
        for profile in Profile::ALL {
            assert_eq!(Profile::named(profile.name), Some(profile));
        }
        assert_eq!(Profile::named("flannel"), None);
    }
}
