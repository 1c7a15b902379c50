//! Pods that have only just come have no metric yet, and the controller knows which: a status does not tell. What is remembered then
//! is what the controller wrote, also where nothing explains it.
//!
//! The first statuses are those that a real controller wrote of the shop's frontend, whose first pod burnt processor time while two others came.

use std::sync::Arc;
use std::time::Duration;

use hpa_engine::{Moment, Scale};
use hpa_exporter::decide::Decider;
use hpa_exporter::decide::check::Verdict;
use hpa_exporter::model::Model;
use hpa_exporter::model::target::{Deployment, Target};
use hpa_exporter::watch;
use kube_watch::{Index, ObjectKey};
use serde_json::{Value, json};

use crate::nobody_yet;

/// 2026-11-25T16:26:33Z, when the autoscaler was made.
const MADE: Moment = Moment::from_seconds(1_795_623_993);

struct Cluster {
    model: Model,
    decider: Decider,
    now: Moment,
    behavior: Value,
    /// What the next status says of limits.
    limited: &'static str,
}

impl Cluster {
    fn new() -> Self {
        let (model, decider) = nobody_yet();
        let mut cluster = Self {
            model,
            decider,
            now: MADE,
            behavior: Value::Null,
            limited: "DesiredWithinRange",
        };
        cluster.pods(1);
        cluster.observe(&json!({}));
        cluster
    }

    /// One pod that has long been ready, and others that became so 13 seconds after the autoscaler was made.
    fn pods(&mut self, count: usize) {
        let mut pods = vec![("16:26:46", "100m"); count];
        pods[0] = ("15:00:00", "100m");
        self.place(&pods);
    }

    /// Pods by the time at which they came and what they request.
    fn place(&mut self, pods: &[(&str, &str)]) {
        let count = i32::try_from(pods.len()).unwrap();
        let pods = pods.iter().enumerate().map(|(index, (came, cpu))| {
            let at = format!("2026-11-25T{came}Z");
            let mut placed = watch::pod(serde_json::from_value(json!({
                "metadata": {"name": format!("frontend-{index}"), "namespace": "sre-demo", "labels": {"app": "frontend"}, "creationTimestamp": at},
                "spec": {"containers": [{"name": "server", "resources": {"requests": {"cpu": cpu}}}]},
                "status": {"phase": "Running", "startTime": at,
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at}]},
            })).unwrap());
            placed.seen = MADE;
            Arc::new(placed)
        });
        Index::reset(&mut self.model, None, pods.collect());
        let scale = Scale {
            replicas: count,
            reported_replicas: count,
            selector: "app=frontend".to_owned(),
        };
        let target = Target::<Deployment>::new(
            self.now,
            ObjectKey::new("sre-demo", "frontend"),
            scale,
            false,
        );
        Index::reset(&mut self.model, None, vec![target]);
    }

    fn observe(&mut self, status: &Value) {
        let cpu =
            json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}});
        let mut observed = watch::autoscaler(serde_json::from_value(json!({
            "metadata": {"name": "frontend", "namespace": "sre-demo"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "frontend"},
                "minReplicas": 1, "maxReplicas": 5, "metrics": [{"type": "Resource", "resource": cpu}], "behavior": self.behavior},
            "status": status,
        })).unwrap());
        observed.seen = self.now;
        self.model.apply(observed);
        self.decider.settle(&mut self.model, self.now);
    }

    /// The controller writes, so many seconds after the autoscaler was made, of pods that request 100m each.
    fn write(&mut self, second: u64, usage: i32, replicas: (i32, i32), able: &str, scaled: &str) {
        self.write_of(second, (usage, usage), replicas, able, scaled);
    }

    /// The same of a percentage and an average in thousandths.
    fn write_of(
        &mut self,
        second: u64,
        (percent, average): (i32, i32),
        replicas: (i32, i32),
        able: &str,
        scaled: &str,
    ) {
        self.now = MADE.after(Duration::from_secs(second));
        let limited = match self.limited {
            "DesiredWithinRange" => "False",
            _ => "True",
        };
        let condition = |kind, status, reason| {
            json!({"type": kind, "status": status, "reason": reason, "message": "",
                "lastTransitionTime": "2026-11-25T16:26:33Z"})
        };
        self.observe(&json!({
            "currentReplicas": replicas.0, "desiredReplicas": replicas.1, "lastScaleTime": scaled,
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu",
                "current": {"averageUtilization": percent, "averageValue": format!("{average}m")}}}],
            "conditions": [
                condition("AbleToScale", "True", able),
                condition("ScalingActive", "True", "ValidMetricFound"),
                condition("ScalingLimited", limited, self.limited),
            ],
        }));
    }

    fn verdicts(&mut self, verdict: Verdict) -> u64 {
        let later = self.now.after(Duration::from_secs(3));
        crate::verdicts(&mut self.model, &mut self.decider, later, verdict)
    }
}

