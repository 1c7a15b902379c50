//! The controller manager: its Lease and its pod.

use kube_watch::ObjectKey;
use serde::Deserialize;

use super::Metadata;
use super::time::Time;
use crate::model::leader::{Leader, Manager};

/// `coordination.k8s.io/v1` `Lease`.
#[derive(Debug, Deserialize)]
pub struct Lease {
    metadata: Metadata,
    spec: Option<LeaseSpec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeaseSpec {
    holder_identity: Option<String>,
    lease_transitions: Option<i64>,
    acquire_time: Option<Time>,
}

/// `v1` `Pod`, of which only what it runs counts.
#[derive(Debug, Deserialize)]
pub struct ManagerPod {
    metadata: Metadata,
    spec: Option<ManagerSpec>,
}

#[derive(Debug, Default, Deserialize)]
struct ManagerSpec {
    containers: Option<Vec<ManagerContainer>>,
}

#[derive(Debug, Deserialize)]
struct ManagerContainer {
    image: Option<String>,
    command: Option<Vec<String>>,
    args: Option<Vec<String>>,
}

/// Trims a Lease.
pub fn leader(lease: Lease) -> Leader {
    let spec = lease.spec.unwrap_or_default();
    Leader {
        key: lease.metadata.key(),
        holder: spec.holder_identity.unwrap_or_default(),
        transitions: spec.lease_transitions.unwrap_or_default(),
        since: spec.acquire_time.map(|time| time.0),
    }
}

/// Trims the controller manager's pod.
pub fn manager(pod: ManagerPod) -> Manager {
    let key: ObjectKey = pod.metadata.key();
    let containers = pod.spec.unwrap_or_default().containers;
    let container = containers.into_iter().flatten().next();
    let (mut arguments, mut tag) = (Vec::new(), String::new());
    if let Some(container) = container {
        arguments.extend(container.command.into_iter().flatten());
        arguments.extend(container.args.into_iter().flatten());
        let image = container.image.unwrap_or_default();
        if let Some((_, found)) = image.rsplit_once(':') {
            found.clone_into(&mut tag);
        }
    }
    Manager {
        key,
        arguments,
        tag,
    }
}
