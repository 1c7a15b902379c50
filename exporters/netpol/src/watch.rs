//! The only room that knows Kubernetes types: objects in, what policies see of them out.
//!
//! ```text
//! pod, template ─┐
//! service, node ─┼─> every kind of object, from a watch or out of a manifest
//! policy ────────┘
//! ```

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_watch::{Scope, ScopeError, Source, WatchStatus, Watcher, Watching};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{Labelled, Model};

mod node;
mod pod;
mod policy;
mod service;
mod template;

use policy::{AdminPolicy, BaselineAdminPolicy, Policy, WideClusterPolicy};

/// The namespace of an object that names none, as for `kubectl apply`.
const DEFAULT_NAMESPACE: &str = "default";

/// A manifest that does not fit its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {name}: {fault}")]
pub struct Malformed {
    /// The object's kind.
    pub kind: String,
    /// Its name, as far as it has one.
    pub name: String,
    /// What does not fit.
    pub fault: String,
}

/// What became of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the model.
    New,
    /// It is in the model, in place of another of the same kind and name.
    Again,
    /// Policies do not see this kind.
    Unseen,
}

/// Watches everything that policies see, into the model. Each watch goes on for ever; the name says what it watches.
pub fn watch(
    watcher: &Watcher,
    source: &Source,
    model: &Arc<RwLock<Model>>,
    status: &WatchStatus,
) -> Result<Vec<(&'static str, Watching)>, ScopeError> {
    let all = Scope::default();
    // One line a kind.
    macro_rules! watches {
        ($($kind:ty: $trim:path => $name:literal),* $(,)?) => {
            vec![$(($name, watcher.watch::<$kind, _, _>(&all, $trim, Arc::clone(model), status)?)),*]
        };
    }
    let mut tasks = watches![
        Namespace: namespace => "watch namespaces",
        Node: node::node => "watch nodes",
        Service: service::service => "watch services",
        Pod: pod::pod => "watch pods",
        Policy: policy::policy => "watch networkpolicies",
        AdminPolicy: policy::admin => "watch adminnetworkpolicies",
        BaselineAdminPolicy: policy::baseline_admin => "watch baselineadminnetworkpolicies",
        WideClusterPolicy: policy::cluster => "watch clusternetworkpolicies",
    ];
    // Where there is a cluster there are pods; a folder of manifests has templates, and a pod is made up for each.
    if *source != Source::Cluster {
        tasks.extend(watches![
            Deployment: template::deployment => "watch deployments",
            StatefulSet: template::stateful_set => "watch statefulsets",
            DaemonSet: template::daemon_set => "watch daemonsets",
            ReplicaSet: template::replica_set => "watch replicasets",
            Job: template::job => "watch jobs",
            CronJob: template::cron_job => "watch cronjobs",
        ]);
    }
    Ok(tasks)
}

/// Puts one object out of a manifest into the model, whatever its kind.
pub fn take(model: &mut Model, object: &Value) -> Result<Taken, Malformed> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, version) = (text(&object["kind"]), text(&object["apiVersion"]));
    let malformed = |fault: String| Malformed {
        kind: kind.clone(),
        name: text(&object["metadata"]["name"]),
        fault,
    };
    macro_rules! kinds {
        ($($kind:ty: $trim:path),* $(,)?) => {
            match kind.as_str() {
                $(<$kind as k8s_openapi::Resource>::KIND => {
                    let expected = <$kind as k8s_openapi::Resource>::API_VERSION;
                    if version.split_once('/').map_or("", |it| it.0) != <$kind as k8s_openapi::Resource>::GROUP {
                        // Another kind that shares the name.
                        return Ok(Taken::Unseen);
                    }
                    if version != expected {
                        return Err(malformed(format!("apiVersion {version:?} is not read, only {expected}")));
                    }
                    if object["metadata"]["name"].as_str().is_none_or(str::is_empty) {
                        return Err(malformed("metadata.name: Required value".to_owned()));
                    }
                    decode::<$kind>(object).map(|it| model.take($trim(it))).map_err(malformed)
                })*
                _ => return Ok(Taken::Unseen),
            }
        };
    }
    let replaced = kinds![
        Namespace: namespace,
        Node: node::node,
        Service: service::service,
        Pod: pod::pod,
        Policy: policy::policy,
        AdminPolicy: policy::admin,
        BaselineAdminPolicy: policy::baseline_admin,
        WideClusterPolicy: policy::cluster,
        Deployment: template::deployment,
        StatefulSet: template::stateful_set,
        DaemonSet: template::daemon_set,
        ReplicaSet: template::replica_set,
        Job: template::job,
        CronJob: template::cron_job,
    ]?;
    Ok(if replaced { Taken::Again } else { Taken::New })
}

fn decode<K: DeserializeOwned>(object: &Value) -> Result<K, String> {
    serde_path_to_error::deserialize(object).map_err(|error| {
        let path = error.path().to_string();
        format!("{path}: {}", error.into_inner())
    })
}

fn namespace(namespace: Namespace) -> Labelled {
    Labelled {
        name: namespace.metadata.name.unwrap_or_default(),
        labels: namespace.metadata.labels.unwrap_or_default(),
    }
}

/// An object's namespace and name.
fn key(metadata: &ObjectMeta) -> netpol_engine::ObjectKey {
    let namespace = metadata.namespace.as_deref().filter(|it| !it.is_empty());
    netpol_engine::ObjectKey::new(
        namespace.unwrap_or(DEFAULT_NAMESPACE),
        metadata.name.as_deref().unwrap_or_default(),
    )
}
