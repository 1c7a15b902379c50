//! The state of a required flow: what is needed, what the policies say and what the network does, in one word.

use netpol_engine::FlowState;

use super::expectation::Expectation;
use super::observation::Observation;

/// The state of a required flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It is allowed; and where it was tried, it works.
    Ok,
    /// Policies forbid it between at least one pair of replicas; and where it was tried, it does not come through.
    BlockedByPolicy,
    /// Policies allow it, and yet it does not come through.
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

    /// What the policies say and what the network does, together. With `required`, what the policies say alone is not enough to be `ok`.
    pub(super) fn of(expectation: &Expectation, seen: &Observation, required: bool) -> Self {
        match expectation.verdict {
            FlowState::TargetAbsent(_) => Self::TargetAbsent,
            // What may be so or so is never wrong; but what works, works.
            FlowState::Undefined(_) if seen.reachable() == Some(true) => Self::Ok,
            FlowState::SourceAbsent | FlowState::Undefined(_) => Self::Unknown,
            FlowState::Blocked if seen.leaking > 0 => Self::EnforcementGap,
            FlowState::Blocked => Self::BlockedByPolicy,
            FlowState::Allowed if seen.stopped > 0 => Self::BrokenNotPolicy,
            FlowState::Allowed if seen.nobody_listens > 0 => Self::AppDown,
            FlowState::Allowed if seen.has_evidence() => Self::Ok,
            FlowState::Allowed if seen.is_lost || required => Self::Unknown,
            FlowState::Allowed => Self::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use netpol_engine::{Missing, Reason, Reasons};

    use super::*;

    fn of(verdict: FlowState, seen: Observation, required: bool) -> State {
        let expectation = Expectation {
            verdict,
            ..Expectation::nothing()
        };
        State::of(&expectation, &seen, required)
    }

    fn nothing() -> Observation {
        Observation::default()
    }

    /// The eight combinations of required, expected and observed, and what lies between.
    #[test]
    fn every_combination_has_its_word() {
        let undefined = FlowState::Undefined(Reasons::of(Reason::HostNetwork));
        let open = Observation {
            open: 1,
            ..nothing()
        };
        let lost = Observation {
            is_lost: true,
            ..nothing()
        };
        let stopped = Observation { stopped: 1, ..open };
        let down = Observation {
            nobody_listens: 1,
            ..open
        };
        let leaking = Observation {
            leaking: 1,
            enforced: 1,
            ..nothing()
        };
        let enforced = Observation {
            enforced: 1,
            ..nothing()
        };
        let undecided = Observation {
            undecided_open: 1,
            ..nothing()
        };
        let undecided_stopped = Observation {
            undecided_stopped: 1,
            ..undecided
        };
        for (verdict, seen, required, state) in [
            (FlowState::Allowed, nothing(), false, State::Ok),
            (FlowState::Allowed, nothing(), true, State::Unknown),
            (FlowState::Allowed, lost, false, State::Unknown),
            (FlowState::Allowed, open, true, State::Ok),
            (FlowState::Allowed, stopped, true, State::BrokenNotPolicy),
            (FlowState::Allowed, down, true, State::AppDown),
            (FlowState::Blocked, nothing(), true, State::BlockedByPolicy),
            (FlowState::Blocked, lost, true, State::BlockedByPolicy),
            (FlowState::Blocked, enforced, true, State::BlockedByPolicy),
            (FlowState::Blocked, leaking, true, State::EnforcementGap),
            (undefined, nothing(), false, State::Unknown),
            (undefined, undecided, false, State::Ok),
            (undefined, undecided_stopped, false, State::Unknown),
            (FlowState::SourceAbsent, nothing(), false, State::Unknown),
            (
                FlowState::TargetAbsent(Missing::Service),
                open,
                false,
                State::TargetAbsent,
            ),
        ] {
            assert_eq!(
                of(verdict, seen, required),
                state,
                "{verdict:?} {seen:?} {required}"
            );
        }
    }
}
