//! A NetworkPolicy as it is meant: defaults filled in, everything checked.
//!
//! The rules have numbers, which the whole crate cites:
//!
//! | rule | says | authority |
//! |---|---|---|
//! | 1 | no `podSelector`, or an empty one, selects all pods of the policy's namespace | `NetworkPolicySpec.PodSelector` |
//! | 2 | in a peer an absent selector is not set, an empty one selects all; both in one peer are joined by and, two peers by or | `NetworkPolicyPeer` |
//! | 3 | an empty `namespaceSelector` is all pods of all namespaces, and nothing outside | `NetworkPolicyPeer` |
//! | 4 | a rule without peers, or with an empty list, is for everyone, outside too; without ports, for every port of every protocol | `NetworkPolicyIngressRule` |
//! | 5 | a direction that is isolated and has no rules allows nothing | `NetworkPolicySpec.Ingress`, `Egress` |
//! | 6 | a peer that sets nothing is refused, and so is `ipBlock` beside a selector | `ValidateNetworkPolicyPeer` |
//! | 7 | no `policyTypes`, or an empty list, is Ingress, and Egress too if there is at least one egress rule | `SetDefaults_NetworkPolicy` |
//! | 8 | a port without a protocol is TCP; one without a number is all of its protocol | `SetDefaults_NetworkPolicyPort`, `NetworkPolicyPort` |
//! | 9 | `endPort` is included, wants a number before it, and is not below it | `ValidateNetworkPolicyPort` |
//! | 10 | a named port is what the *destination* pod calls so, with the same protocol; it may be another number on another pod | `NetworkPolicyPort.Port` |
//! | 11 | `except` takes out of its own block alone; another rule may still allow it | `IPBlock`, e2e "should ensure an IP overlapping both IPBlock.CIDR and IPBlock.Except is allowed" |
//! | 12 | that a block matches pods is neither promised nor forbidden: it "should be" for addresses outside | `IPBlock`, the concept page |
//! | 13 | host bits and leading zeros of an older object are taken | `IsValidCIDRForLegacyField` |
//! | 14 | IPv4 and IPv6 never match each other | `IPBlock` |
//! | 15, 16 | TCP, UDP and SCTP are defined, nothing else is | `NetworkPolicyPort.Protocol`, the concept page |
//! | 17 | `NotIn` selects what lacks the key; `matchLabels` with an empty value wants the key | `labels.Requirement.Matches` |
//! | 18 | policies add up, in no order; each direction is isolated by itself; a connection needs both, on its one port | the concept page |
//! | 19 | a pod reaches itself | the concept page |
//! | 20 | whether it does by way of a Service is not specified | network-policy-api #343 |
//! | 21 | a pod's own node always reaches it, and it its node; other nodes do not | `NetworkPolicySpec.Ingress`, the concept page |
//! | 22 | pods on the host's network: either like other pods, or invisible to selectors and seen as their node | the concept page |
//! | 23 | selectors and ports are those of the pod behind a Service; whether a block sees the address before or after is not specified | the concept page |
//! | 24 | the source that comes through a load balancer may be a node's address | the concept page |
//! | 25, 26 | answers pass; what becomes of open connections is not specified, so all this is about new ones | the concept page |
//! | 28 | finished pods have no address any more, whatever their status says; terminating ones have | antrea #6507, kube-router #1056 |
//! | 29 | every namespace has the label `kubernetes.io/metadata.name` | the concept page |
//! | 30 | a pod without an address yet is selected, but nobody can know the blocks that it will be in | follows from 11 |
//!
//! Types and functions are those of `k8s.io/api` and `k8s.io/kubernetes` v1.36.3; the concept page is kubernetes.io's "Network Policies".

use std::fmt;

use crate::address::{Block, Cidr};
use crate::label::Selector;
use crate::problem::Problem;
use crate::written::WrittenPolicy;

mod check;

pub(crate) use check::{check_metadata, check_port_number};

/// A namespaced object's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its namespace; empty for what has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A NetworkPolicy, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// Which.
    pub key: ObjectKey,
    /// Which pods of its namespace it is about.
    pub subject: Selector,
    /// What may come in; without it the policy does not isolate in this direction.
    pub ingress: Option<Vec<Rule>>,
    /// What may go out.
    pub egress: Option<Vec<Rule>>,
    /// Whether `policyTypes` was written.
    pub types_written: bool,
    /// The direction that has rules, and is not one of the types: they mean nothing.
    pub ignored: Option<Direction>,
}

