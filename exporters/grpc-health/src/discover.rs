//! The only room that knows Kubernetes types: pods in, what a prober needs of them out.

use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{self as core, ContainerStatus, PodSpec};
use kube_watch::ObjectKey;
use probe_engine::{GrpcPort, Handler, ProbeFields, WrittenContainer, WrittenPort, WrittenProbe};

use crate::model::pod::{Container, Exit, Killing, Pod, State};

/// Trims a pod: from its some 10 KB to the few hundred bytes that decide about its probes.
pub fn pod(pod: core::Pod) -> Pod {
    let status = pod.status.unwrap_or_default();
    let statuses: Vec<ContainerStatus> = status
        .container_statuses
        .into_iter()
        .chain(status.init_container_statuses)
        .flatten()
        .collect();
    let mut containers = pod.spec.as_ref().map(containers).unwrap_or_default();
    for container in &mut containers {
        if let Some(status) = statuses.iter().find(|status| status.name == container.name) {
            observe(container, status);
        }
    }
    Pod {
        key: ObjectKey {
            namespace: pod
                .metadata
                .namespace
                .unwrap_or_else(|| "default".to_owned()),
            name: pod.metadata.name.unwrap_or_default(),
        },
        uid: pod.metadata.uid.unwrap_or_default(),
        address: status
            .pod_ip
            .as_deref()
            .and_then(|ip| ip.parse::<IpAddr>().ok()),
        finished: matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        grace: pod
            .spec
            .and_then(|spec| spec.termination_grace_period_seconds)
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(DEFAULT_GRACE_SECONDS),
        containers,
    }
}

/// `SetDefaults_PodSpec` in pkg/apis/core/v1/defaults.go.
const DEFAULT_GRACE_SECONDS: u32 = 30;

/// The containers of a pod (or of a pod template) that the kubelet keeps probing: the regular ones and the
/// restartable init containers (prober manager `AddPod` in `pkg/kubelet/prober/prober_manager.go`).
pub fn containers(spec: &PodSpec) -> Vec<Container> {
    let regular = (0..).zip(&spec.containers);
    let regular =
        regular.map(|(index, found)| container(format!("spec.containers[{index}]"), found));
    let sidecars = (0..)
        .zip(spec.init_containers.iter().flatten())
        .filter(|(_, found)| found.restart_policy.as_deref() == Some("Always"));
    let sidecars =
        sidecars.map(|(index, found)| container(format!("spec.initContainers[{index}]"), found));
    let mut containers: Vec<Container> = Vec::with_capacity(spec.containers.len());
    for container in regular.chain(sidecars) {
        // An API server lets no name through twice; a file may hold anything.
        if !containers.iter().any(|known| known.name == container.name) {
            containers.push(container);
        }
    }
    containers
}

fn container(path: String, container: &core::Container) -> Container {
    let ports = container.ports.iter().flatten();
    Container {
        name: container.name.clone(),
        restarts: 0,
        state: State::Unknown,
        last_exit: None,
        written: WrittenContainer {
            path,
            ports: ports
                .map(|port| WrittenPort {
                    number: port.container_port.into(),
                    name: port.name.clone(),
                })
                .collect(),
            liveness: container.liveness_probe.as_ref().map(probe),
            readiness: container.readiness_probe.as_ref().map(probe),
            startup: container.startup_probe.as_ref().map(probe),
        },
    }
}

fn probe(probe: &core::Probe) -> WrittenProbe {
    let handler = if let Some(grpc) = &probe.grpc {
        Handler::Grpc {
            port: GrpcPort::Number(grpc.port.into()),
            service: grpc.service.clone(),
            // KEP-4939: absent or `Plaintext`, unless the cluster has GRPCContainerProbeTLS.
            tls: grpc.mode.as_deref() == Some("TLS"),
        }
    } else if let Some(exec) = &probe.exec {
        Handler::Exec {
            command: exec.command.clone().unwrap_or_default(),
        }
    } else {
        Handler::Other
    };
    WrittenProbe {
        fields: ProbeFields {
            timeout_seconds: probe.timeout_seconds.map(Into::into),
            period_seconds: probe.period_seconds.map(Into::into),
            failure_threshold: probe.failure_threshold.map(Into::into),
            success_threshold: probe.success_threshold.map(Into::into),
            initial_delay_seconds: probe.initial_delay_seconds.map(Into::into),
            termination_grace_period_seconds: probe.termination_grace_period_seconds,
        },
        handler,
    }
}

fn observe(container: &mut Container, status: &ContainerStatus) {
    container.restarts = u32::try_from(status.restart_count).unwrap_or_default();
    let state = status.state.as_ref();
    container.state = match state.and_then(|state| state.running.as_ref()) {
        Some(running) => State::Running {
            since: running
                .started_at
                .as_ref()
                .and_then(since_epoch)
                .unwrap_or_default(),
            started: status.started.unwrap_or(false),
        },
        None => State::NotRunning,
    };
    let ended = status
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    container.last_exit = ended.and_then(|ended| {
        Some(Exit {
            at: since_epoch(ended.finished_at.as_ref()?)?,
            by_signal: matches!(ended.exit_code, KILLED | TERMINATED)
                && ended.reason.as_deref() != Some("OOMKilled"),
        })
    });
}

/// Exit code of a process that SIGKILL ended.
const KILLED: i32 = 128 + 9;
/// Exit code of a process that SIGTERM ended.
const TERMINATED: i32 = 128 + 15;

/// The kubelet's own word on a probe kill: `Container NAME failed liveness probe, will be restarted`
/// (`computePodActions` in `pkg/kubelet/kuberuntime/kuberuntime_manager.go`; reason `Killing`).
pub fn killing(event: core::Event) -> Killing {
    let object = event.involved_object;
    let container = object
        .field_path
        .as_deref()
        .and_then(|path| {
            path.strip_prefix("spec.containers{")
                .or(path.strip_prefix("spec.initContainers{"))
        })
        .and_then(|path| path.strip_suffix('}'));
    let by_probe = event.reason.as_deref() == Some("Killing")
        && event.message.as_deref().is_some_and(|message| {
            message.contains("failed liveness probe") || message.contains("failed startup probe")
        });
    Killing {
        key: ObjectKey {
            namespace: event.metadata.namespace.unwrap_or_default(),
            name: event.metadata.name.unwrap_or_default(),
        },
        pod: ObjectKey {
            namespace: object.namespace.unwrap_or_default(),
            name: object.name.unwrap_or_default(),
        },
        container: by_probe
            .then_some(container)
            .flatten()
            .map(ToOwned::to_owned),
        count: event
            .count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        at: event
            .last_timestamp
            .as_ref()
            .and_then(since_epoch)
            .or_else(|| duration(event.event_time.as_ref()?.0.as_second())),
    }
}

fn since_epoch(time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time) -> Option<Duration> {
    duration(time.0.as_second())
}

/// Kubernetes writes whole seconds; a time before 1970 is none.
fn duration(seconds: i64) -> Option<Duration> {
    u64::try_from(seconds).ok().map(Duration::from_secs)
}
