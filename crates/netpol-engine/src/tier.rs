//! Cluster-wide policies: `AdminNetworkPolicy` and `BaselineAdminNetworkPolicy` v1alpha1 and `ClusterNetworkPolicy`
//! v1alpha2 of `policy.networking.k8s.io`, in one shape.
//!
//! In each direction the Admin tier is asked first, by priority and then by the order of the rules: the first that matches
//! decides. Accept and Deny are final; Pass, or no match, leads to the network policies, which are final for every pod that
//! one of them isolates; what they leave goes to the Baseline tier in the same way, and what that leaves is allowed. The
//! texts are the doc comments of `ClusterNetworkPolicySpec` and `AdminNetworkPolicySpec` in
//! sigs.k8s.io/network-policy-api v0.2.0.

use crate::policy::{Direction, ObjectKey, Peer, PodPeer, PortRule};
use crate::problem::Problem;
use crate::written::WrittenClusterPolicy;

mod check;

/// Where a policy stands beside network policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Before them.
    Admin,
    /// After them.
    Baseline,
}

/// The kind of a cluster-wide policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClusterKind {
    /// `AdminNetworkPolicy`
    Admin,
    /// `BaselineAdminNetworkPolicy`
    BaselineAdmin,
    /// `ClusterNetworkPolicy`
    Cluster,
}

/// What a rule does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// `Accept`, in v1alpha1 `Allow`: final for this direction.
    Accept,
    /// Final.
    Deny,
    /// On to the next tier.
    Pass,
}

/// A cluster-wide policy, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPolicy {
    /// Its kind.
    pub kind: ClusterKind,
    /// Its name.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// Lower goes first.
    pub priority: u16,
    /// Which pods it is about; never those on the host's network.
    pub subject: PodPeer,
    /// Rules for what comes in, in order.
    pub ingress: Vec<ClusterRule>,
    /// Rules for what goes out, in order.
    pub egress: Vec<ClusterRule>,
}

/// A rule of a cluster-wide policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRule {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What it does.
    pub action: Action,
    /// With whom.
    pub peers: ClusterPeers,
    /// On which ports; on all of all protocols if there are none.
    pub ports: Vec<PortRule>,
}

/// Whom a rule of a cluster-wide policy is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterPeers {
    /// Any of these.
    Of(Vec<Peer>),
    /// Everyone: what becomes of a Deny or Pass with a peer that this version does not know.
    Everyone,
}

// === impl ClusterKind ===

impl ClusterKind {
    /// As the API spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "AdminNetworkPolicy",
            Self::BaselineAdmin => "BaselineAdminNetworkPolicy",
            Self::Cluster => "ClusterNetworkPolicy",
        }
    }
}

// === impl ClusterPolicy ===

impl ClusterPolicy {
    /// What the API server makes of a policy as written, or everything for which it would refuse it.
    pub fn check(written: &WrittenClusterPolicy) -> Result<Self, Vec<Problem>> {
        check::policy(written)
    }

    /// Its kind and name: names are unique in a kind only.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new("", format!("{}/{}", self.kind.as_str(), self.name))
    }

    /// The rules of a direction, in order.
    pub fn rules(&self, direction: Direction) -> &[ClusterRule] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}
