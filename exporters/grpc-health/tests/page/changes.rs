//! Pods that come, change and go.

use std::fs;

use crate::story::{REFUSED, Story, fixture, serving};

const CART: &str =
    "namespace=\"sre-demo\",pod=\"cartservice-6d8f7c9b5-x2k4q\",container=\"server\"";

fn healthy() -> String {
    fs::read_to_string(fixture("healthy/pods.yaml")).unwrap()
}

fn measured(story: &mut Story) -> Option<f64> {
    story.value(&format!("grpc_probe_duration_seconds_count{{{CART}"))
}

fn successful(story: &mut Story) -> Option<f64> {
    story.value(&format!(
        "grpc_probe_attempts_total{{{CART},probe_type=\"Liveness\",result=\"successful\"}}"
    ))
}

#[tokio::test]
async fn a_container_in_crash_loop_back_off_keeps_its_counts_and_is_not_asked() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(9), REFUSED]);
    story.pods("crash-loop/pods.yaml").await;
    let (handler, asked) = &story.handlers()[0];
    assert_eq!(
        (handler.as_str(), *asked),
        ("cartservice-6d8f7c9b5-x2k4q/server:7070/", false)
    );
    story.is_golden("crash-loop");

    story.pods("healthy/pods.yaml").await;
    assert!(story.handlers()[0].1, "asked again");
    story.attempts(7070, 10, [serving(9)]);
    assert_eq!(measured(&mut story), Some(3.0));
}

#[tokio::test]
async fn a_deleted_pods_series_are_gone_at_once() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(9)]);
    assert_ne!(story.series(), Vec::<String>::new());
    story.deleted("sre-demo", "cartservice-6d8f7c9b5-x2k4q");
    assert_eq!(story.series(), Vec::<String>::new());

    story.pods("healthy/pods.yaml").await;
    story.written("").await;
    assert_eq!(story.series(), Vec::<String>::new(), "a list without it");
}

#[tokio::test]
async fn a_pod_that_has_finished_is_gone_like_a_deleted_one() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    let finished = healthy().replace("phase: Running", "phase: Succeeded");
    story.written(&finished).await;
    assert_eq!(story.series(), Vec::<String>::new());
}

#[tokio::test]
async fn a_successor_of_the_same_name_begins_at_nothing() {
    let mut story = Story::new().recommending_on(5);
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(900); 50]);
    let recommended =
        format!("grpc_probe_recommended_timeout_seconds{{{CART},probe_type=\"Liveness\"}}");
    assert_eq!(successful(&mut story), Some(50.0));
    assert_eq!(story.value(&recommended), Some(2.0));
    let first = story.ids();

    let successor = healthy().replace("uid: 0b51", "uid: 77aa");
    assert_ne!(successor, healthy());
    story.written(&successor).await;
    assert_ne!(story.ids(), first, "an id names one target for ever");
    assert_eq!(successful(&mut story), Some(0.0));
    assert_eq!(
        story.value(&recommended),
        None,
        "no outlook on another pod's attempts"
    );
    let samples = format!("grpc_probe_recommendation_samples{{{CART},probe_type=\"Liveness\"}}");
    assert_eq!(story.value(&samples), Some(0.0));
}

#[tokio::test]
async fn another_budget_keeps_the_counts_and_judges_anew_from_there() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(1_300), serving(20)]);
    let failed =
        format!("grpc_probe_attempts_total{{{CART},probe_type=\"Liveness\",result=\"failed\"}}");
    let headroom = format!("grpc_probe_budget_headroom_ratio{{{CART},probe_type=\"Liveness\"}}");
    assert_eq!(story.value(&failed), Some(1.0));
    let ids = story.ids();

    let wider = healthy().replace("timeoutSeconds: 1", "timeoutSeconds: 5");
    assert_ne!(wider, healthy());
    story.written(&wider).await;
    assert_eq!(story.ids(), ids, "the measurements go on");
    story.attempts(7070, 10, [serving(1_247)]);
    assert_eq!(story.value(&failed), Some(1.0));
    assert_eq!(successful(&mut story), Some(2.0));
    assert_eq!(measured(&mut story), Some(3.0));
    assert_eq!(story.value(&headroom), Some(0.75));
}

#[tokio::test]
async fn a_probe_that_moves_to_another_port_is_another_measurement() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(9)]);
    story
        .written(&healthy().replace("port: 7070", "port: 7071"))
        .await;
    assert_eq!(measured(&mut story), Some(0.0));
    assert_eq!(story.handlers().len(), 1);
}

#[tokio::test]
async fn a_pod_that_is_touched_begins_nothing_anew() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(9)]);
    let ids = story.ids();
    story.pods("healthy/pods.yaml").await;
    assert_eq!(story.ids(), ids);
    assert_eq!(measured(&mut story), Some(1.0));
}
