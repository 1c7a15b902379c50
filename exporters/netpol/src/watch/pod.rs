//! Pods.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use netpol_engine::{NamedPort, ObjectKey, Pod, Protocol};

use crate::model::pod::{Call, WatchedPod};

/// The label by which a Deployment tells its `ReplicaSets` apart (`DefaultDeploymentUniqueLabelKey` in k8s.io/api).
const TEMPLATE_HASH: &str = "pod-template-hash";

/// What policies see of a pod, and whom its environment names.
pub(super) fn pod(pod: core::Pod) -> WatchedPod {
    let key = super::key(&pod.metadata);
    let workload = workload(&pod.metadata, &key);
    let status = pod.status.unwrap_or_default();
    let spec = pod.spec.unwrap_or_default();
    let mut watched = of_spec(key, pod.metadata.labels, &spec, workload);
    // Terminating pods have a network until their containers stop; finished ones keep an address that may be another's (rule 28).
    watched.pod.finished = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let addresses = status.pod_ips.into_iter().flatten().map(|it| it.ip);
    for address in addresses.chain(status.pod_ip) {
        if let Ok(address) = address.parse::<IpAddr>()
            && !watched.pod.addresses.contains(&address)
        {
            watched.pod.addresses.push(address);
        }
    }
    watched.pod.node = spec.node_name;
    watched.uid = pod.metadata.uid.unwrap_or_default();
    watched
}

/// The pod that a specification makes, not yet placed.
pub(super) fn of_spec(
    key: ObjectKey,
    labels: Option<BTreeMap<String, String>>,
    spec: &core::PodSpec,
    workload: String,
) -> WatchedPod {
    let init = spec.init_containers.iter().flatten();
    let containers: Vec<_> = spec.containers.iter().chain(init).collect();
    let ports = || containers.iter().flat_map(|it| it.ports.iter().flatten());
    let environment = containers.iter().flat_map(|it| it.env.iter().flatten());
    let mut calls: Vec<Call> = environment
        .filter_map(|it| Call::read(&it.name, it.value.as_deref()?))
        .collect();
    calls.sort();
    calls.dedup();
    let mut listens: Vec<_> = ports().filter_map(number).collect();
    listens.sort_unstable();
    listens.dedup();
    let named = ports().filter_map(|port| {
        let (protocol, number) = number(port)?;
        let name = port.name.clone()?;
        Some(NamedPort {
            name,
            protocol,
            number,
        })
    });
    WatchedPod {
        pod: Pod {
            key,
            labels: labels.unwrap_or_default(),
            host_network: spec.host_network.unwrap_or(false),
            ports: named.collect(),
            workload,
            ..Pod::default()
        },
        uid: String::new(),
        listens,
        calls,
    }
}

fn number(port: &core::ContainerPort) -> Option<(Protocol, u16)> {
    let protocol = port.protocol.as_deref().filter(|it| !it.is_empty());
    let protocol = Protocol::parse(protocol.unwrap_or("TCP"))?;
    Some((protocol, u16::try_from(port.container_port).ok()?))
}

/// What people call it: the Deployment and not its `ReplicaSet`, the `CronJob` and not its Job.
fn workload(metadata: &ObjectMeta, key: &ObjectKey) -> String {
    let mut owners = metadata.owner_references.iter().flatten();
    let Some(owner) = owners.find(|it| it.controller == Some(true)) else {
        return key.name.clone();
    };
    let hash = metadata
        .labels
        .as_ref()
        .and_then(|it| it.get(TEMPLATE_HASH));
    let stem = match owner.kind.as_str() {
        "ReplicaSet" => hash.and_then(|hash| owner.name.strip_suffix(hash)),
        // `getJobName` in pkg/controller/cronjob/utils.go: the minute of the schedule.
        "Job" => owner
            .name
            .rsplit_once('-')
            .filter(|(_, minute)| minute.len() >= 8 && minute.bytes().all(|it| it.is_ascii_digit()))
            .map(|(stem, _)| stem),
        // A static pod is owned by its node, whose name it ends in.
        "Node" => key.name.strip_suffix(owner.name.as_str()),
        _ => None,
    };
    let stem = stem.map_or(owner.name.as_str(), |it| it.trim_end_matches('-'));
    let stem = if owner.kind == "Node" && stem == owner.name {
        key.name.as_str()
    } else {
        stem
    };
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: serde_json::Value) -> WatchedPod {
        pod(serde_json::from_value(value).unwrap())
    }

    fn workload_of(name: &str, kind: &str, owner: &str, hash: &str) -> String {
        let owner = json!([{"apiVersion": "v1", "kind": kind, "name": owner, "uid": "", "controller": true}]);
        let labels = json!({ TEMPLATE_HASH: hash });
        let metadata =
            json!({"name": name, "namespace": "n", "labels": labels, "ownerReferences": owner});
        of(json!({"metadata": metadata})).pod.workload
    }

    #[test]
    fn a_workload_is_what_people_call_it() {
        for (name, kind, owner, hash, expected) in [
            ("a-5f-x", "ReplicaSet", "a-5f", "5f", "a"),
            ("a-5f-x", "ReplicaSet", "a-5f", "", "a-5f"),
            ("db-0", "StatefulSet", "db", "", "db"),
            ("tidy-29000000-x", "Job", "tidy-29000000", "", "tidy"),
            ("once-x", "Job", "once", "", "once"),
            ("etcd-node-1", "Node", "node-1", "", "etcd"),
            ("odd", "Node", "node-1", "", "odd"),
        ] {
            assert_eq!(workload_of(name, kind, owner, hash), expected, "{name}");
        }
        assert_eq!(
            of(json!({"metadata": {"name": "alone"}})).pod.workload,
            "alone"
        );
    }

    #[test]
    fn both_families_are_read_once_and_a_finished_pod_is_marked() {
        let found = of(json!({
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"nodeName": "node-1", "containers": []},
            "status": {"phase": "Failed", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}, {"ip": "?"}]},
        }));
        let addresses: Vec<String> = found
            .pod
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(addresses, ["10.0.0.1", "fd00::1"]);
        assert!(found.pod.finished);
        assert_eq!(found.pod.node.as_deref(), Some("node-1"));
    }
}