/// A rule: both have to match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Who is at the other end: any of these, or everyone if there are none.
    pub peers: Vec<Peer>,
    /// Any of these ports, or every port of every protocol if there are none.
    pub ports: Vec<PortRule>,
}

/// Who may be at the other end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Pods by their labels and their namespace's.
    Pods(PodPeer),
    /// Addresses. That pods have addresses too is left open by the API (rule 12).
    Block(Block),
    /// Addresses, wherever they are: only in cluster-wide policies, which say so.
    Network(Cidr),
    /// Nodes by their labels: only in cluster-wide policies.
    Nodes(Selector),
    /// Names outside the cluster, whose addresses nobody here knows: only in cluster-wide policies.
    Domains(Vec<String>),
}

/// Pods of namespaces; both have to match (rule 2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodPeer {
    /// In which namespaces.
    pub namespaces: Namespaces,
    /// Which pods of those.
    pub pods: Selector,
}

/// The namespaces in which a selector looks for pods.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Namespaces {
    /// The policy's own.
    Own,
    /// Those with these labels.
    Matching(Selector),
}

/// The ports of one item of a rule's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRule {
    /// Of which protocol; of any only where a cluster-wide policy names a port.
    pub protocol: Option<Protocol>,
    /// Which.
    pub ports: Ports,
}

/// Some ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ports {
    /// All of them.
    All,
    /// From the first to the last, both included.
    Range(u16, u16),
    /// The one that the destination pod calls so.
    Named(String),
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
    /// Something that NetworkPolicy does not define, such as ICMP (rule 16).
    Other,
}

/// The two ways that a policy looks from its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Out of the subject.
    Egress,
    /// Into the subject.
    Ingress,
}

// === impl ObjectKey ===

impl ObjectKey {
    /// The object of this name in this namespace.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectKey {
    /// `namespace/name`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(formatter, "{}/", self.namespace)?;
        }
        formatter.write_str(&self.name)
    }
}

// === impl NetworkPolicy ===

impl NetworkPolicy {
    /// What the API server makes of a policy as written, or everything for which it would refuse it.
    pub fn check(written: &WrittenPolicy) -> Result<Self, Vec<Problem>> {
        check::policy(written)
    }

    /// The rules of a direction, if the policy isolates in it.
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Egress => self.egress.as_deref(),
            Direction::Ingress => self.ingress.as_deref(),
        }
    }
}

// === impl Protocol ===

impl Protocol {
    /// The three that are defined.
    pub const DEFINED: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// As the API spells it; nothing for others.
    pub fn parse(text: &str) -> Option<Self> {
        Self::DEFINED.into_iter().find(|it| it.as_str() == text)
    }

    /// As the API spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

// === impl Direction ===

impl Direction {
    /// Both, as a connection passes them.
    pub const BOTH: [Self; 2] = [Self::Egress, Self::Ingress];

    /// In lower case, as the fields are called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

// === impl PodPeer, Ports ===

impl fmt::Display for PodPeer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespaces {
            Namespaces::Own => write!(formatter, "pods {}", self.pods),
            Namespaces::Matching(selector) => {
                write!(formatter, "pods {} in namespaces {selector}", self.pods)
            }
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pods(pods) => write!(formatter, "{pods}"),
            Self::Block(block) => write!(formatter, "{block}"),
            Self::Network(cidr) => write!(formatter, "{cidr}"),
            Self::Nodes(selector) => write!(formatter, "nodes {selector}"),
            Self::Domains(names) => formatter.write_str(&names.join(", ")),
        }
    }
}

impl fmt::Display for PortRule {
    /// `TCP 8080`, `UDP 1-3`, `TCP http`, `all of SCTP`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.map_or("any protocol", Protocol::as_str);
        match &self.ports {
            Ports::All => write!(formatter, "all of {protocol}"),
            Ports::Range(first, last) if first == last => write!(formatter, "{protocol} {first}"),
            Ports::Range(first, last) => write!(formatter, "{protocol} {first}-{last}"),
            Ports::Named(name) => write!(formatter, "{protocol} {name}"),
        }
    }
}
