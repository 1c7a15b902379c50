//! Objects that cannot be measured as they stand: said so, and nothing else lost.

use kube_watch::Reason;

use crate::story::{Story, serving};

#[tokio::test]
async fn a_pod_without_an_address_is_told_of_and_not_asked() {
    let mut story = Story::new();
    story.pods("no-address/pods.yaml").await;
    assert_eq!(
        story.handlers(),
        [("cartservice-pending/server:7070/".to_owned(), false)]
    );
    story.is_golden("no-address");
}

#[tokio::test]
async fn impossible_ports_cost_their_probe_and_a_named_port_its_object() {
    let mut story = Story::new();
    let problems = story.pods("ports/pods.yaml").await;
    let [problem] = &problems[..] else {
        panic!("one object is at fault: {problems:?}");
    };
    assert_eq!(problem.reason, Reason::Malformed);
    let told = problem.to_string();
    assert!(told.contains("pods.yaml:"), "{told}");
    assert!(told.contains("Pod sre-demo/port-named"), "{told}");
    assert_eq!(
        story.handlers(),
        [("port-good/server:7070/".to_owned(), true)]
    );
    story.is_golden("ports");
}

#[tokio::test]
async fn negative_numbers_are_told_of_and_measured_under_the_defaults() {
    let mut story = Story::new();
    story.pods("negative/pods.yaml").await;
    story.attempts(7070, 10, [serving(5)]);
    story.is_golden("negative");
}

#[tokio::test]
async fn an_exec_probe_that_looks_elsewhere_is_told_of() {
    let mut story = Story::new();
    story.pods("exec-elsewhere/pods.yaml").await;
    assert_eq!(story.handlers(), []);
    story.is_golden("exec-elsewhere");
}

#[tokio::test]
async fn names_with_quotes_and_newlines_and_of_4_kb_arrive_whole() {
    let long = "s".repeat(4096);
    let mut story = Story::new();
    let pod = |name: &str, port: u16, service: &str| {
        let service = serde_json::to_string(service).unwrap();
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{containers: [{{name: server, \
             livenessProbe: {{grpc: {{port: {port}, service: {service}}}}}}}]}}\nstatus: {{podIP: 10.0.0.1}}\n"
        )
    };
    let odd = "a \"quote\", a \\ and\na newline";
    let yaml = pod("odd", 1, odd) + &pod("long", 2, &long);
    assert_eq!(story.written(&yaml).await, []);
    story.attempts(1, 1, [serving(1)]);
    story.attempts(2, 1, [serving(1)]);
    let count = |pod: &str, port: u16, service: &str| {
        format!(
            "grpc_probe_duration_seconds_count{{namespace=\"shop\",pod=\"{pod}\",container=\"server\",port=\"{port}\",grpc_service=\"{service}\"}}"
        )
    };
    let escaped = "a \\\"quote\\\", a \\\\ and\\na newline";
    assert_eq!(story.value(&count("odd", 1, escaped)), Some(1.0));
    assert_eq!(story.value(&count("long", 2, &long)), Some(1.0));
}

#[tokio::test]
async fn one_name_twice_in_a_pod_is_one_set_of_series() {
    let mut story = Story::new();
    let container = "{name: server, livenessProbe: {grpc: {port: 7070}}}";
    let yaml = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: twice, namespace: shop}}\nspec: {{containers: [{container}, {container}]}}\n\
         status: {{podIP: 10.0.0.1}}\n"
    );
    for _ in 0..2 {
        story.written(&yaml).await;
        no_series_twice(&mut story);
    }
}

#[tokio::test]
async fn one_port_asked_with_and_without_tls_is_one_set_of_series() {
    let mut story = Story::new();
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: torn, namespace: shop}\nspec: {containers: [{name: server, \
                livenessProbe: {exec: {command: [/bin/grpc_health_probe, -addr=:7070, -tls, -tls-no-verify]}}, \
                readinessProbe: {grpc: {port: 7070}}}]}\nstatus: {podIP: 10.0.0.1}\n";
    for _ in 0..2 {
        story.written(yaml).await;
        no_series_twice(&mut story);
    }
    let problem = "grpc_probe_target_problem{namespace=\"shop\",pod=\"torn\",container=\"server\",problem=\"tls_and_plaintext\"}";
    assert_eq!(story.value(problem), Some(1.0));
}

fn no_series_twice(story: &mut Story) {
    let series = story.series();
    let name = |line: &String| line.rsplit_once(' ').map(|(name, _)| name.to_owned());
    let mut names: Vec<_> = series.iter().map(name).collect();
    names.dedup();
    assert_eq!(names.len(), series.len(), "{series:#?}");
}
