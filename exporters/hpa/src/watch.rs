//! The only room that knows Kubernetes' kinds: objects in, what an autoscaler asks of them out.
//!
//! The shapes here hold only the fields that count, so that a cluster's pods cost little to read; a field that does not fit is
//! a problem with its path, told by kube-watch.

use std::sync::Arc;

use hpa_engine::{Autoscaler, Labels, Moment, SpecProblem};
use k8s_openapi::{NamespaceResourceScope, Resource};
use kube_watch::{
    ObjectKey, Reader, Scope, ScopeError, Source, SourceError, State, WatchStatus, Watcher,
    Watching,
};
use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::Value;

mod autoscaler;
mod manager;
mod pod;
mod rescale;
mod target;
mod time;

pub use autoscaler::{HorizontalPodAutoscaler, autoscaler};
pub use manager::{Lease, ManagerPod, leader, manager};
pub use pod::{PodMetrics, WrittenPod, pod, pods, usage};
pub use rescale::{WrittenEvent, rescale};
pub(crate) use target::selector;
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
    let autoscaler = Arc::unwrap_or_clone(autoscaler(written).autoscaler);
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

/// A source, opened.
pub struct Opened {
    /// The watches, by name.
    pub watches: Vec<(&'static str, Watching)>,
    /// Whom to ask for what cannot be watched; files have nobody.
    pub reader: Option<Reader>,
    /// So many of the watches, in the order of the status, have to be heard of before anything can be decided.
    needed: usize,
}

impl Opened {
    /// Whether everything has been heard of that a decision takes. What there is to know of the controller manager is not in
    /// it: not everybody may look into `kube-system`.
    pub fn is_heard(&self, status: &WatchStatus) -> bool {
        let watches = status.watches();
        let mut needed = watches.iter().take(self.needed);
        needed.all(|watched| watched.state != State::Starting)
    }
}

/// The watches of everything that a decision depends on, by name.
pub async fn open(
    source: &Source,
    scope: &Scope,
    model: &Arc<RwLock<Model>>,
    status: &WatchStatus,
) -> Result<Opened, OpenError> {
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
        ("watch pods", watch!(pods())),
    ];
    let of_scaling = Scope {
        fields: Some(
            "involvedObject.kind=HorizontalPodAutoscaler,reason=SuccessfulRescale".to_owned(),
        ),
        ..scope.clone()
    };
    let events = opened.watch(&of_scaling, rescale, Arc::clone(model), status)?;
    watches.push(("watch events of scaling", events));
    if matches!(source, Source::Files(_)) {
        // A cluster's metrics cannot be watched: they are asked for.
        watches.push(("watch pod metrics", watch!(usage)));
    }
    let needed = status.watches().len();
    if *source == Source::Cluster {
        let lease = of_the_controller(None, Some("metadata.name=kube-controller-manager"));
        let lease = opened.watch(&lease, leader, Arc::clone(model), status)?;
        watches.push(("watch the controller's lease", lease));
        let pod = of_the_controller(Some("component=kube-controller-manager"), None);
        let pod = opened.watch(&pod, manager, Arc::clone(model), status)?;
        watches.push(("watch the controller's pod", pod));
    }
    Ok(Opened {
        watches,
        reader: opened.reader(),
        needed,
    })
}

/// Objects of the controller manager, where kubeadm and its like put them. A managed control plane shows none.
fn of_the_controller(labels: Option<&str>, fields: Option<&str>) -> Scope {
    Scope {
        namespaces: vec!["kube-system".to_owned()],
        labels: labels.map(str::to_owned),
        fields: fields.map(str::to_owned),
    }
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
    WrittenEvent: "" "v1" "v1" "Event" "events";
    Workload<model::Deployment>: "apps" "v1" "apps/v1" "Deployment" "deployments";
    Workload<model::StatefulSet>: "apps" "v1" "apps/v1" "StatefulSet" "statefulsets";
    Workload<model::ReplicaSet>: "apps" "v1" "apps/v1" "ReplicaSet" "replicasets";
    ManagerPod: "" "v1" "v1" "Pod" "pods";
    Lease: "coordination.k8s.io" "v1" "coordination.k8s.io/v1" "Lease" "leases";
    PodMetrics: "metrics.k8s.io" "v1beta1" "metrics.k8s.io/v1beta1" "PodMetrics" "pods";
}
