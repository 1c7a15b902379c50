//! The only room that knows Kubernetes types: a pod in, what the two series tell of it out.

use k8s_openapi::api::core::v1 as core;
use kube_watch::ObjectKey;

use crate::model::{Container, Pod};

/// Trims a pod.
pub fn pod(pod: core::Pod) -> Pod {
    let status = pod.status.unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let containers = status.container_statuses.unwrap_or_default();
    Pod {
        key: ObjectKey::new(
            pod.metadata.namespace.unwrap_or_default(),
            pod.metadata.name.unwrap_or_default(),
        ),
        uid: pod.metadata.uid.unwrap_or_default(),
        ready: conditions
            .into_iter()
            .find(|condition| condition.type_ == "Ready")
            .map(|condition| condition.status),
        containers: containers
            .into_iter()
            .map(|container| Container {
                name: container.name,
                restarts: u64::try_from(container.restart_count).unwrap_or_default(),
            })
            .collect(),
    }
}
