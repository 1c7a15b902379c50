//! The state: the engine's matrix, kept up by events, and beside it what the engine does not ask for. No clock, nothing that waits.
//!
//! ```text
//! events ─> model ─┬─> matrix      (who may reach whom)
//!                  ├─> required    (what the application needs: written, and read from environments)
//!                  └─> changes     (what may have another answer since somebody last took them)
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_watch::Index;
use netpol_engine::{Cluster, Flow, Matrix, Node, ObjectKey, Profile, Protocol};

use self::changes::{Changes, Object};
use self::pod::{Call, Template};
use self::policy::{Refused, Version};

pub mod changes;
mod indexes;
pub mod kind;
pub mod pod;
pub mod policy;
pub(crate) mod required;

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNode {
    /// Its name.
    pub name: String,
    /// What policies see of it.
    pub node: Node,
}

/// Everything that is known of the cluster, and what is required of it.
#[derive(Debug)]
pub struct Model {
    matrix: Matrix,
    versions: BTreeMap<ObjectKey, Version>,
    refused: BTreeMap<ObjectKey, Refused>,
    /// What the engine does not keep of pods.
    facts: BTreeMap<ObjectKey, Facts>,
    templates: BTreeMap<(&'static str, ObjectKey), Template>,
    /// How many real pods each workload has: one with any needs no pod made up.
    real_pods: BTreeMap<ObjectKey, usize>,
    /// How many pods of each workload make each call.
    calls: BTreeMap<(ObjectKey, Call), usize>,
    calls_changed: bool,
    written: Vec<Flow>,
    infer: bool,
    /// What was learnt, as far as it is to be required.
    learnt: Vec<Flow>,
    required: Arc<[Flow]>,
    changes: Changes,
}

/// What the engine does not keep of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    uid: String,
    workload: ObjectKey,
    standing: Standing,
    calls: Vec<Call>,
    listens: Vec<(Protocol, u16)>,
}

/// What a pod in the matrix stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Itself.
    Real,
    /// Itself, and it has no network any more (rule 28).
    Finished,
    /// A template's pods.
    MadeUp,
}

// === impl Model ===

impl Model {
    /// Of a cluster in which there is nothing yet.
    pub fn new(profile: Profile) -> Self {
        Self {
            matrix: Matrix::new(Cluster::default(), profile),
            versions: BTreeMap::new(),
            refused: BTreeMap::new(),
            facts: BTreeMap::new(),
            templates: BTreeMap::new(),
            real_pods: BTreeMap::new(),
            calls: BTreeMap::new(),
            calls_changed: false,
            written: Vec::new(),
            infer: false,
            learnt: Vec::new(),
            required: Arc::from([]),
            changes: Changes::everything(),
        }
    }

    /// Who may reach whom.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// What there is.
    pub fn cluster(&self) -> &Cluster {
        self.matrix.cluster()
    }

    /// What the application needs, in order, each once.
    pub fn required(&self) -> &Arc<[Flow]> {
        &self.required
    }

    /// The policies that the API server would refuse: none of them is in force.
    pub fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.refused.values()
    }

    /// Which state of a policy is in force.
    pub fn version(&self, policy: &ObjectKey) -> Option<&Version> {
        self.versions.get(policy)
    }

    /// The ports that a pod's containers declare.
    pub fn listens(&self, pod: &ObjectKey) -> &[(Protocol, u16)] {
        self.facts.get(pod).map_or(&[], |it| &it.listens)
    }

    /// How many workloads have pods.
    pub fn workloads(&self) -> usize {
        let pods = self.cluster().pods.values().filter(|it| !it.finished);
        let names: std::collections::BTreeSet<_> =
            pods.map(|it| (&it.key.namespace, &it.workload)).collect();
        names.len()
    }

    /// What somebody wrote down as required, and whether to read more from the pods' environments.
    pub fn require(&mut self, written: Vec<Flow>, infer: bool) {
        (self.written, self.infer) = (written, infer);
        self.gather_required();
    }

    /// What applications were seen to use is required, too, where nobody else has said so.
    pub fn learn(&mut self, learnt: Vec<Flow>) {
        self.learnt = learnt;
        self.gather_required();
    }

    /// What has changed since this was last asked.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Everything is to be judged again: somebody else can dial now.
    pub fn agents_changed(&mut self) {
        self.changes.agents_changed();
    }

    /// A pod as agents know it.
    pub fn pod_name(&self, key: &ObjectKey) -> reach::PodName {
        let uid = self.facts.get(key).map(|it| it.uid.clone());
        reach::PodName {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            uid: uid.unwrap_or_default(),
        }
    }

    /// Takes one object in; whether there was one of its kind and name.
    pub fn take<T>(&mut self, object: T) -> bool
    where
        Self: Index<T>,
    {
        let before = self.size();
        self.apply(object);
        self.size() == before
    }

    /// How many objects there are, of all kinds.
    fn size(&self) -> usize {
        let cluster = self.cluster();
        let policies = self.versions.len() + self.refused.len();
        let pods = self.facts.len() + self.templates.len();
        policies
            + pods
            + cluster.namespaces().count()
            + cluster.nodes.len()
            + cluster.services.len()
    }

    fn touch(&mut self, namespace: &str, object: Object) {
        self.changes.touch(namespace, object);
    }

    fn touch_all(&mut self, object: Object) {
        self.changes.touch_all(object);
    }
}

#[cfg(test)]
mod tests;
