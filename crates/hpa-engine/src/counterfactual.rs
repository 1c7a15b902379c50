//! The same sync with one rule less: what that rule costs. Nothing here mirrors the controller but the rules that are left.

use serde::{Deserialize, Serialize};

use crate::bounds::Limits;
use crate::decide::{Controller, Sync};
use crate::decision::{Decision, Path};
use crate::memory::Memory;
use crate::proposal::{Inputs, highest};
use crate::stabilize::Stabilization;

/// What a sync would have come to without some rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The wish before limits.
    pub wish: i32,
    /// The replicas after them.
    pub desired: i32,
}

/// A sync with one rule less each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterfactuals {
    /// Every ratio but one moves it.
    pub without_tolerance: Outcome,
    /// Pods without a metric, and those that have just started, are left out instead of filled in.
    pub without_dampening: Outcome,
    /// Earlier wishes do not count.
    pub without_stabilization: Outcome,
    /// It may go as far as it likes at once.
    pub without_rate: Outcome,
    /// There is no maximum.
    pub without_maximum: Outcome,
}

/// Which rules hold.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule")]
struct Rules {
    tolerance: bool,
    dampening: bool,
    stabilization: bool,
    rate: bool,
    maximum: bool,
}

const ALL: Rules = Rules {
    tolerance: true,
    dampening: true,
    stabilization: true,
    rate: true,
    maximum: true,
};

impl Controller {
    /// What the sync would have come to without each rule; nothing where metrics did not decide. `memory` is that of before
    /// the sync.
    pub fn counterfactuals(
        &self,
        sync: &Sync<'_>,
        memory: &Memory,
        decision: &Decision,
    ) -> Option<Counterfactuals> {
        let outcome = |rules| self.outcome(sync, memory, decision, rules);
        Some(Counterfactuals {
            without_tolerance: outcome(Rules {
                tolerance: false,
                ..ALL
            })?,
            without_dampening: outcome(Rules {
                dampening: false,
                ..ALL
            })?,
            without_stabilization: outcome(Rules {
                stabilization: false,
                ..ALL
            })?,
            without_rate: outcome(Rules { rate: false, ..ALL })?,
            without_maximum: outcome(Rules {
                maximum: false,
                ..ALL
            })?,
        })
    }

    fn outcome(
        &self,
        sync: &Sync<'_>,
        memory: &Memory,
        decision: &Decision,
        rules: Rules,
    ) -> Option<Outcome> {
        let (Path::Metrics, Ok(scale)) = (decision.path, sync.scale) else {
            return None;
        };
        let current = scale.replicas;
        let mut wish = decision.wish?;
        let undampened = decision.proposals.iter().all(|proposal| {
            let proposal = proposal.as_ref();
            proposal.is_ok_and(|proposal| proposal.calculation.dampened_ratio.is_none())
        });
        if !rules.tolerance || !(rules.dampening || undampened) {
            let tolerance = if rules.tolerance {
                decision.tolerance
            } else {
                decision.tolerance.none()
            };
            let inputs = Inputs {
                dampening: rules.dampening,
                ..Inputs::of(self, sync, scale, tolerance)
            };
            let metrics = sync.autoscaler.spec.metrics.iter();
            let proposals: Vec<_> = metrics.map(|spec| inputs.propose(spec)).collect();
            wish = highest(&proposals).1;
            // A broken metric would still keep it from scaling down.
            if proposals.iter().any(Result::is_err) && wish < current {
                wish = current;
            }
        }
        let raw = wish.max(0);
        let mut before = memory.clone();
        before.begin(current, sync.now);
        if !rules.stabilization {
            before.recommendations.clear();
        }
        let behavior = sync.autoscaler.spec.behavior.as_ref();
        let stabilized =
            Stabilization::of(raw, current, behavior, &before, &self.settings, sync.now);
        let limits = Limits {
            current,
            minimum: decision.minimum,
            maximum: if rules.maximum {
                decision.maximum
            } else {
                i32::MAX
            },
            behavior,
            architecture: self.profile.architecture,
            rated: rules.rate,
        };
        let bounds = limits.apply(stabilized.replicas, &before, sync.now);
        let desired = if decision.raised_to_minimum {
            bounds.replicas.max(decision.minimum)
        } else {
            bounds.replicas
        };
        Some(Outcome { wish, desired })
    }
}
