//! An autoscaler as its owner writes it: `autoscaling/v2`, after defaulting.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;
use crate::resource::ResourceName;

/// A `HorizontalPodAutoscaler` without its status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Autoscaler {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.generation`.
    #[serde(default)]
    pub generation: i64,
    /// `spec`.
    pub spec: Spec,
}

/// `HorizontalPodAutoscalerSpec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// `scaleTargetRef`.
    pub target: ObjectReference,
    /// `minReplicas`; one if there is none.
    pub minimum: Option<i32>,
    /// `maxReplicas`.
    pub maximum: i32,
    /// `metrics`.
    pub metrics: Vec<MetricSpec>,
    /// `behavior`. Whether there is one selects between two sets of rules.
    pub behavior: Option<Behavior>,
}

/// `CrossVersionObjectReference`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// `apiVersion`.
    #[serde(default)]
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `name`.
    pub name: String,
}

/// `MetricSpec`: where a number comes from, and what it is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSpec {
    /// The source.
    pub source: MetricSource,
    /// The target.
    pub target: Target,
}

/// The source of a metric, by its type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MetricSource {
    /// `Resource`: a resource of whole pods.
    Resource {
        /// The resource, such as `cpu`.
        name: ResourceName,
    },
    /// `ContainerResource`: a resource of one container of each pod.
    ContainerResource {
        /// The resource.
        name: ResourceName,
        /// The container.
        container: String,
    },
    /// `Pods`: a custom metric of each pod.
    Pods {
        /// The metric.
        metric: MetricIdentifier,
    },
    /// `Object`: a custom metric of one object.
    Object {
        /// The metric.
        metric: MetricIdentifier,
        /// The object.
        described: ObjectReference,
    },
    /// `External`: a metric of something outside.
    External {
        /// The metric.
        metric: MetricIdentifier,
    },
    /// A type that the controller does not know.
    Unknown {
        /// `type`, as written.
        kind: String,
    },
}

/// `MetricIdentifier`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MetricIdentifier {
    /// `name`.
    pub name: String,
    /// `selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// `metav1.LabelSelector`. Here it is only passed on and printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// `matchLabels`, sorted by key.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub match_labels: std::collections::BTreeMap<String, String>,
    /// `matchExpressions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelExpression>,
}

/// `metav1.LabelSelectorRequirement`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LabelExpression {
    /// `key`.
    pub key: String,
    /// `operator`.
    pub operator: String,
    /// `values`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// `MetricTarget`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// `type`. Only an Object metric asks for it.
    #[serde(rename = "type")]
    pub kind: TargetKind,
    /// `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// `averageValue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
    /// `averageUtilization`, in percent of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_utilization: Option<i32>,
}

/// `MetricTargetType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TargetKind {
    /// `Utilization`.
    Utilization,
    /// `Value`.
    Value,
    /// `AverageValue`.
    AverageValue,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// `HorizontalPodAutoscalerBehavior`, defaulted: both directions are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Behavior {
    /// `scaleUp`.
    pub scale_up: ScalingRules,
    /// `scaleDown`.
    pub scale_down: ScalingRules,
}

/// `HPAScalingRules`, defaulted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalingRules {
    /// `stabilizationWindowSeconds`. Downwards, the controller's flag stands in; upwards, none is zero.
    #[serde(default)]
    pub stabilization_window_seconds: Option<i32>,
    /// `selectPolicy`.
    pub select_policy: PolicySelect,
    /// `policies`.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// `tolerance`.
    #[serde(default)]
    pub tolerance: Option<Quantity>,
}

/// `ScalingPolicySelect`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PolicySelect {
    /// The policy that allows the greatest change.
    #[default]
    Max,
    /// The policy that allows the smallest.
    Min,
    /// No change in this direction.
    Disabled,
}

/// `HPAScalingPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// `type`.
    #[serde(rename = "type")]
    pub kind: PolicyKind,
    /// `value`: pods, or percent.
    pub value: i32,
    /// `periodSeconds`.
    pub period_seconds: i32,
}

/// `HPAScalingPolicyType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PolicyKind {
    /// So many pods.
    Pods,
    /// So many percent.
    Percent,
}

// === impl Spec ===

impl Spec {
    /// `hasObjectOrExternalMetrics`: whether something could tell that pods are wanted while there are none.
    pub fn has_object_or_external_metric(&self) -> bool {
        self.metrics.iter().any(|metric| {
            matches!(
                metric.source,
                MetricSource::Object { .. } | MetricSource::External { .. }
            )
        })
    }
}

// === impl ScalingRules ===

impl ScalingRules {
    /// `stabilizationWindowSeconds` as a duration, if it is given.
    pub fn window(&self) -> Option<Duration> {
        self.stabilization_window_seconds.map(seconds)
    }

    /// `getLongestPolicyPeriod`.
    pub fn longest_period(&self) -> Duration {
        let periods = self.policies.iter().map(Policy::period);
        periods.max().unwrap_or_default()
    }
}

// === impl Policy ===

impl Policy {
    /// `periodSeconds` as a duration.
    pub fn period(&self) -> Duration {
        seconds(self.period_seconds)
    }
}

/// An API server refuses negative ones.
fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(seconds.max(0).unsigned_abs().into())
}

// === impl MetricSource ===

impl MetricSource {
    /// `type`, as the API has it.
    pub fn kind(&self) -> &str {
        match self {
            Self::Resource { .. } => "Resource",
            Self::ContainerResource { .. } => "ContainerResource",
            Self::Pods { .. } => "Pods",
            Self::Object { .. } => "Object",
            Self::External { .. } => "External",
            Self::Unknown { kind } => kind,
        }
    }
}

// === impl LabelSelector ===

/// As Go prints it in messages (`LabelSelector.String` of `generated.pb.go`).
impl fmt::Display for LabelSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("&LabelSelector{MatchLabels:map[string]string{")?;
        for (key, value) in &self.match_labels {
            write!(formatter, "{key}: {value},")?;
        }
        formatter.write_str("},MatchExpressions:[]LabelSelectorRequirement{")?;
        for expression in &self.match_expressions {
            let LabelExpression {
                key,
                operator,
                values,
            } = expression;
            let values = values.join(" ");
            write!(
                formatter,
                "LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},"
            )?;
        }
        formatter.write_str("},}")
    }
}

/// A selector that may be missing, as Go prints it.
pub(crate) fn printed(selector: Option<&LabelSelector>) -> String {
    selector.map_or_else(|| "nil".to_owned(), LabelSelector::to_string)
}
