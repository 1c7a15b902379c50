//! Whether a rule is for a connection.

use core::net::IpAddr;

use super::Side;
use crate::cluster::Pod;
use crate::policy::{Namespaces, Peer, PodPeer, PortRule, Ports, Protocol, Rule};
use crate::profile::{Profile, World};
use crate::verdict::{Outcome, Reason};

/// Whether something matches: it may be that nobody can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    No,
    /// It depends on this.
    Perhaps(Reason),
    Yes,
}

/// A plain yes or no, where nothing is unknown.
pub(crate) type Answer = bool;

/// The connection, apart from its two ends.
#[derive(Clone, Copy)]
pub(crate) struct Traffic<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) world: World,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    /// Where names of ports are looked up (rule 10).
    pub(crate) destination: Option<&'a Pod>,
    /// The Service's address that was dialled.
    pub(crate) service: Option<IpAddr>,
}

// === impl World ===

impl World {
    /// Whether selectors of network policies see this pod (rule 22).
    pub(crate) fn selects(self, pod: &Pod) -> Answer {
        !pod.host_network || self.selects_host_network
    }
}

// === impl Match ===

impl Match {
    pub(crate) fn of(answer: Answer) -> Self {
        if answer { Self::Yes } else { Self::No }
    }

    /// What comes of it where a match allows and nothing else does.
    pub(super) fn allows(self) -> Outcome {
        match self {
            Self::Yes => Outcome::ALLOWED,
            Self::No => Outcome::DENIED,
            Self::Perhaps(reason) => Outcome::open(reason),
        }
    }
}

// === impl Side ===

impl Side<'_> {
    /// Whether its address is in something: nobody can know while a pod has none at all (rule 30).
    fn address_in(&self, contains: impl Fn(IpAddr) -> bool) -> Match {
        match (self.address, self.pod) {
            (Some(address), _) => Match::of(contains(address)),
            (None, Some(pod)) if pod.addresses.is_empty() => Match::Perhaps(Reason::NoAddress),
            (None, _) => Match::No,
        }
    }
}

// === impl Traffic ===

impl Traffic<'_> {
    /// Rule 18: the peer and the port of one rule, together. Rule 4: an empty list is everyone, or every port.
    pub(crate) fn matches(&self, rule: &Rule, namespace: &str, peer: &Side<'_>) -> Match {
        self.ports(&rule.ports)
            .min(self.peers(&rule.peers, namespace, peer))
    }

    pub(crate) fn ports(&self, ports: &[PortRule]) -> Match {
        Match::of(ports.is_empty() || ports.iter().any(|port| self.port(port)))
    }

    fn peers(&self, peers: &[Peer], namespace: &str, peer: &Side<'_>) -> Match {
        if peers.is_empty() {
            return Match::Yes;
        }
        let matches = peers.iter().map(|it| self.peer(it, namespace, peer));
        matches.max().unwrap_or(Match::No)
    }

    /// Rules 8, 9, 10.
    pub(crate) fn port(&self, rule: &PortRule) -> Answer {
        if rule.protocol.is_some_and(|it| it != self.protocol) {
            return false;
        }
        match &rule.ports {
            Ports::All => true,
            Ports::Range(first, last) => {
                let last = if self.profile.understands_end_port {
                    last
                } else {
                    first
                };
                (first..=last).contains(&&self.port)
            }
            Ports::Named(name) => self
                .destination
                .is_some_and(|pod| pod.calls(name, rule.protocol, self.port, self.protocol)),
        }
    }

    /// Whether this peer of a policy of this namespace is the one at the other end.
    pub(crate) fn peer(&self, peer: &Peer, namespace: &str, side: &Side<'_>) -> Match {
        match peer {
            Peer::Pods(pods) => Match::of(side.pod.is_some_and(|pod| {
                self.world.selects(pod) && is_one_of(pods, namespace, pod, side)
            })),
            Peer::Block(block) => self.block(side, |address| block.contains(address)),
            Peer::Network(cidr) => side.address_in(|address| cidr.contains(address)),
            // Their selector and their names are asked by whoever knows the nodes: see the tiers.
            Peer::Nodes(_) => Match::No,
            Peer::Domains(_) => match (side.pod, side.node) {
                (None, None) => Match::Perhaps(Reason::DomainName),
                _ => Match::No,
            },
        }
    }

    /// Rules 12, 22, 23 and 30: which address a block sees, if any.
    fn block(&self, side: &Side<'_>, contains: impl Fn(IpAddr) -> bool) -> Match {
        let is_destination = |pod: &Pod| self.destination.is_some_and(|it| it.key == pod.key);
        match side.pod {
            Some(pod) if self.world.selects(pod) => {
                // The Service's address stands for the pod behind it; in the other direction it is nobody's.
                if let (Some(service), true) = (self.service, is_destination(pod))
                    && self.world.blocks_see_services
                {
                    return Match::of(contains(service));
                }
                if !self.world.blocks_see_pods {
                    return Match::No;
                }
            }
            None if side.node.is_none() => {}
            // A node, or a pod that is seen as one.
            _ if !self.profile.blocks_see_nodes => return Match::No,
            _ => {}
        }
        side.address_in(contains)
    }
}

/// Rules 2 and 3: by its labels and those of its namespace.
pub(crate) fn is_one_of(peer: &PodPeer, namespace: &str, pod: &Pod, side: &Side<'_>) -> Answer {
    let in_namespace = match &peer.namespaces {
        Namespaces::Own => pod.key.namespace == namespace,
        Namespaces::Matching(selector) => selector.matches(&side.namespace),
    };
    in_namespace && peer.pods.matches(&pod.labels)
}
