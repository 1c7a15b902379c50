//! A spec as somebody wrote it: what the API server fills in (`pkg/apis/autoscaling/v2/defaults.go`), and what it refuses
//! (`pkg/apis/autoscaling/validation/validation.go`). A cluster serves specs that have been through both; a file has not.

use std::fmt;

use crate::quantity::Quantity;
use crate::resource::ResourceName;
use crate::spec::{
    Behavior, MetricSource, MetricSpec, Policy, PolicyKind, PolicySelect, ScalingRules, Spec,
    Target, TargetKind,
};

/// `HPAScalingRules` before defaulting.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenRules {
    /// `stabilizationWindowSeconds`.
    pub stabilization_window_seconds: Option<i32>,
    /// `selectPolicy`.
    pub select_policy: Option<PolicySelect>,
    /// `policies`.
    pub policies: Option<Vec<Policy>>,
    /// `tolerance`.
    pub tolerance: Option<Quantity>,
}

/// What the API server would refuse, with its field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpecProblem {
    /// The field, such as `spec.metrics[0].resource.target.averageUtilization`.
    pub field: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// `DefaultCPUUtilization`.
const DEFAULT_UTILIZATION: i32 = 80;
/// `scaleUpLimitMinimumPods`.
const DEFAULT_PODS: i32 = 4;
/// `scaleUpLimitPercent` and `scaleDownLimitPercent`.
const DEFAULT_PERCENT: i32 = 100;
/// `scaleUpPeriod` and `scaleDownPeriod`, in seconds.
const DEFAULT_PERIOD: i32 = 15;
/// `MaxStabilizationWindowSeconds`.
const LONGEST_WINDOW: i32 = 3600;
/// `MaxPeriodSeconds`.
const LONGEST_PERIOD: i32 = 1800;

// === impl Behavior ===

impl Behavior {
    /// `SetDefaults_HorizontalPodAutoscalerBehavior`: with any behavior there are rules both ways, and a field that is given
    /// replaces the default's whole field. Downwards the window stays open: the controller's flag stands in.
    pub fn written(up: WrittenRules, down: WrittenRules) -> Self {
        let policy = |kind, value| Policy {
            kind,
            value,
            period_seconds: DEFAULT_PERIOD,
        };
        let percent = policy(PolicyKind::Percent, DEFAULT_PERCENT);
        let pods = policy(PolicyKind::Pods, DEFAULT_PODS);
        Self {
            scale_up: up.over(Some(0), vec![pods, percent]),
            scale_down: down.over(None, vec![percent]),
        }
    }
}

impl WrittenRules {
    fn over(self, window: Option<i32>, policies: Vec<Policy>) -> ScalingRules {
        ScalingRules {
            stabilization_window_seconds: self.stabilization_window_seconds.or(window),
            select_policy: self.select_policy.unwrap_or_default(),
            policies: self.policies.unwrap_or(policies),
            tolerance: self.tolerance,
        }
    }
}

// === impl Spec ===

impl Spec {
    /// `SetDefaults_HorizontalPodAutoscaler`, but for the behavior: that is [`Behavior::written`]'s.
    #[must_use]
    pub fn defaulted(mut self) -> Self {
        self.minimum = self.minimum.or(Some(1));
        if self.metrics.is_empty() {
            self.metrics.push(MetricSpec {
                source: MetricSource::Resource {
                    name: ResourceName::Cpu,
                },
                target: Target {
                    kind: TargetKind::Utilization,
                    value: None,
                    average_value: None,
                    average_utilization: Some(DEFAULT_UTILIZATION),
                },
            });
        }
        self
    }