#[test]
fn what_the_controller_saw_of_young_pods_is_remembered_and_not_what_we_would_have_seen() {
    let mut cluster = Cluster::new();
    cluster.write(10, 138, (1, 3), "SucceededRescale", "2026-11-25T16:26:43Z");
    assert_eq!(cluster.verdicts(Verdict::Match), 1);
    cluster.pods(3);
    // The two new ones have no metric: taken as nothing, they keep the wish at 3. With one the wish would be 9.
    cluster.write(20, 138, (3, 3), "ReadyForNewScale", "2026-11-25T16:26:43Z");
    assert_eq!(cluster.verdicts(Verdict::Skewed), 1);
    cluster.write(35, 70, (3, 3), "ReadyForNewScale", "2026-11-25T16:26:43Z");
    assert_eq!(cluster.verdicts(Verdict::Skewed), 2);
    // All have one. Nothing higher is remembered than what the controller had wished.
    cluster.write(65, 47, (3, 3), "ReadyForNewScale", "2026-11-25T16:26:43Z");
    cluster.write(85, 1, (3, 3), "ScaleDownStabilized", "2026-11-25T16:26:43Z");
    assert_eq!(cluster.verdicts(Verdict::Mismatch), 0);
    assert_eq!(cluster.verdicts(Verdict::Match), 3);
}

#[test]
fn a_wish_that_no_usage_explains_is_remembered_as_the_status_tells_it() {
    const NEVER: &str = "2026-11-25T16:00:00Z";
    let mut cluster = Cluster::new();
    cluster.place(&[
        ("15:00:00", "100m"),
        ("15:00:00", "300m"),
        ("15:00:00", "300m"),
    ]);
    cluster.write_of(15, (50, 116), (3, 3), "ReadyForNewScale", NEVER);
    assert_eq!(cluster.verdicts(Verdict::Match), 1);
    // One that has long been there had no metric: 280m of 400m, and 280m of 700m with it. Of all three, 70 % would ask for five.
    cluster.write_of(30, (70, 140), (3, 3), "ReadyForNewScale", NEVER);
    assert_eq!(cluster.verdicts(Verdict::Skewed), 1);
    // A wish of five would be held against this one, and the controller's three is.
    cluster.write_of(45, (20, 46), (3, 3), "ScaleDownStabilized", NEVER);
    assert_eq!(cluster.verdicts(Verdict::Mismatch), 0);
    assert_eq!(cluster.verdicts(Verdict::Match), 2);
}

#[test]
fn a_rescale_that_no_usage_explains_is_counted_as_the_status_tells_it() {
    const OLD: &str = "15:00:00";
    let mut cluster = Cluster::new();
    let policies = json!([{"type": "Pods", "value": 2, "periodSeconds": 60}]);
    cluster.behavior = json!({
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": policies},
        "scaleDown": {"selectPolicy": "Max", "policies": policies},
    });
    let pods = [(OLD, "100m"), (OLD, "300m"), (OLD, "300m"), (OLD, "300m")];
    cluster.place(&pods[..3]);
    cluster.write_of(
        15,
        (50, 116),
        (3, 3),
        "ReadyForNewScale",
        "2026-11-25T16:00:00Z",
    );
    assert_eq!(cluster.verdicts(Verdict::Match), 1);
    // One had no metric: 440m of 400m, and 440m of 700m with it. Of all three, 110 % would ask for seven, and get five.
    cluster.write_of(
        30,
        (110, 220),
        (3, 4),
        "SucceededRescale",
        "2026-11-25T16:27:03Z",
    );
    assert_eq!(cluster.verdicts(Verdict::Skewed), 1);
    // One of the two within a minute is left to the controller; to us there would be none.
    cluster.place(&pods);
    cluster.limited = "TooManyReplicas";
    cluster.write_of(
        45,
        (100, 250),
        (4, 5),
        "SucceededRescale",
        "2026-11-25T16:27:18Z",
    );
    assert_eq!(cluster.verdicts(Verdict::Mismatch), 0);
    assert_eq!(cluster.verdicts(Verdict::Match), 2);
}

#[test]
fn a_disagreement_counts_though_another_write_follows_at_once() {
    const NEVER: &str = "2026-11-25T16:00:00Z";
    let mut cluster = Cluster::new();
    // One pod at twice its target is to be two, whoever wrote otherwise.
    cluster.write(15, 100, (1, 1), "ReadyForNewScale", NEVER);
    cluster.write(16, 101, (1, 1), "ReadyForNewScale", NEVER);
    assert_eq!(cluster.verdicts(Verdict::Mismatch), 2);
}
