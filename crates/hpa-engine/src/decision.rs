//! A decision with every value that led to it.

use serde::{Deserialize, Serialize};

use crate::bounds::Bounds;
use crate::moment::Moment;
use crate::proposal::{MetricFailure, Proposal};
use crate::scale::Scale;
use crate::stabilize::Stabilization;
use crate::status::{Event, Status, Text};
use crate::tolerance::Tolerance;

/// What one sync came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Moment,
    /// Which way the sync took.
    pub path: Path,
    /// The target's scale, if it was to be had.
    pub scale: Option<Scale>,
    /// `minReplicas`, defaulted.
    pub minimum: i32,
    /// `maxReplicas`.
    pub maximum: i32,
    /// The tolerance that counted.
    pub tolerance: Tolerance,
    /// What each metric asked for, in the order of the spec; none if no metric was looked at.
    pub proposals: Vec<Result<Proposal, MetricFailure>>,
    /// The metric that asked for the most.
    pub selected: Option<usize>,
    /// What it asked for: the wish before any limit. A broken metric may have kept it from being followed.
    pub wish: Option<i32>,
    /// What stabilization made of the wish.
    pub stabilization: Option<Stabilization>,
    /// What rates and limits made of that.
    pub bounds: Option<Bounds>,
    /// Coming from zero, the number was raised to the minimum past all limits.
    pub raised_to_minimum: bool,
    /// The replicas that the target is to have; what it has, if nothing is to change.
    pub desired: i32,
    /// The change, if there is to be one.
    pub rescale: Option<Rescale>,
    /// The new status.
    pub status: Status,
    /// Whether the status is written: an equal one is not.
    pub written: bool,
    /// The events, in order.
    pub events: Vec<Event>,
    /// The error that the sync ends with, for the controller's log.
    pub error: Option<String>,
}

/// Which way a sync takes (`reconcileAutoscaler`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Path {
    /// There is no scale to work on.
    NoScale,
    /// The target has no replicas, and that is not the controller's doing: nothing is done.
    Disabled,
    /// More replicas than the maximum: set to it at once, without a look at metrics.
    AboveMaximum,
    /// Fewer than the minimum: set to it at once.
    BelowMinimum,
    /// The scale names no pods, or not in a selector's grammar.
    NoSelector,
    /// Other autoscalers claim the same pods.
    Ambiguous,
    /// The controller does not know the autoscaler any more: since 1.37.
    Unregistered,
    /// No metric gives a number.
    NoMetrics,
    /// A metric is broken, and the others ask for fewer replicas: nothing is done.
    BlockedByMetric,
    /// Metrics decide.
    Metrics,
}

/// A change of the target's scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescale {
    /// To how many replicas.
    pub to: i32,
    /// The reason that the event tells. Empty if an old wish did it.
    pub reason: Text,
    /// Whether the PUT went through.
    pub done: bool,
}

impl Decision {
    /// `spec.replicas` of the target; zero if that is not known.
    pub fn current(&self) -> i32 {
        self.scale.as_ref().map_or(0, |scale| scale.replicas)
    }
}
