//! A disagreement with the controller, from the write to the recording of it, and back through `upgrade`.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::exporter::{Exporter, run};

/// An autoscaler with room up to five, and a controller that goes to nine.
fn autoscaler(status: &serde_json::Value) -> String {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "10"}}}]},
        "status": status,
    })
    .to_string()
}

#[test]
fn a_disagreement_is_a_recording_that_upgrade_plays() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let ready =
        json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-18T09:00:00Z"});
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}}, "status": {"replicas": 1}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}, "creationTimestamp": "2026-11-18T09:00:00Z"},
            "spec": {"containers": [{"name": "web"}]}, "status": {"phase": "Running", "startTime": "2026-11-18T09:00:00Z", "conditions": [ready]}},
    ]});
    write("objects.json", &objects.to_string());
    let exporter = Exporter::on_files(folder.path());
    exporter.once("/readyz", "HTTP/1.1 200");
    // It comes after the exporter, which so knows all that the controller remembers of it.
    write("autoscaler.json", &autoscaler(&json!(null)));
    exporter.once("/metrics", "hpa_decision_exporter_autoscalers{} 1");
    // A write within a second of a change among the pods says nothing.
    sleep(Duration::from_millis(1500));
    let condition = |kind: &str, reason: &str| json!({"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": "2026-11-18T09:00:00Z"});
    let external = json!({"metric": {"name": "queue"}, "current": {"value": "90"}});
    write(
        "autoscaler.json",
        &autoscaler(&json!({
            "currentReplicas": 1, "desiredReplicas": 9, "lastScaleTime": "2026-11-18T10:00:00Z",
            "currentMetrics": [{"type": "External", "external": external}],
            "conditions": [condition("AbleToScale", "SucceededRescale"), condition("ScalingActive", "ValidMetricFound"), condition("ScalingLimited", "TooManyReplicas")],
        })),
    );
    let answer = exporter.once("/mismatches", "desiredReplicas");
    let (_, recording) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        recording.contains(r#"{"field":"desiredReplicas","theirs":"9","ours":"4"}"#),
        "{recording}"
    );
    write("kept.jsonl", recording);
    let kept = folder.path().join("kept.jsonl");
    let upgrade = ["upgrade", "--from=1.36", "--to=1.37"].map(Path::new);
    let (code, text, _) = run(upgrade.into_iter().chain([&*kept]));
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with("shop/web: 1 of 1 syncs come out otherwise under 1.37 than under 1.36\n"),
        "{text}"
    );
    // The gate is on by then, and so its condition is written.
    let told = "1 replicas, 1.36: 4 (wish 9), scale_up_limit; 1.37: 4 (wish 9), scale_up_limit, ScaledToZero False NotScaledToZero\n";
    assert!(text.ends_with(told), "{text}");
}
