//! Targets of kinds that are not watched: their scale is asked for.

use api_server::{Answer, Server};
use serde_json::json;

use crate::cluster::{Autoscaler, Cluster, Metric, answer};

const SCALE: &str = "/apis/argoproj.io/v1alpha1/namespaces/web/rollouts/web/scale";

/// A kind of the cluster's own.
fn rollouts(server: &Server) {
    let resources = json!({"resources": [
        {"name": "rollouts", "kind": "Rollout"}, {"name": "rollouts/scale", "kind": "Scale"},
    ]});
    answer(server, "/apis/argoproj.io/v1alpha1", &resources);
}

#[tokio::test]
async fn the_scale_is_known_at_the_first_write() {
    let web = Autoscaler::on_a_rollout("web", &[Metric::cpu(), Metric::external()]);
    let cluster = Cluster::start(std::slice::from_ref(&web), &[]).await;
    rollouts(&cluster.server);
    let scale = json!({"spec": {"replicas": 2}, "status": {"replicas": 2, "selector": "app=web"}});
    answer(&cluster.server, SCALE, &scale);
    cluster.write(&web);
    cluster
        .until("it is compared", || {
            cluster.count("web", "checks_total", &[("result", "match")]) == Some(1.0)
        })
        .await;
    assert_eq!(cluster.count("web", "current_replicas", &[]), Some(2.0));
}

#[tokio::test]
async fn without_the_right_to_a_scale_no_disagreement_is_made_up() {
    let web = Autoscaler::on_a_rollout("web", &[Metric::cpu()]);
    let cluster = Cluster::start(std::slice::from_ref(&web), &[]).await;
    rollouts(&cluster.server);
    let refused = Answer::Status(403, "rollouts.argoproj.io \"web\" is forbidden");
    cluster.server.answer_lists(SCALE, refused);
    cluster.write(&web);
    cluster
        .until("it is judged", || {
            let judged = ["match", "mismatch", "skewed", "unsupported"];
            let counts = judged.map(|result| {
                cluster
                    .count("web", "checks_total", &[("result", result)])
                    .unwrap_or_default()
            });
            counts.iter().sum::<f64>() > 0.0
        })
        .await;
    let unsupported = [("result", "unsupported")];
    assert_eq!(
        cluster.count("web", "checks_total", &unsupported),
        Some(1.0)
    );
    let landing = cluster.exporter.get("/");
    assert!(landing.contains("is forbidden"), "{landing}");
}
