//! Each case's whole page.

use hpa_engine::Limiter;

use crate::story::Story;

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
