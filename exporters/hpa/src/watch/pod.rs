//! Pods, and what `metrics.k8s.io` says that they use.

use std::sync::Arc;

use hpa_engine::{
    Container, ContainerUsage, InitContainer, Moment, Phase, Pod, PodUsage, Readiness, Resources,
    Truth,
};
use parking_lot::Mutex;
use serde::Deserialize;

use super::Metadata;
use super::time::{Time, now};
use crate::model::pod::{Placed, Usage};

/// `v1` `Pod`, as far as an autoscaler asks.
#[derive(Debug, Deserialize)]
pub struct WrittenPod {
    metadata: Metadata,
    spec: Option<PodSpec>,
    status: Option<PodStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    containers: Option<Vec<WrittenContainer>>,
    init_containers: Option<Vec<WrittenContainer>>,
    resources: Option<Requirements>,
    overhead: Option<Resources>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenContainer {
    name: Box<str>,
    restart_policy: Option<String>,
    resources: Option<Requirements>,
}

#[derive(Debug, Deserialize)]
struct Requirements {
    requests: Option<Resources>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    phase: Option<Phase>,
    start_time: Option<Time>,
    conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: Truth,
    last_transition_time: Option<Time>,
}

/// `metrics.k8s.io/v1beta1` `PodMetrics`.
#[derive(Debug, Deserialize)]
pub struct PodMetrics {
    metadata: Metadata,
    timestamp: Option<Time>,
    window: Option<GoDuration>,
    containers: Option<Vec<ContainerMetrics>>,
}

#[derive(Debug, Deserialize)]
struct ContainerMetrics {
    name: Box<str>,
    usage: Option<Resources>,
}

/// `metav1.Duration`: what Go writes, such as `1m30.5s`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct GoDuration(std::time::Duration);

/// Trims a pod: from its some 10 KB to the few hundred bytes that an autoscaler asks for.
pub fn pod(pod: WrittenPod) -> Placed {
    let key = pod.metadata.key();
    let spec = pod.spec.unwrap_or_default();
    let status = pod.status.unwrap_or_default();
    let ready = status.conditions.into_iter().flatten();
    let ready = ready
        .filter(|condition| condition.kind == "Ready")
        .map(|condition| Readiness {
            status: condition.status,
            since: condition
                .last_transition_time
                .map_or(Moment::ZERO, |time| time.0),
        })
        .next();
    let containers = spec.containers.into_iter().flatten();
    let init = spec.init_containers.into_iter().flatten();
    Placed {
        seen: now(),
        created: pod
            .metadata
            .creation_timestamp
            .map_or(Moment::ZERO, |time| time.0),
        deleted: pod.metadata.asked_to_go(),
        namespace: key.namespace.into(),
        pod: Pod {
            name: key.name.into(),
            labels: pod.metadata.labels.unwrap_or_default(),
            deleting: pod.metadata.deletion_timestamp.is_some(),
            phase: status.phase.unwrap_or_default(),
            start_time: status.start_time.map(|time| time.0),
            ready,
            containers: containers.map(container).collect(),
            init_containers: init
                .map(|written| InitContainer {
                    restartable: written.restart_policy.as_deref() == Some("Always"),
                    container: container(written),
                })
                .collect(),
            requests: requests(spec.resources),
            overhead: spec.overhead.unwrap_or_default(),
        },
    }
}

/// Trims one pod after the other. Pods of one template mostly come one after the other, and then share from the start what
/// is the same in them.
pub fn pods() -> impl Fn(WrittenPod) -> Arc<Placed> {
    let last: Mutex<Option<Placed>> = Mutex::default();
    move |written| {
        let mut placed = pod(written);
        let mut last = last.lock();
        if let Some(last) = &*last {
            placed.pod.share(&last.pod);
            if placed.namespace == last.namespace {
                placed.namespace = Arc::clone(&last.namespace);
            }
        }
        *last = Some(placed.clone());
        Arc::new(placed)
    }
}

fn container(written: WrittenContainer) -> Container {
    Container {
        name: written.name,
        requests: requests(written.resources),
    }
}

fn requests(requirements: Option<Requirements>) -> Resources {
    requirements.and_then(|it| it.requests).unwrap_or_default()
}

/// Trims a pod's metrics.
pub fn usage(metrics: PodMetrics) -> Usage {
    let key = metrics.metadata.key();
    let containers = metrics.containers.into_iter().flatten();
    let usage = PodUsage {
        pod: key.name.as_str().into(),
        namespace: key.namespace.as_str().into(),
        timestamp: metrics.timestamp.map_or(Moment::ZERO, |time| time.0),
        window: metrics.window.map_or(std::time::Duration::ZERO, |it| it.0),
        containers: containers
            .map(|written| ContainerUsage {
                name: written.name,
                usage: written.usage.unwrap_or_default(),
            })
            .collect(),
    };
    Usage {
        key,
        labels: metrics.metadata.labels.unwrap_or_default(),
        usage,
    }
}

impl TryFrom<String> for GoDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let duration: jiff::SignedDuration = text.parse().map_err(|_| {
            format!("{text:?} is not a duration as Go writes it, such as 30s or 1m30s")
        })?;
        std::time::Duration::try_from(duration)
            .map(Self)
            .map_err(|_| format!("{text:?} is negative"))
    }
}
