//! The manifests, read back by the types an exporter reads them with.

use std::time::{Duration, UNIX_EPOCH};

use k8s_openapi::api::core::v1::Pod;
use shop::pods::{self, CARTSERVICE_FIXED};
use shop::{Layout, Role};

const STARTED: Duration = Duration::from_secs(1_700_000_000);

fn read(path: &std::path::Path) -> Pod {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn twelve_pods_read_back_with_upstreams_probes_on_the_layouts_ports() {
    let folder = tempfile::tempdir().unwrap();
    let mut layout = Layout::on_free_ports();
    layout.settle().unwrap();
    let paths = pods::write_all(folder.path(), &layout, UNIX_EPOCH + STARTED).unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        12,
        "nothing unfinished is left behind"
    );
    for (role, path) in Role::ALL.into_iter().zip(paths) {
        let pod = read(&path);
        assert_eq!(pod.metadata.namespace.as_deref(), Some("sre-demo"));
        assert_eq!(pod.metadata.labels.unwrap()["app"], role.name());
        let container = &pod.spec.unwrap().containers[0];
        let status = pod.status.unwrap();
        assert_eq!(status.phase.as_deref(), Some("Running"));
        assert_eq!(
            container.name,
            status.container_statuses.as_ref().unwrap()[0].name
        );
        let Some(address) = layout.address(role) else {
            assert_eq!(container.ports, None);
            assert_eq!(container.liveness_probe, None);
            continue;
        };
        assert_eq!(status.pod_ip, Some(address.ip().to_string()));
        let port = i32::from(address.port());
        assert_eq!(container.ports.as_ref().unwrap()[0].container_port, port);
        for (probe, expected) in [
            (&container.liveness_probe, role.liveness()),
            (&container.readiness_probe, role.readiness()),
        ] {
            let (probe, expected) = (probe.as_ref().unwrap(), expected.unwrap());
            let grpc = matches!(expected.handler, shop::role::Handler::Grpc);
            assert_eq!(
                probe.grpc.as_ref().map(|grpc| grpc.port),
                grpc.then_some(port)
            );
            assert_eq!(probe.timeout_seconds, Some(1));
            assert_eq!(
                probe.period_seconds,
                i32::try_from(expected.period_seconds).ok()
            );
            assert_eq!(
                probe.initial_delay_seconds.unwrap_or(0),
                i32::try_from(expected.initial_delay_seconds).unwrap()
            );
        }
    }
}

#[test]
fn the_fixed_budget_replaces_both_probes_and_the_memory_in_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::standard();
    let before = pods::write_all(folder.path(), &layout, UNIX_EPOCH + STARTED).unwrap()[1].clone();
    let old = read(&before);
    let path = pods::write_fixed_cartservice(folder.path(), &layout, UNIX_EPOCH + STARTED).unwrap();
    assert_eq!(path, before);
    let new = read(&path);
    assert_eq!(new.metadata.name, old.metadata.name);
    assert_ne!(new.metadata.resource_version, old.metadata.resource_version);
    let container = &new.spec.unwrap().containers[0];
    for probe in [&container.liveness_probe, &container.readiness_probe] {
        let probe = probe.as_ref().unwrap();
        assert_eq!(
            (
                probe.timeout_seconds,
                probe.period_seconds,
                probe.failure_threshold
            ),
            (Some(5), Some(15), Some(5))
        );
        assert_eq!(probe.initial_delay_seconds, Some(15));
    }
    let limits = container
        .resources
        .as_ref()
        .unwrap()
        .limits
        .as_ref()
        .unwrap();
    assert_eq!(
        (limits["memory"].0.as_str(), limits["cpu"].0.as_str()),
        (CARTSERVICE_FIXED.memory_limit, "300m")
    );
}

#[test]
fn a_restart_shows_in_the_count_the_last_state_and_the_container() {
    let pod = pods::Pod::upstream(Role::CartService, &Layout::standard(), UNIX_EPOCH + STARTED);
    let before: Pod = serde_json::from_value(pod.to_value()).unwrap();
    let restarted = pod.restarted(UNIX_EPOCH + STARTED + Duration::from_mins(1));
    let after: Pod = serde_json::from_value(restarted.to_value()).unwrap();
    let status = |pod: Pod| pod.status.unwrap().container_statuses.unwrap().remove(0);
    let (before, after) = (status(before), status(after));
    assert_eq!((before.restart_count, after.restart_count), (0, 1));
    let ended = after.last_state.unwrap().terminated.unwrap();
    assert_eq!(
        (ended.exit_code, ended.container_id),
        (137, before.container_id.clone())
    );
    assert_ne!(after.container_id, before.container_id);
    assert_eq!(
        ended.finished_at,
        after.state.unwrap().running.unwrap().started_at
    );
}
