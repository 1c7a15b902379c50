//! What keeps the target from having what the load asks for, by name.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::bounds::{Bound, Direction};
use crate::decision::{Decision, Path};
use crate::proposal::Held;
use crate::stabilize::Stabilization;

/// Something that stands between the load and the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limiter {
    /// Nothing.
    None,
    /// The ratio is within the tolerance.
    Tolerance,
    /// Pods that tell nothing slow the change down.
    Dampening,
    /// A lower wish within the window upwards.
    StabilizationUp,
    /// A higher wish within the window downwards.
    StabilizationDown,
    /// A higher wish of before scales up now, though the present one does not: only without a behavior.
    StabilizationRaise,
    /// The rate upwards.
    ScaleUpLimit,
    /// The rate downwards.
    ScaleDownLimit,
    /// A behavior disables the direction.
    PolicyDisabled,
    /// `maxReplicas`.
    MaxReplicas,
    /// `minReplicas`.
    MinReplicas,
    /// A broken metric: without it there is no scaling down.
    InvalidMetricBlocksScaleDown,
    /// The target has no replicas.
    ScalingDisabled,
    /// The same pods are claimed by several autoscalers.
    AmbiguousSelector,
    /// The scale names no pods.
    NoSelector,
    /// No metric gives a number.
    NoMetrics,
    /// There is no scale, or the autoscaler is not there any more.
    NoScale,
}

/// The limiters of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limiters {
    /// The one that decided: the last that moved the number to the side on which it is from the wish, or that stopped the sync. While
    /// stabilization holds up an old wish that the maximum cuts, and the load asks for less than both, it is stabilization.
    pub primary: Limiter,
    /// All, in the order in which they come in a sync. Without the primary if that is none.
    pub all: Vec<Limiter>,
}

impl Limiters {
    /// Of a sync that no metric's number came through: the last is what stopped it.
    fn stopped(all: Vec<Limiter>) -> Self {
        Self {
            primary: all.last().copied().unwrap_or(Limiter::None),
            all,
        }
    }
}

impl Limiter {
    /// Whether it can have moved the number to that side of the wish. Equal is for what is in the wish already.
    const fn moves_to(self, side: Ordering) -> bool {
        match self {
            Self::StabilizationUp | Self::ScaleUpLimit | Self::MaxReplicas => side.is_lt(),
            Self::StabilizationDown
            | Self::StabilizationRaise
            | Self::ScaleDownLimit
            | Self::MinReplicas => side.is_gt(),
            Self::PolicyDisabled => side.is_ne(),
            _ => side.is_eq(),
        }
    }

    /// As a label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Tolerance => "tolerance",
            Self::Dampening => "dampening",
            Self::StabilizationUp => "stabilization_up",
            Self::StabilizationDown => "stabilization_down",
            Self::StabilizationRaise => "stabilization_raise",
            Self::ScaleUpLimit => "scale_up_limit",
            Self::ScaleDownLimit => "scale_down_limit",
            Self::PolicyDisabled => "policy_disabled",
            Self::MaxReplicas => "max_replicas",
            Self::MinReplicas => "min_replicas",
            Self::InvalidMetricBlocksScaleDown => "invalid_metric_blocks_scale_down",
            Self::ScalingDisabled => "scaling_disabled",
            Self::AmbiguousSelector => "ambiguous_selector",
            Self::NoSelector => "no_selector",
            Self::NoMetrics => "no_metrics",
            Self::NoScale => "no_scale",
        }
    }
}

impl Decision {
    /// What limits it.
    pub fn limiters(&self) -> Limiters {
        let mut all = Vec::new();
        all.extend(self.metric_limiter());
        all.extend(self.stopper());
        all.extend(self.stabilizer());
        all.extend(self.bound_limiter());
        let side = match self.wish {
            Some(wish) if self.path == Path::Metrics => self.desired.cmp(&wish),
            _ => return Limiters::stopped(all),
        };
        let moved = all.iter().rev().find(|limiter| limiter.moves_to(side));
        Limiters {
            primary: moved.copied().unwrap_or(Limiter::None),
            all,
        }
    }

    /// What ended the sync early, or decided without metrics.
    const fn stopper(&self) -> Option<Limiter> {
        match self.path {
            Path::Metrics => None,
            Path::NoScale | Path::Unregistered => Some(Limiter::NoScale),
            Path::Disabled => Some(Limiter::ScalingDisabled),
            Path::AboveMaximum => Some(Limiter::MaxReplicas),
            Path::BelowMinimum => Some(Limiter::MinReplicas),
            Path::NoSelector => Some(Limiter::NoSelector),
            Path::Ambiguous => Some(Limiter::AmbiguousSelector),
            Path::NoMetrics => Some(Limiter::NoMetrics),
            Path::BlockedByMetric => Some(Limiter::InvalidMetricBlocksScaleDown),
        }
    }

    /// What held the selected metric's proposal back.
    fn metric_limiter(&self) -> Option<Limiter> {
        let proposal = self.proposals.get(self.selected?)?.as_ref().ok()?;
        let calculation = &proposal.calculation;
        match calculation.held {
            // At the target exactly, nothing is held back.
            Some(Held::Tolerance) if calculation.usage == calculation.target => None,
            Some(Held::Tolerance) => Some(Limiter::Tolerance),
            Some(_) => Some(Limiter::Dampening),
            None => calculation
                .is_dampened(proposal.replicas)
                .then_some(Limiter::Dampening),
        }
    }

    fn stabilizer(&self) -> Option<Limiter> {
        let stabilization = self.stabilization.filter(Stabilization::changed)?;
        let current = self.current();
        Some(if stabilization.replicas < stabilization.wish {
            Limiter::StabilizationUp
        } else if stabilization.wish <= current && self.desired > current {
            Limiter::StabilizationRaise
        } else {
            Limiter::StabilizationDown
        })
    }

    fn bound_limiter(&self) -> Option<Limiter> {
        if self.raised_to_minimum {
            return Some(Limiter::MinReplicas);
        }
        let bounds = self.bounds.as_ref()?;
        let disabled = |direction| {
            let rate = bounds.rate.as_ref();
            rate.is_some_and(|rate| rate.disabled && rate.direction == direction)
        };
        match bounds.bound {
            Bound::DesiredWithinRange => None,
            Bound::ScaleUpLimit if disabled(Direction::Up) => Some(Limiter::PolicyDisabled),
            Bound::ScaleDownLimit if disabled(Direction::Down) => Some(Limiter::PolicyDisabled),
            Bound::ScaleUpLimit => Some(Limiter::ScaleUpLimit),
            Bound::ScaleDownLimit => Some(Limiter::ScaleDownLimit),
            Bound::TooManyReplicas => Some(Limiter::MaxReplicas),
            Bound::TooFewReplicas => Some(Limiter::MinReplicas),
        }
    }
}