    /// What the API server would refuse of a defaulted spec. Zero replicas take the gate `HPAScaleToZero`.
    pub fn problems(&self, scale_to_zero: bool) -> Vec<SpecProblem> {
        let mut found = Problems::default();
        let lowest = i32::from(!scale_to_zero);
        let minimum = self.minimum.unwrap_or(1);
        found.unless(
            minimum >= lowest,
            "spec.minReplicas",
            "must be at least 1, or 0 with the gate HPAScaleToZero",
        );
        found.unless(self.maximum >= 1, "spec.maxReplicas", "must be at least 1");
        found.unless(
            self.maximum >= minimum,
            "spec.maxReplicas",
            "must be at least minReplicas",
        );
        for (name, value) in [("kind", &self.target.kind), ("name", &self.target.name)] {
            let field = format!("spec.scaleTargetRef.{name}");
            found.unless(!value.is_empty(), field, "must be set");
        }
        found.unless(
            minimum != 0 || self.has_object_or_external_metric(),
            "spec.metrics",
            "must have an Object or External metric to come back from zero replicas",
        );
        for (index, metric) in self.metrics.iter().enumerate() {
            metric.check(&format!("spec.metrics[{index}]"), &mut found);
        }
        if let Some(behavior) = &self.behavior {
            let rules = [
                ("scaleUp", &behavior.scale_up),
                ("scaleDown", &behavior.scale_down),
            ];
            for (name, rules) in rules {
                rules.check(&format!("spec.behavior.{name}"), &mut found);
            }
        }
        found.0
    }
}

// === impl MetricSpec ===

impl MetricSpec {
    fn check(&self, field: &str, found: &mut Problems) {
        let (within, name) = match &self.source {
            MetricSource::Resource { name } => ("resource", name.as_str()),
            MetricSource::ContainerResource { name, container } => {
                let field = format!("{field}.containerResource.container");
                found.unless(!container.is_empty(), field, "must be set");
                ("containerResource", name.as_str())
            }
            MetricSource::Pods { metric } => ("pods", &*metric.name),
            MetricSource::Object { metric, .. } => ("object", &*metric.name),
            MetricSource::External { metric } => ("external", &*metric.name),
            MetricSource::Unknown { .. } => {
                found.unless(
                    false,
                    format!("{field}.type"),
                    "must be Resource, ContainerResource, Pods, Object or External",
                );
                return;
            }
        };
        let own = format!("{field}.{within}");
        found.unless(!name.is_empty(), format!("{own}.name"), "must be set");
        self.check_target(&format!("{own}.target"), found);
    }

    fn check_target(&self, field: &str, found: &mut Problems) {
        let Target {
            kind,
            value,
            average_value,
            average_utilization,
        } = &self.target;
        found.unless(
            *kind != TargetKind::Unknown,
            format!("{field}.type"),
            "must be Utilization, Value or AverageValue",
        );
        for (name, quantity) in [("value", value), ("averageValue", average_value)] {
            let positive = quantity.as_ref().is_none_or(|it| it.signum() > 0);
            found.unless(positive, format!("{field}.{name}"), "must be positive");
        }
        found.unless(
            average_utilization.is_none_or(|percent| percent >= 1),
            format!("{field}.averageUtilization"),
            "must be at least 1",
        );
        let (average, utilization) = (average_value.is_some(), average_utilization.is_some());
        let (name, fits, problem) = match &self.source {
            MetricSource::Resource { .. } | MetricSource::ContainerResource { .. } => (
                "averageUtilization",
                average != utilization,
                "exactly one of averageUtilization and averageValue must be set",
            ),
            MetricSource::Pods { .. } => ("averageValue", average, "must be set"),
            MetricSource::Object { .. } => (
                "averageValue",
                average || value.is_some(),
                "value or averageValue must be set",
            ),
            MetricSource::External { .. } | MetricSource::Unknown { .. } => (
                "averageValue",
                average != value.is_some(),
                "exactly one of value and averageValue must be set",
            ),
        };
        found.unless(fits, format!("{field}.{name}"), problem);
    }
}

// === impl ScalingRules ===

