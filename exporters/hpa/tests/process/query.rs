//! `--mode=query`: what the metric APIs say is used where it is what the controller saw.

use crate::cluster::{Autoscaler, Cluster, Metric, answer, usages, values};

const QUERY: &[&str] = &["--mode=query"];
const MATCHED: &[(&str, &str)] = &[("result", "match")];
const DIFFERED: &[(&str, &str)] = &[("result", "differs")];
const MISSING: &[(&str, &str)] = &[("state", "missing")];

#[tokio::test]
async fn a_sample_that_comes_to_the_controllers_number_tells_which_pods_had_a_metric() {
    let web = Autoscaler::new("web", &[Metric::cpu()]);
    let flags = [QUERY, &["--controller.sync-period=1s"]].concat();
    let cluster = Cluster::start(std::slice::from_ref(&web), &flags).await;
    answer(
        &cluster.server,
        &Metric::cpu().path("web"),
        &usages(&["a"], "45m"),
    );
    cluster.write(&web);
    cluster
        .until("the sample is used", || {
            cluster.count("web", "samples_total", MATCHED) == Some(1.0)
        })
        .await;
    assert_eq!(cluster.count("web", "pods", MISSING), Some(1.0));
    assert_eq!(cluster.count("web", "checks_total", MATCHED), Some(1.0));

    // As long as the controller writes nothing else, each of its syncs saw the same.
    let age = || {
        cluster
            .count("web", "metric_sample_age_seconds", &[])
            .unwrap()
    };
    let first = age();
    cluster.until("a sync is assumed", || age() > first).await;
    assert_eq!(cluster.count("web", "pods", MISSING), Some(1.0));
}

#[tokio::test]
async fn a_sample_that_comes_to_another_number_is_not_used() {
    let web = Autoscaler::new("web", &[Metric::cpu()]);
    let cluster = Cluster::start(std::slice::from_ref(&web), QUERY).await;
    answer(
        &cluster.server,
        &Metric::cpu().path("web"),
        &usages(&["a"], "80m"),
    );
    cluster.write(&web);
    cluster
        .until("the sample is judged", || {
            cluster.count("web", "samples_total", DIFFERED) == Some(1.0)
        })
        .await;
    assert_eq!(cluster.count("web", "metric_usage", &[]), Some(45.0));
    assert_eq!(cluster.count("web", "pods", MISSING), Some(0.0));
    assert_eq!(cluster.count("web", "checks_total", MATCHED), Some(1.0));
}

/// Whether an external metric was asked for, and what became of it, when the sample of another metric has been judged.
async fn external(flags: &[&str]) -> (bool, Option<f64>) {
    let web = Autoscaler::new("web", &[Metric::cpu(), Metric::external()]);
    let cluster = Cluster::start(std::slice::from_ref(&web), flags).await;
    let path = Metric::external().path("web");
    answer(&cluster.server, &path, &values(&["any"], "95"));
    answer(
        &cluster.server,
        &Metric::cpu().path("web"),
        &usages(&["a", "b"], "45m"),
    );
    cluster.write(&web);
    let matched = |source| {
        cluster.count(
            "web",
            "samples_total",
            &[MATCHED[0], ("metric_source", source)],
        )
    };
    cluster
        .until("a sample is used", || matched("Resource") == Some(1.0))
        .await;
    assert_eq!(cluster.count("web", "checks_total", MATCHED), Some(1.0));
    let asked = cluster
        .server
        .lists()
        .iter()
        .any(|asked| asked.path() == path);
    (asked, matched("External"))
}

#[tokio::test]
async fn external_metrics_are_asked_for_only_with_the_flag_for_them() {
    assert_eq!(external(QUERY).await, (false, Some(0.0)));
    let with = external(&["--mode=query", "--query.external"]).await;
    assert_eq!(with, (true, Some(1.0)));
}
