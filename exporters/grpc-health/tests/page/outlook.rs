//! What the page says about other budgets: not on too little, not computed more often than it changes, not older than its pod.

use crate::story::{Story, serving};

const CART: &str = "namespace=\"sre-demo\",pod=\"cartservice-6d8f7c9b5-x2k4q\",container=\"server\",probe_type=\"Liveness\"";

fn recommended() -> String {
    format!("grpc_probe_recommended_timeout_seconds{{{CART}}}")
}

#[tokio::test]
async fn nothing_is_recommended_on_too_few_samples_and_the_page_says_on_how_many() {
    let mut story = Story::new().recommending_on(40);
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(1_100); 39]);
    assert_eq!(story.value(&recommended()), None);
    let detection = format!("grpc_probe_detection_seconds{{{CART},budget=\"recommended\"}}");
    assert_eq!(story.value(&detection), None);
    let samples = format!("grpc_probe_recommendation_samples{{{CART}}}");
    assert_eq!(story.value(&samples), Some(39.0));
    let refusal = story.decide().probes[0].outlook.recommended.clone();
    let refusal = refusal.expect("looked at").expect_err("refused");
    assert!(
        refusal.contains("39") && refusal.contains("40"),
        "{refusal}"
    );

    // A twentieth of the window has to be new before it is looked at again.
    story.attempts(7070, 10, [serving(1_100); 2]);
    assert_eq!(story.value(&recommended()), Some(2.0));
    assert!(story.value(&detection).is_some());
}

#[tokio::test]
async fn an_outlook_is_kept_until_enough_attempts_are_new() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(10); 100]);
    let first = story.decide().probes[0].outlook.clone();
    assert_eq!((first.samples, first.judged), (100, 100));

    story.attempts(7070, 10, [serving(10); 5]);
    assert_eq!(
        story.decide().probes[0].outlook,
        first,
        "a twentieth is not enough"
    );
    story.attempts(7070, 10, [serving(10)]);
    let second = story.decide().probes[0].outlook.clone();
    assert_eq!((second.samples, second.judged), (106, 106));
}

#[tokio::test]
async fn another_budget_is_looked_at_at_once() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    story.attempts(7070, 10, [serving(1_100); 100]);
    let kills = |findings: &grpc_health_exporter::decide::Findings| {
        findings.probes[0].outlook.what_if.clone()
    };
    let before = kills(&story.decide());
    assert!(before[0].1 > 0, "1 s kills: {before:?}");
    assert_eq!(before[1], (2, 0), "2 s do not");
    let yaml = std::fs::read_to_string(crate::story::fixture("healthy/pods.yaml")).unwrap();
    story
        .written(&yaml.replace("failureThreshold: 3", "failureThreshold: 1000"))
        .await;
    assert_eq!(kills(&story.decide())[0], (1, 0));
}

#[tokio::test]
async fn each_probe_keeps_its_own_outlook_when_others_come_and_go() {
    let pod = |name: &str, port: u16| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{containers: [{{name: server, \
             livenessProbe: {{grpc: {{port: {port}}}}}}}]}}\nstatus: {{podIP: 10.0.0.1}}\n"
        )
    };
    let mut story = Story::new();
    story.written(&(pod("b", 1) + &pod("d", 2))).await;
    story.attempts(1, 10, [serving(10); 40]);
    story.attempts(2, 10, [serving(10); 60]);
    story.decide();
    story
        .written(&(pod("a", 3) + &pod("b", 1) + &pod("c", 4) + &pod("d", 2)))
        .await;
    let found = story.decide();
    let samples: Vec<_> = found
        .probes
        .iter()
        .map(|probe| (&*probe.name.pod, probe.outlook.samples))
        .collect();
    assert_eq!(samples, [("a", 0), ("b", 40), ("c", 0), ("d", 60)]);
}
