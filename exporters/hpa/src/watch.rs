//! The only room that knows Kubernetes' kinds: objects in, what an autoscaler asks of them out.
//!
//! The shapes here hold only the fields that count, so that a cluster's pods cost little to read; a field that does not fit is
//! a problem with its path, told by kube-watch.

use std::sync::Arc;

use hpa_engine::{Autoscaler, Labels, Moment, SpecProblem};
use k8s_openapi::{NamespaceResourceScope, Resource};
use kube_watch::{
    ObjectKey, Scope, ScopeError, Source, SourceError, WatchStatus, Watcher, Watching,
};
use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::Value;

mod autoscaler;
mod pod;
mod target;
mod time;

pub use autoscaler::{HorizontalPodAutoscaler, autoscaler};
pub use pod::{PodMetrics, WrittenPod, pod, usage};
pub use target::{Workload, target};
pub use time::now;

use self::time::Time;
use crate::model::{Model, target as model};

/// `ObjectMeta`, as far as it counts.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    generation: Option<i64>,
    labels: Option<Labels>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    owner_references: Option<Vec<OwnerReference>>,
}

#[derive(Debug, Deserialize)]
struct OwnerReference {
    controller: Option<bool>,
}

impl Metadata {
    fn key(&self) -> ObjectKey {
        let namespace = self.namespace.as_deref().unwrap_or("default");
        ObjectKey::new(namespace, self.name.as_deref().unwrap_or_default())
    }

    fn is_controlled(&self) -> bool {
        let owners = self.owner_references.iter().flatten();
        owners
            .into_iter()
            .any(|owner| owner.controller == Some(true))
    }

    /// When somebody asked for its deletion: the timestamp is that of its end at the latest.
    fn asked_to_go(&self) -> Option<Moment> {
        let end = self.deletion_timestamp.as_ref()?.0;
        let grace = self.deletion_grace_period_seconds.unwrap_or(0).max(0);
        Some(end.before(std::time::Duration::from_secs(grace.unsigned_abs())))
    }
}

/// Reads an autoscaler that somebody wrote, with all that the API server would refuse of it. An error is what does not fit
/// the kind at all, with the field.
pub fn read_autoscaler(object: &Value) -> Result<(Autoscaler, Vec<SpecProblem>), String> {
    let written: HorizontalPodAutoscaler = serde_path_to_error::deserialize(object)
        .map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
    let autoscaler = autoscaler(written).autoscaler;
    let problems = autoscaler.spec.problems(false);
    Ok((autoscaler, problems))
}

/// Why objects cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Which objects of it.
    #[error(transparent)]
    Scope(#[from] ScopeError),
}

/// The watches of everything that a decision depends on, by name.
pub async fn open(
    source: &Source,
    scope: &Scope,
    model: &Arc<RwLock<Model>>,
    status: &WatchStatus,
) -> Result<Vec<(&'static str, Watching)>, OpenError> {
    let opened = Watcher::open(source).await?;
    macro_rules! watch {
        ($trim:expr) => {
            opened.watch(scope, $trim, Arc::clone(model), status)?
        };
    }
    let mut watches = vec![
        ("watch autoscalers", watch!(autoscaler)),
        ("watch deployments", watch!(target::<model::Deployment>)),
        ("watch stateful sets", watch!(target::<model::StatefulSet>)),
        ("watch replica sets", watch!(target::<model::ReplicaSet>)),
        ("watch pods", watch!(pod)),
    ];
    if matches!(source, Source::Files(_)) {
        // A cluster's metrics cannot be watched: they are asked for.
        watches.push(("watch pod metrics", watch!(usage)));
    }
    Ok(watches)
}

macro_rules! kinds {
    ($($shape:ty: $group:literal $version:literal $api_version:literal $kind:literal $plural:literal;)*) => {
        $(impl Resource for $shape {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const API_VERSION: &'static str = $api_version;
            const KIND: &'static str = $kind;
            const URL_PATH_SEGMENT: &'static str = $plural;
            type Scope = NamespaceResourceScope;
        })*
    };
}

kinds! {
    HorizontalPodAutoscaler: "autoscaling" "v2" "autoscaling/v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers";
    WrittenPod: "" "v1" "v1" "Pod" "pods";
    Workload<model::Deployment>: "apps" "v1" "apps/v1" "Deployment" "deployments";
    Workload<model::StatefulSet>: "apps" "v1" "apps/v1" "StatefulSet" "statefulsets";
    Workload<model::ReplicaSet>: "apps" "v1" "apps/v1" "ReplicaSet" "replicasets";
    PodMetrics: "metrics.k8s.io" "v1beta1" "metrics.k8s.io/v1beta1" "PodMetrics" "pods";
}
