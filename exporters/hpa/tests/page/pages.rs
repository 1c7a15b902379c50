//! Each case's whole page.

use std::time::Duration;

use hpa_engine::Limiter;
use hpa_exporter::model::leader::Leader;
use kube_watch::{Index as _, ObjectKey};

use crate::story::{BEGIN, Story};

#[tokio::test]
async fn a_wish_above_the_maximum_is_on_the_page_with_what_cuts_it() {
    let mut story = Story::new();
    assert_eq!(story.objects("maximum").await, []);
    let unmet = "hpa_decision_unmet_replicas{namespace=\"sre-demo\",horizontalpodautoscaler=\"frontend\",limit=\"max\"}";
    assert_eq!(story.value(unmet), Some(3.0));
    story.is_golden("maximum");
}

#[tokio::test]
async fn metrics_that_lie_beside_the_objects_are_taken_over_the_status() {
    let mut story = Story::new();
    assert_eq!(story.objects("measured").await, []);
    story.is_golden("measured");
}

#[tokio::test]
async fn a_target_that_names_nobody_is_told_and_others_go_on() {
    let mut story = Story::new();
    assert_eq!(story.objects("missing").await, []);
    let found = story.decide();
    let limiters: Vec<_> = found
        .autoscalers
        .iter()
        .map(|it| (&*it.key.name, it.limiters.primary))
        .collect();
    assert_eq!(
        limiters,
        [
            ("everything", Limiter::NoSelector),
            ("gone", Limiter::NoScale),
            ("rollout", Limiter::NoScale),
        ]
    );
    let error = |index: usize| found.autoscalers[index].decision.error.clone().unwrap();
    assert!(error(1).contains("deployments.apps \"gone\" not found"));
    assert!(error(2).contains("Rollout"));
    story.is_golden("missing");
}

#[tokio::test]
async fn two_autoscalers_on_one_target_are_both_ambiguous() {
    let mut story = Story::new();
    assert_eq!(story.objects("shared").await, []);
    let found = story.decide();
    let primary: Vec<_> = found
        .autoscalers
        .iter()
        .map(|it| it.limiters.primary)
        .collect();
    assert_eq!(primary, [Limiter::AmbiguousSelector; 2]);
    story.is_golden("shared");
}

#[tokio::test]
async fn what_an_api_server_would_refuse_is_told_with_its_field() {
    let mut story = Story::new();
    let problems = story.objects("refused").await;
    let [problem] = &*problems else {
        panic!("{problems:?}")
    };
    let told = problem.to_string();
    assert!(told.contains("sre-demo/unreadable"), "{told}");
    assert!(told.contains("metrics[0].resource.target"), "{told}");
    story.is_golden("refused");
}

/// Three replicas became eight within the policy's period, before the exporter came; `EVENTS` tells of it, or nothing does.
const SCALED: &str = r#"
apiVersion: v1
kind: List
items:
  - apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {namespace: shop, name: web, uid: one}
    spec:
      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
      minReplicas: 1
      maxReplicas: 50
      metrics: [{type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: "10"}}}]
      behavior: {scaleUp: {policies: [{type: Pods, value: 6, periodSeconds: 600}]}}
    status:
      currentReplicas: 8
      desiredReplicas: 8
      lastScaleTime: "2026-11-18T13:45:00Z"
      currentMetrics: [{type: External, external: {metric: {name: queue}, current: {averageValue: "20"}}}]
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {namespace: shop, name: web}
    spec: {replicas: 8, selector: {matchLabels: {app: web}}}
    status: {replicas: 8}
EVENTS"#;

fn told(name: &str, uid: &str, at: &str, size: u32) -> String {
    format!(
        r#"
  - apiVersion: v1
    kind: Event
    metadata: {{namespace: shop, name: web.{name}}}
    involvedObject: {{kind: HorizontalPodAutoscaler, namespace: shop, name: web, uid: {uid}}}
    reason: SuccessfulRescale
    message: "New size: {size}; reason: external metric queue(nil) above target"
    count: 1
    lastTimestamp: "{at}""#
    )
}

async fn scaled(events: &str) -> (Option<f64>, Option<f64>, Option<f64>) {
    let mut story = Story::new();
    assert_eq!(story.written(&SCALED.replace("EVENTS", events)).await, []);
    memory(&mut story)
}

/// Whether all that was scaled is known, what is used of the policy, and what it allows.
fn memory(story: &mut Story) -> (Option<f64>, Option<f64>, Option<f64>) {
    let labels = r#"{namespace="shop",horizontalpodautoscaler="web""#;
    let mut value =
        |name: &str, rest: &str| story.value(&format!("hpa_decision_{name}{labels}{rest}"));
    (
        value("history_complete", r#",kind="scale_events""#),
        value("policy_used_replicas", r#",direction="up""#),
        value("policy_limit_replicas", r#",direction="up""#),
    )
}

#[tokio::test]
async fn what_was_scaled_before_the_start_is_read_from_the_controllers_events() {
    let first = told("a", "one", "2026-11-18T13:30:00Z", 3);
    let second = told("b", "one", "2026-11-18T13:45:00Z", 8);
    let events = format!("{first}{second}");
    assert_eq!(scaled(&events).await, (Some(1.0), Some(5.0), Some(9.0)));
}

#[tokio::test]
async fn without_the_events_that_would_tell_the_memory_of_scaling_is_not_complete() {
    let incomplete = (Some(0.0), Some(0.0), Some(14.0));
    assert_eq!(scaled("").await, incomplete);
    let second = told("b", "one", "2026-11-18T13:45:00Z", 8);
    assert_eq!(scaled(&second).await, incomplete, "from where is not told");
    let first = told("a", "one", "2026-11-18T13:30:00Z", 3);
    let other = told("b", "two", "2026-11-18T13:45:00Z", 8);
    let others = format!("{first}{other}");
    assert_eq!(scaled(&others).await, incomplete, "of another of this name");
}

#[tokio::test]
async fn what_the_controller_forgot_is_forgotten_though_its_lease_is_heard_of_later() {
    let mut story = Story::new();
    let first = told("a", "one", "2026-11-18T13:30:00Z", 3);
    let second = told("b", "one", "2026-11-18T13:45:00Z", 8);
    let events = format!("{first}{second}");
    assert_eq!(story.written(&SCALED.replace("EVENTS", &events)).await, []);
    assert_eq!(memory(&mut story), (Some(1.0), Some(5.0), Some(9.0)));
    let leads = Leader {
        key: ObjectKey::new("kube-system", "kube-controller-manager"),
        holder: "node_1".to_owned(),
        transitions: 2,
        since: Some(BEGIN.before(Duration::from_secs(30))),
    };
    story.model.write().apply(leads.clone());
    assert_eq!(memory(&mut story), (Some(1.0), Some(0.0), Some(14.0)));

    // From where it was scaled is not told, and does not count any more.
    let mut story = Story::new();
    assert_eq!(story.written(&SCALED.replace("EVENTS", &second)).await, []);
    assert_eq!(memory(&mut story).0, Some(0.0));
    story.model.write().apply(leads);
    assert_eq!(memory(&mut story).0, Some(1.0));
}