impl ScalingRules {
    fn check(&self, field: &str, found: &mut Problems) {
        let window = self.stabilization_window_seconds.unwrap_or(0);
        found.unless(
            (0..=LONGEST_WINDOW).contains(&window),
            format!("{field}.stabilizationWindowSeconds"),
            "must be from 0 to 3600",
        );
        found.unless(
            !self.policies.is_empty(),
            format!("{field}.policies"),
            "must have at least one policy",
        );
        for (index, policy) in self.policies.iter().enumerate() {
            let own = format!("{field}.policies[{index}]");
            found.unless(policy.value > 0, format!("{own}.value"), "must be positive");
            found.unless(
                (1..=LONGEST_PERIOD).contains(&policy.period_seconds),
                format!("{own}.periodSeconds"),
                "must be from 1 to 1800",
            );
        }
        let tolerance = self.tolerance.as_ref();
        found.unless(
            tolerance.is_none_or(|tolerance| tolerance.signum() >= 0),
            format!("{field}.tolerance"),
            "must not be negative",
        );
    }
}

/// Problems so far.
#[derive(Default)]
struct Problems(Vec<SpecProblem>);

impl Problems {
    fn unless(&mut self, right: bool, field: impl Into<String>, problem: &'static str) {
        if !right {
            self.0.push(SpecProblem {
                field: field.into(),
                problem,
            });
        }
    }
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.field, self.problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ObjectReference;

    fn spec() -> Spec {
        let target = ObjectReference {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: "web".to_owned(),
        };
        let spec = Spec {
            target,
            minimum: None,
            maximum: 5,
            metrics: Vec::new(),
            behavior: None,
        };
        spec.defaulted()
    }

    #[test]
    fn what_is_not_written_is_filled_in() {
        let spec = spec();
        assert_eq!(spec.minimum, Some(1));
        assert_eq!(spec.metrics[0].target.average_utilization, Some(80));
        assert_eq!(spec.problems(false), []);
        let up = WrittenRules {
            select_policy: Some(PolicySelect::Min),
            ..WrittenRules::default()
        };
        let behavior = Behavior::written(up, WrittenRules::default());
        assert_eq!(behavior.scale_up.policies.len(), 2);
        assert_eq!(behavior.scale_up.select_policy, PolicySelect::Min);
        assert_eq!(behavior.scale_up.stabilization_window_seconds, Some(0));
        assert_eq!(behavior.scale_down.stabilization_window_seconds, None);
        assert_eq!(behavior.scale_down.policies[0].value, 100);
    }

    #[test]
    fn what_the_api_server_refuses_is_told_with_its_field() {
        let mut wrong = spec();
        wrong.minimum = Some(0);
        wrong.maximum = -1;
        wrong.metrics[0].target.average_utilization = Some(0);
        wrong.metrics[0].target.average_value = Some("0".parse().unwrap());
        let mut rules = WrittenRules {
            stabilization_window_seconds: Some(4000),
            policies: Some(Vec::new()),
            tolerance: Some("-1".parse().unwrap()),
            ..WrittenRules::default()
        };
        let up = rules.clone();
        rules.policies = Some(vec![Policy {
            kind: PolicyKind::Pods,
            value: 0,
            period_seconds: 1801,
        }]);
        wrong.behavior = Some(Behavior::written(up, rules));
        let fields: Vec<_> = wrong
            .problems(false)
            .into_iter()
            .map(|it| it.field)
            .collect();
        assert_eq!(
            fields,
            [
                "spec.minReplicas",
                "spec.maxReplicas",
                "spec.maxReplicas",
                "spec.metrics",
                "spec.metrics[0].resource.target.averageValue",
                "spec.metrics[0].resource.target.averageUtilization",
                "spec.metrics[0].resource.target.averageUtilization",
                "spec.behavior.scaleUp.stabilizationWindowSeconds",
                "spec.behavior.scaleUp.policies",
                "spec.behavior.scaleUp.tolerance",
                "spec.behavior.scaleDown.stabilizationWindowSeconds",
                "spec.behavior.scaleDown.policies[0].value",
                "spec.behavior.scaleDown.policies[0].periodSeconds",
                "spec.behavior.scaleDown.tolerance",
            ]
        );
    }
}
