//! A crowd of autoscalers: one to three metrics each, ten pods each, as native JSON, which both the engine and the exporter read.

use serde_json::{Value, json};

/// Pods of each autoscaler.
pub(super) const PODS: usize = 10;
/// In namespaces of that many.
const IN_NAMESPACE: usize = 100;

/// One of the crowd.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member(pub(super) usize);

impl Member {
    pub(super) fn namespace(self) -> String {
        format!("team-{:03}", self.0 / IN_NAMESPACE)
    }

    pub(super) fn name(self) -> String {
        format!("service-{:05}", self.0)
    }

    /// What its controller has last written, and what its pods use, in thousandths of a core, of 100 requested and 60 wanted: within the
    /// tolerance, so that the number of pods is the one that it wants.
    pub(super) const fn used(self) -> usize {
        55 + self.0 % 10
    }

    /// The autoscaler, at `percent` of what is requested.
    pub(super) fn autoscaler(self, percent: usize) -> Value {
        let metric = |name: &str, target: Value| json!({"type": "Resource", "resource": {"name": name, "target": target}});
        let current = |name: &str, current: Value| json!({"type": "Resource", "resource": {"name": name, "current": current}});
        let utilization =
            |percent: usize| json!({"type": "Utilization", "averageUtilization": percent});
        let metrics = [
            metric("cpu", utilization(60)),
            metric(
                "memory",
                json!({"type": "AverageValue", "averageValue": "96Mi"}),
            ),
            json!({"type": "Pods", "pods": {
                "metric": {"name": "requests_per_second"},
                "target": {"type": "AverageValue", "averageValue": "100"},
            }}),
        ];
        let currents = [
            current(
                "cpu",
                json!({"averageUtilization": percent, "averageValue": format!("{percent}m")}),
            ),
            current("memory", json!({"averageValue": "64Mi"})),
            json!({"type": "Pods", "pods": {"metric": {"name": "requests_per_second"}, "current": {"averageValue": "80"}}}),
        ];
        let count = 1 + self.0 % metrics.len();
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"namespace": self.namespace(), "name": self.name(), "uid": format!("uid-{}", self.0)},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name()},
                "minReplicas": 2, "maxReplicas": 30, "metrics": metrics[..count],
            },
            "status": {
                "currentReplicas": PODS, "desiredReplicas": PODS, "currentMetrics": currents[..count],
                "conditions": [
                    condition("AbleToScale", "True", "ReadyForNewScale"),
                    condition("ScalingActive", "True", "ValidMetricFound"),
                    condition("ScalingLimited", "False", "DesiredWithinRange"),
                ],
            },
        })
    }

    pub(super) fn deployment(self) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": self.namespace(), "name": self.name()},
            "spec": {"replicas": PODS, "selector": {"matchLabels": {"app": self.name()}}},
            "status": {"replicas": PODS},
        })
    }

    pub(super) fn pods(self) -> impl Iterator<Item = Value> {
        (0..PODS).map(move |index| {
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "namespace": self.namespace(), "name": self.pod(index), "labels": {"app": self.name(), "pod-template-hash": "5b7d4c88f9"},
                    "creationTimestamp": "2026-01-01T00:00:00Z",
                },
                "spec": {"containers": [{"name": "server", "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}]},
                "status": {
                    "phase": "Running", "startTime": "2026-01-01T00:00:00Z",
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:30Z"}],
                },
            })
        })
    }

    /// What the metric APIs answer of its pods, at `time`.
    pub(super) fn usage(self, time: &str) -> impl Iterator<Item = Value> {
        (0..PODS).map(move |index| {
            json!({
                "metadata": {"namespace": self.namespace(), "name": self.pod(index)},
                "timestamp": time, "window": "30s",
                "containers": [{"name": "server", "usage": {"cpu": format!("{}m", self.used()), "memory": "64Mi"}}],
            })
        })
    }

    pub(super) fn rates(self) -> impl Iterator<Item = Value> {
        (0..PODS)
            .map(move |index| json!({"describedObject": {"name": self.pod(index)}, "value": "80"}))
    }

    fn pod(self, index: usize) -> String {
        format!("{}-5b7d4c88f9-{index:05}", self.name())
    }
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "-", "lastTransitionTime": "2026-01-01T00:00:30Z"})
}
