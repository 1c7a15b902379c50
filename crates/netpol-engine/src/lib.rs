//! ```text
//! written ─> policy, tier ─┐
//!                          ├─> cluster ─┬─> naive ─> verdict       (one connection, straight from the rules)
//! label, address ──────────┘            └─> matrix ─> verdict      (all of them at once, kept up by events)
//!
//! flow ─────> what an application needs         explain ──> why, and which rule comes nearest
//! finding ──> what is odd about policies        suggest, difference ──> what a change would open and close
//! ```
//!
//! What the network policies of a cluster allow between all its pods: NetworkPolicy v1, `AdminNetworkPolicy` and
//! `BaselineAdminNetworkPolicy` v1alpha1, `ClusterNetworkPolicy` v1alpha2.
//!
//! Pure: no I/O, no clock, no Kubernetes types. A verdict is allowed, denied, or undefined with the reason: where the API
//! leaves something open, every way in which it may be decided is followed, and only where they disagree is the verdict
//! undefined. A [`Profile`] says what one network plugin decides. The numbered rules are in [`policy`].

pub mod naive;
pub mod policy;

mod address;
mod cluster;
mod difference;
mod explain;
mod finding;
mod flow;
mod label;
mod matrix;
mod problem;
mod profile;
mod query;
mod suggest;
mod tier;
mod verdict;
mod written;

pub use address::{Block, Cidr, Family};
pub use cluster::{
    Cluster, NAMESPACE_NAME_LABEL, NamedPort, Node, Pod, Service, ServicePort, Target,
};
pub use difference::{Difference, Edge, EdgeEnd, difference};
pub use explain::{DirectionExplanation, Explanation, Miss, NearMiss, RulePlace, explain};
pub use finding::{Finding, FindingKind, findings};
pub use flow::{
    Flow, FlowProblem, FlowSource, FlowState, FlowTarget, FlowVerdict, Missing, OneOrMany, Origin,
    WrittenFlow, WrittenFlows,
};
pub use label::{Labels, Operator, Requirement, Selector};
pub use matrix::{Matrix, Reach, Size};
pub use policy::{
    Direction, Namespaces, NetworkPolicy, ObjectKey, Peer, PodPeer, PortRule, Ports, Protocol, Rule,
};
pub use problem::{Fault, Problem};
pub use profile::Profile;
pub use query::{Endpoint, Query, Route};
pub use suggest::{NoSuggestion, Suggestion, suggest};
pub use tier::{Action, ClusterKind, ClusterPeers, ClusterPolicy, ClusterRule, Tier};
pub use verdict::{Reason, Reasons, Verdict};
pub use written::{
    NumberOrName, WrittenBlock, WrittenClusterPeer, WrittenClusterPolicy, WrittenClusterPort,
    WrittenClusterProtocol, WrittenClusterRule, WrittenClusterSpec, WrittenDestinationPort,
    WrittenExpression, WrittenMetadata, WrittenNamespacedPods, WrittenPeer, WrittenPolicy,
    WrittenPort, WrittenPortRange, WrittenPorts, WrittenRule, WrittenSelector, WrittenSpec,
    WrittenSubject, WrittenTransport,
};
