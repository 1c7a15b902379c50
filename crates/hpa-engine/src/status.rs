//! What the controller writes and tells: the autoscaler's status, and events.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::pod::Truth;
use crate::quantity::{Format, Quantity};
use crate::spec::{MetricSource, ObjectReference};

/// Text that mostly is one of the controller's own.
pub type Text = Cow<'static, str>;

/// `HorizontalPodAutoscalerStatus`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// `observedGeneration`.
    pub observed_generation: Option<i64>,
    /// `lastScaleTime`.
    pub last_scale_time: Option<Moment>,
    /// `currentReplicas`.
    pub current_replicas: i32,
    /// `desiredReplicas`.
    pub desired_replicas: i32,
    /// `currentMetrics`.
    pub current_metrics: Vec<MetricStatus>,
    /// `conditions`, in the order in which they first came.
    pub conditions: Vec<Condition>,
}

/// `MetricStatus`: nothing but an empty type where the metric gave no number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricStatus {
    /// Where the number comes from.
    pub source: Option<MetricSource>,
    /// The number.
    pub current: Current,
}

/// `MetricValueStatus`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Current {
    /// `value`.
    pub value: Option<Quantity>,
    /// `averageValue`.
    pub average_value: Option<Quantity>,
    /// `averageUtilization`.
    pub average_utilization: Option<i32>,
}

/// `HorizontalPodAutoscalerCondition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `type`.
    pub kind: ConditionKind,
    /// `status`.
    pub status: Truth,
    /// `lastTransitionTime`: when the status changed, to the second.
    pub since: Moment,
    /// `reason`.
    pub reason: Text,
    /// `message`.
    pub message: Text,
}

/// `HorizontalPodAutoscalerConditionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionKind {
    /// The target's scale can be read and written; what stabilization did, unless it was scaled.
    AbleToScale,
    /// There is a number to go by.
    ScalingActive,
    /// A rate or a limit cut the number.
    ScalingLimited,
    /// The controller itself scaled to zero: since 1.36.
    ScaledToZero,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A Kubernetes event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Whether it is of type `Warning`, else `Normal`.
    pub warning: bool,
    /// `reason`.
    pub reason: Text,
    /// `message`.
    pub message: String,
}

// === impl Status ===

impl Status {
    /// `setConditionInList`.
    pub(crate) fn set(
        &mut self,
        kind: ConditionKind,
        status: Truth,
        reason: impl Into<Text>,
        message: impl Into<Text>,
        now: Moment,
    ) {
        let (reason, message) = (reason.into(), message.into());
        if let Some(condition) = self.conditions.iter_mut().find(|it| it.kind == kind) {
            if condition.status != status {
                condition.since = now;
            }
            condition.status = status;
            condition.reason = reason;
            condition.message = message;
        } else {
            self.conditions.push(Condition {
                kind,
                status,
                since: now,
                reason,
                message,
            });
        }
    }

    /// `removeCondition`.
    pub(crate) fn remove(&mut self, kind: ConditionKind) {
        self.conditions.retain(|condition| condition.kind != kind);
    }

    /// As it is once it was written: API objects keep whole seconds.
    pub(crate) fn cut_to_seconds(&mut self) {
        for condition in &mut self.conditions {
            condition.since = condition.since.whole_seconds();
        }
        self.last_scale_time = self.last_scale_time.map(Moment::whole_seconds);
    }

    /// The condition of a type.
    pub fn condition(&self, kind: ConditionKind) -> Option<&Condition> {
        self.conditions.iter().find(|it| it.kind == kind)
    }
}

// === impl MetricStatus ===

impl MetricStatus {
    pub(crate) fn of(source: &MetricSource, current: Current) -> Self {
        Self {
            source: Some(source.clone()),
            current,
        }
    }

    /// As until 1.32, when the average of an object did not say of which.
    pub(crate) fn forget_object(&mut self) {
        if let Some(MetricSource::Object { described, .. }) = &mut self.source {
            *described = ObjectReference::default();
        }
    }
}

// === impl Current ===

impl Current {
    pub(crate) fn average(average: Quantity) -> Self {
        Self {
            average_value: Some(average),
            ..Self::default()
        }
    }

    pub(crate) fn total(milli: i64) -> Self {
        Self {
            value: Some(Quantity::from_milli(milli, Format::DecimalSi)),
            ..Self::default()
        }
    }
}

// === impl Event ===

impl Event {
    pub(crate) fn warning(reason: impl Into<Text>, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason: reason.into(),
            message: message.into(),
        }
    }

    pub(crate) fn normal(reason: impl Into<Text>, message: impl Into<String>) -> Self {
        Self {
            warning: false,
            ..Self::warning(reason, message)
        }
    }
}
