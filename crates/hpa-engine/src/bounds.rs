//! The last cuts: rate policies, minimum and maximum. `convertDesiredReplicasWithRules` without a behavior,
//! `convertDesiredReplicasWithBehaviorRate` with one.

use serde::{Deserialize, Serialize};

use crate::memory::{Memory, changed_within};
use crate::moment::Moment;
use crate::profile::Architecture;
use crate::spec::{Behavior, Policy, PolicyKind, PolicySelect, ScalingRules};

/// Upwards or downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More replicas.
    Up,
    /// Fewer.
    Down,
}

/// What the last cuts made of a stabilized wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The stabilized wish.
    pub wish: i32,
    /// What is left of it.
    pub replicas: i32,
    /// What it was cut to, or not.
    pub bound: Bound,
    /// The rate limit, where one was asked for: without a behavior upwards always, with one in the wish's direction.
    pub rate: Option<Rate>,
}

/// Which bound cut. The names are those of the condition `ScalingLimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Bound {
    /// None.
    DesiredWithinRange,
    /// The rate upwards.
    ScaleUpLimit,
    /// The rate downwards.
    ScaleDownLimit,
    /// `maxReplicas`.
    TooManyReplicas,
    /// `minReplicas`.
    TooFewReplicas,
}

/// A rate limit and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// In which direction.
    pub direction: Direction,
    /// How far it goes, never against the direction.
    pub limit: i32,
    /// The direction is disabled.
    pub disabled: bool,
    /// What each policy allows; none without a behavior.
    pub policies: Vec<PolicyLimit>,
    /// The policy whose limit it is.
    pub binding: Option<usize>,
}

/// What one policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLimit {
    /// Replicas added within its period.
    pub added: i32,
    /// Replicas removed within its period.
    pub removed: i32,
    /// The replicas at the period's start, as far as the controller's own changes tell.
    pub start: i32,
    /// How far it goes.
    pub limit: i32,
}

/// What the cuts are made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'a> {
    pub(crate) current: i32,
    pub(crate) minimum: i32,
    pub(crate) maximum: i32,
    pub(crate) behavior: Option<&'a Behavior>,
    pub(crate) architecture: Architecture,
    /// Rates count. They do, but for a counterfactual.
    pub(crate) rated: bool,
}

/// `scaleUpLimitFactor` and `scaleUpLimitMinimum`.
const UP_FACTOR: f64 = 2.0;
const UP_MINIMUM: f64 = 4.0;

// === impl Bound ===

impl Bound {
    /// The reason of the condition `ScalingLimited`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::DesiredWithinRange => "DesiredWithinRange",
            Self::ScaleUpLimit => "ScaleUpLimit",
            Self::ScaleDownLimit => "ScaleDownLimit",
            Self::TooManyReplicas => "TooManyReplicas",
            Self::TooFewReplicas => "TooFewReplicas",
        }
    }

    /// Its message.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::DesiredWithinRange => "the desired count is within the acceptable range",
            Self::ScaleUpLimit => {
                "the desired replica count is increasing faster than the maximum scale rate"
            }
            Self::ScaleDownLimit => {
                "the desired replica count is decreasing faster than the maximum scale rate"
            }
            Self::TooManyReplicas => {
                "the desired replica count is more than the maximum replica count"
            }
            Self::TooFewReplicas => {
                "the desired replica count is less than the minimum replica count"
            }
        }
    }
}

// === impl Limits ===

