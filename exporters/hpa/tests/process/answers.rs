//! Metric APIs that answer what they should not, or nothing: told on the landing page with API and reason, while the status stands in and
//! everything else goes on.

use api_server::Answer;
use serde_json::json;

use crate::cluster::{Autoscaler, Cluster, Metric, answer, usages, values};

/// What an API may answer.
struct Wrong {
    name: &'static str,
    /// As what it counts.
    result: &'static str,
    /// Nothing is there, if nothing.
    answer: Option<Answer>,
    /// What is to be told of it.
    told: &'static str,
}

fn answers(metric: &Metric) -> Vec<Wrong> {
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
        "the answer does not fit: items[0].containers[0].usage"
    } else {
        "the answer does not fit: items[0].value"
    };
    let negative = match metric.source() {
        "Resource" => "a negative quantity: cpu -5m of container server of pod a",
        "Pods" => "a negative quantity: -5m of pod a",
        _ => "a negative quantity: -5m",
    };
    let body = |text: &'static str| Some(Answer::Body(text.into()));
    let cases = [
        ("absent", "failed", None, "404: "),
        (
            "forbidden",
            "failed",
            Some(Answer::Status(403, "not for you")),
            "403: not for you",
        ),
        (
            "slow",
            "failed",
            Some(Answer::Silence),
            "no answer within 3 s",
        ),
        ("nan", "failed", quantity("NaN"), field),
        ("negative", "differs", quantity("-5m"), negative),
        (
            "empty",
            "differs",
            body(r#"{"items": []}"#),
            "an empty list",
        ),
        (
            "nothing",
            "differs",
            body(r#"{"items": null}"#),
            "an empty list",
        ),
        (
            "shape",
            "failed",
            body(r#"{"items": 3}"#),
            "the answer does not fit: items: ",
        ),
        ("page", "failed", body("<html>"), "the answer is no JSON: "),
    ];
    let cases = cases.into_iter();
    cases
        .map(|(name, result, answer, told)| Wrong {
            name,
            result,
            answer,
            told,
        })
        .collect()
}

#[tokio::test]
async fn what_a_metric_api_should_not_answer_is_told_and_costs_that_metric_alone() {
    let (mut autoscalers, mut cases) = (Vec::new(), Vec::new());
    for (api, metric) in [
        ("metrics.k8s.io", Metric::cpu()),
        ("custom.metrics.k8s.io requests", Metric::pods()),
        ("external.metrics.k8s.io queue", Metric::external()),
    ] {
        for wrong in answers(&metric) {
            let name = format!("{}-{}", wrong.name, metric.source().to_lowercase());
            let told = format!("{name}/{name}: {api}: {}", wrong.told);
            let autoscaler = Autoscaler::new(name, &[metric.clone(), Metric::object()]);
            autoscalers.push(autoscaler);
            cases.push((wrong, told));
        }
    }
    let cluster = Cluster::start(&autoscalers, &["--mode=query", "--query.external"]).await;
    for (autoscaler, (wrong, _)) in autoscalers.iter().zip(&cases) {
        let name = &*autoscaler.name;
        let good = json!({"items": [{"value": "100"}]});
        answer(&cluster.server, &Metric::object().path(name), &good);
        if let Some(answer) = &wrong.answer {
            let path = autoscaler.metrics[0].path(name);
            cluster.server.answer_lists(&path, answer.clone());
        }
        cluster.write(autoscaler);
    }
    for (autoscaler, (wrong, told)) in autoscalers.iter().zip(&cases) {
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
        let count = |counter, result, more: &[_]| {
            let labels = [&[("result", result)], more].concat();
            cluster.count(name, counter, &labels)
        };
        assert_eq!(count("checks_total", "match", &[]), Some(1.0), "{told}");
        let samples = |result, source| count("samples_total", result, &[source]);
        assert_eq!(samples(wrong.result, source), Some(1.0), "{told}");
        let other = ("metric_source", "Object");
        assert_eq!(
            samples("match", other),
            Some(1.0),
            "{told}: the other goes on"
        );
    }
}
