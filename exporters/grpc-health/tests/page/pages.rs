//! Each case's whole page.

use grpc_health_exporter::model::Settings;
use probe_engine::{Ending, Phase, ServingStatus};

use crate::story::{Ended, SETTINGS, Story, serving};

#[tokio::test]
async fn cartservice_within_its_budget_has_headroom_and_no_consequences() {
    let mut story = Story::new();
    assert_eq!(story.pods("healthy/pods.yaml").await, []);
    story.attempts(7070, 10, [serving(9), serving(47), serving(22)]);
    story.is_golden("healthy");
}

#[tokio::test]
async fn liveness_and_readiness_on_one_handler_share_one_measurement() {
    let mut story = Story::new();
    story.pods("healthy/pods.yaml").await;
    assert_eq!(story.ids().len(), 1);
    story.attempts(7070, 10, [serving(9), serving(1_200)]);
    let series = story.series();
    let of = |name: &str| series.iter().filter(|line| line.starts_with(name)).count();
    assert_eq!(of("grpc_probe_duration_seconds_count{"), 1);
    assert_eq!(of("grpc_probe_info{"), 2);
    for probe_type in ["Liveness", "Readiness"] {
        let failed = format!(
            "grpc_probe_attempts_total{{namespace=\"sre-demo\",pod=\"cartservice-6d8f7c9b5-x2k4q\",container=\"server\",\
             probe_type=\"{probe_type}\",result=\"failed\"}}"
        );
        assert_eq!(story.value(&failed), Some(1.0));
    }
}

#[tokio::test]
async fn cartservice_beyond_its_budget_has_negative_headroom_and_a_predicted_kill() {
    let mut story = Story::new();
    story.pods("slow/pods.yaml").await;
    story.attempts(7070, 10, [serving(400), serving(1_700)]);
    story.attempts(7070, 10, [1_600, 2_400, 2_200].map(serving));
    let given_up = Ending::Cut { phase: Phase::Rpc };
    story.attempt(
        7070,
        Ended {
            ending: given_up,
            ..serving(30_000)
        },
    );
    story.is_golden("slow");
}

#[tokio::test]
async fn samples_denser_than_the_period_bound_the_kills_over_the_phases_of_the_tick() {
    let mut story = Story::with(Settings {
        interval: Some(std::time::Duration::from_secs(1)),
        ..SETTINGS
    });
    story.pods("slow/pods.yaml").await;
    story.attempts(7070, 1, [serving(10); 30]);
    // 25 s of failures hold two ticks of a ten-second period, or three.
    story.attempts(7070, 1, [serving(1_100); 25]);
    story.attempts(7070, 1, [serving(10); 30]);
    let kills = "grpc_probe_predicted_kills_total{namespace=\"sre-demo\",pod=\"cartservice-6d8f7c9b5-x2k4q\",container=\"server\",\
                 probe_type=\"Liveness\",bound=";
    assert_eq!(story.value(&format!("{kills}\"lower\"}}")), Some(0.0));
    assert_eq!(story.value(&format!("{kills}\"upper\"}}")), Some(1.0));
}

#[tokio::test]
async fn each_container_of_a_pod_is_measured_for_itself() {
    let mut story = Story::new();
    story.pods("two-containers/pods.yaml").await;
    story.attempts(7070, 10, [serving(9)]);
    let not_serving = Ended {
        ending: Ending::Answered(ServingStatus::NotServing),
        ..serving(3)
    };
    story.attempts(9090, 10, [not_serving]);
    story.is_golden("two-containers");
}

#[tokio::test]
async fn an_exec_probe_has_the_smaller_of_its_own_and_the_commands_budget() {
    let mut story = Story::new();
    story.pods("exec/pods.yaml").await;
    story.attempts(7070, 10, [serving(1_500)]);
    story.attempts(8080, 10, [serving(1_500)]);
    story.is_golden("exec");
}

#[tokio::test]
async fn of_init_containers_only_sidecars_are_probed() {
    let mut story = Story::new();
    story.pods("sidecar/pods.yaml").await;
    assert_eq!(
        story.handlers(),
        [("shop-0/proxy:4191/".to_owned(), true)],
        "`once` ends before the kubelet would probe it"
    );
    story.attempts(4191, 10, [serving(1)]);
    story.is_golden("sidecar");
}