impl Limits<'_> {
    /// Cuts a stabilized wish.
    pub(crate) fn apply(&self, wish: i32, memory: &Memory, now: Moment) -> Bounds {
        match self.behavior {
            None => self.by_rules(wish),
            Some(behavior) => self.by_behavior(wish, behavior, memory, now),
        }
    }

    fn by_rules(&self, wish: i32) -> Bounds {
        let doubled = UP_FACTOR * f64::from(self.current);
        let limit = self.architecture.to_i32(doubled.max(UP_MINIMUM));
        let (highest, bound) = self.upper(limit);
        let (replicas, bound) = if wish < self.minimum {
            (self.minimum, Bound::TooFewReplicas)
        } else if wish > highest {
            (highest, bound)
        } else {
            (wish, Bound::DesiredWithinRange)
        };
        let rate = Rate {
            direction: Direction::Up,
            limit,
            disabled: false,
            policies: Vec::new(),
            binding: None,
        };
        Bounds {
            wish,
            replicas,
            bound,
            rate: Some(rate),
        }
    }

    fn by_behavior(&self, wish: i32, behavior: &Behavior, memory: &Memory, now: Moment) -> Bounds {
        let bounds = |replicas, bound, rate| Bounds {
            wish,
            replicas,
            bound,
            rate,
        };
        if wish > self.current {
            let rate = self.rate(Direction::Up, &behavior.scale_up, memory, now);
            let (highest, bound) = self.upper(rate.limit);
            if wish > highest {
                return bounds(highest, bound, Some(rate));
            }
            return bounds(wish, Bound::DesiredWithinRange, Some(rate));
        }
        if wish < self.current {
            let rate = self.rate(Direction::Down, &behavior.scale_down, memory, now);
            let (lowest, bound) = if self.rated && self.minimum < rate.limit {
                (rate.limit, Bound::ScaleDownLimit)
            } else {
                (self.minimum, Bound::TooFewReplicas)
            };
            if wish < lowest {
                return bounds(lowest, bound, Some(rate));
            }
            return bounds(wish, Bound::DesiredWithinRange, Some(rate));
        }
        bounds(wish, Bound::DesiredWithinRange, None)
    }

    fn upper(&self, limit: i32) -> (i32, Bound) {
        if self.rated && self.maximum > limit {
            (limit, Bound::ScaleUpLimit)
        } else {
            (self.maximum, Bound::TooManyReplicas)
        }
    }

    /// `calculateScaleUpLimitWithScalingRules`, `calculateScaleDownLimitWithBehaviors`, and what follows them: a budget that
    /// is more than used up holds the present number.
    pub(crate) fn rate(
        &self,
        direction: Direction,
        rules: &ScalingRules,
        memory: &Memory,
        now: Moment,
    ) -> Rate {
        let current = self.current;
        let disabled = rules.select_policy == PolicySelect::Disabled;
        let policies: Vec<_> = rules
            .policies
            .iter()
            .map(|policy| self.policy(direction, policy, memory, now))
            .collect();
        let greatest = matches!(
            (direction, rules.select_policy),
            (Direction::Up, PolicySelect::Max) | (Direction::Down, PolicySelect::Min)
        );
        let limits = policies.iter().map(|policy| policy.limit).enumerate();
        let chosen = if greatest {
            // Of equals the first is the one that is named.
            limits.rev().max_by_key(|(_, limit)| *limit)
        } else {
            limits.min_by_key(|(_, limit)| *limit)
        };
        let none = if greatest { i32::MIN } else { i32::MAX };
        let limit = match (disabled, direction) {
            (true, _) => current,
            (false, Direction::Up) => chosen.map_or(none, |(_, limit)| limit).max(current),
            (false, Direction::Down) => chosen.map_or(none, |(_, limit)| limit).min(current),
        };
        Rate {
            direction,
            limit,
            disabled,
            binding: chosen.map(|(index, _)| index).filter(|_| !disabled),
            policies,
        }
    }

    fn policy(
        &self,
        direction: Direction,
        policy: &Policy,
        memory: &Memory,
        now: Moment,
    ) -> PolicyLimit {
        let added = changed_within(&memory.ups, policy.period(), now);
        let removed = changed_within(&memory.downs, policy.period(), now);
        let start = self.current.wrapping_sub(added).wrapping_add(removed);
        let share = f64::from(policy.value) / 100.0;
        let limit = match (policy.kind, direction) {
            (PolicyKind::Pods, Direction::Up) => start.wrapping_add(policy.value),
            (PolicyKind::Pods, Direction::Down) => start.wrapping_sub(policy.value),
            // In this order, so that ten percent of a hundred pods are eleven.
            (PolicyKind::Percent, Direction::Up) => {
                let product = f64::from(start) * (1.0 + share);
                self.architecture.to_i32(product.ceil())
            }
            (PolicyKind::Percent, Direction::Down) => {
                self.architecture.to_i32(f64::from(start) * (1.0 - share))
            }
        };
        PolicyLimit {
            added,
            removed,
            start,
            limit,
        }
    }
}
