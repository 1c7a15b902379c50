//! Metric APIs that answer what they should not, or nothing: told on the landing page with API and reason, while the status stands in and
//! everything else goes on.

use api_server::Answer;
use serde_json::json;

use crate::cluster::{Autoscaler, Cluster, Metric, answer, usages, values};

/// What an API may answer, by a name for it: how, and what is to be told.
fn answers(metric: &Metric) -> Vec<(&'static str, Option<Answer>, String)> {
    let of_resource = metric.source() == "Resource";
    let quantity = |quantity: &str| {
        let body = if of_resource {
            usages(&["a"], quantity)
        } else {
            values(&["a"], quantity)
        };
        Some(Answer::Body(body.to_string().into()))
    };
    let field = if of_resource {
        "items[0].containers[0].usage"
    } else {
        "items[0].value"
    };
    let negative = match metric.source() {
        "Resource" => "a negative quantity: cpu -5m of container server of pod a",
        "Pods" => "a negative quantity: -5m of pod a",
        _ => "a negative quantity: -5m",
    };
    let body = |text: &'static str| Some(Answer::Body(text.into()));
    vec![
        ("absent", None, "404: ".to_owned()),
        (
            "forbidden",
            Some(Answer::Status(403, "not for you")),
            "403: not for you".to_owned(),
        ),
        (
            "slow",
            Some(Answer::Silence),
            "no answer within 3 s".to_owned(),
        ),
        (
            "nan",
            quantity("NaN"),
            format!("the answer does not fit: {field}"),
        ),
        ("negative", quantity("-5m"), negative.to_owned()),
        (
            "empty",
            body(r#"{"items": []}"#),
            "an empty list".to_owned(),
        ),
        (
            "nothing",
            body(r#"{"items": null}"#),
            "an empty list".to_owned(),
        ),
        (
            "shape",
            body(r#"{"items": 3}"#),
            "the answer does not fit: items: ".to_owned(),
        ),
        ("page", body("<html>"), "the answer is no JSON: ".to_owned()),
    ]
}

#[tokio::test]
async fn what_a_metric_api_should_not_answer_is_told_and_costs_that_metric_alone() {
    let mut cases = Vec::new();
    for (api, metric) in [
        ("metrics.k8s.io", Metric::cpu()),
        ("custom.metrics.k8s.io requests", Metric::pods()),
        ("external.metrics.k8s.io queue", Metric::external()),
    ] {
        for (name, answer, told) in answers(&metric) {
            let name = format!("{name}-{}", metric.source().to_lowercase());
            let told = format!("{name}/{name}: {api}: {told}");
            cases.push((
                Autoscaler::new(name, &[metric.clone(), Metric::object()]),
                answer,
                told,
            ));
        }
    }
    let autoscalers: Vec<_> = cases
        .iter()
        .map(|(it, ..)| Autoscaler::new(&*it.name, &it.metrics))
        .collect();
    let cluster = Cluster::start(&autoscalers, &["--mode=query", "--query.external"]).await;
    for (autoscaler, wrong, _) in &cases {
        let name = &*autoscaler.name;
        answer(
            &cluster.server,
            &Metric::object().path(name),
            &json!({"items": [{"value": "100"}]}),
        );
        if let Some(wrong) = wrong {
            cluster
                .server
                .answer_lists(&autoscaler.metrics[0].path(name), wrong.clone());
        }
        cluster.write(autoscaler);
    }
    for (autoscaler, _, told) in &cases {
        let name = &*autoscaler.name;
        cluster
            .until(told, || cluster.exporter.get("/").contains(told))
            .await;
        let source = ("metric_source", autoscaler.metrics[0].source());
        let usage = cluster.count(name, "metric_usage", &[source]);
        assert!(
            usage.is_some_and(|usage| usage > 8.0),
            "{told}: the status stands in: {usage:?}"
        );
        assert_eq!(
            cluster.count(name, "checks_total", &[("result", "match")]),
            Some(1.0),
            "{told}"
        );
        let matched = |source| cluster.count(name, "samples_total", &[("result", "match"), source]);
        assert_eq!(matched(source), Some(0.0), "{told}");
        assert_eq!(
            matched(("metric_source", "Object")),
            Some(1.0),
            "{told}: the other goes on"
        );
    }
}
