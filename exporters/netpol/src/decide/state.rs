//! The state of a required flow: what is needed, what the policies say and what the network does, in one word.

use super::expectation::Expectation;

/// The state of a required flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It is allowed; and where it was tried, it works.
    Ok,
    /// Policies forbid it between at least one pair of replicas.
    BlockedByPolicy,
    /// Policies allow it and the listener is there, and yet it does not come through.
    BrokenNotPolicy,
    /// Policies forbid it, and it comes through.
    EnforcementGap,
    /// Policies allow it, and nobody listens.
    AppDown,
    /// There is nothing to dial: no such Service, no such port of it, or no pods behind it.
    TargetAbsent,
    /// Nobody can say: the API leaves it open, there is nobody to dial, or the evidence is lost.
    Unknown,
}

// === impl State ===

impl State {
    /// All of them, the good one first.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::BlockedByPolicy,
        Self::BrokenNotPolicy,
        Self::EnforcementGap,
        Self::AppDown,
        Self::TargetAbsent,
        Self::Unknown,
    ];

    /// The name, as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::BlockedByPolicy => "blocked_by_policy",
            Self::BrokenNotPolicy => "broken_not_policy",
            Self::EnforcementGap => "enforcement_gap",
            Self::AppDown => "app_down",
            Self::TargetAbsent => "target_absent",
            Self::Unknown => "unknown",
        }
    }

    /// From the policies alone.
    pub(super) fn of(expectation: &Expectation) -> Self {
        use netpol_engine::FlowState;
        match expectation.verdict {
            FlowState::Allowed => Self::Ok,
            FlowState::Blocked => Self::BlockedByPolicy,
            FlowState::TargetAbsent(_) => Self::TargetAbsent,
            FlowState::Undefined(_) | FlowState::SourceAbsent => Self::Unknown,
        }
    }
}
