//! All verdicts at once: pods that no policy can tell apart are one class, classes that the same policies isolate one group,
//! and whom a group talks to is a set of classes for each stretch of ports. Kept up by events.
//!
//! ```text
//! pods ─> classes ─┐                       ┌─> egress:  group, port -> destinations ─┐
//!                  ├─> tables ─> relation ─┤                                         ├─> verdict, reach
//! policies ────────┘                       └─> ingress: group, port -> sources ──────┘
//! ```
//!
//! There is a pair of relations for each way in which the open questions may be decided (see [`Profile`]); mostly that is one.
//! Where they disagree the naive engine is asked, which knows the reason; it is also asked for what is no pod.

use std::collections::HashMap;

use crate::address::Family;
use crate::cluster::{Cluster, Node, Pod, Service};
use crate::label::Labels;
use crate::naive;
use crate::policy::{Direction, NetworkPolicy, ObjectKey, Protocol};
use crate::profile::{Profile, Questions};
use crate::query::{Endpoint, Query, Route};
use crate::tier::ClusterPolicy;
use crate::verdict::Verdict;

mod blocks;
mod cells;
mod class;
mod compile;
mod fold;
mod names;
mod reach;
mod relation;
mod set;
mod tables;

pub(crate) use class::is_per_replica;
pub use reach::Reach;
use relation::{Relation, Setting};
use tables::{Change, Concerned, Tables};

/// The verdicts of a whole cluster, kept up by events.
#[derive(Clone, Debug)]
pub struct Matrix {
    cluster: Cluster,
    tables: Tables,
    class_of: HashMap<ObjectKey, u32>,
    worlds: Vec<InWorld>,
}

/// How large a matrix is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Pods with a network.
    pub pods: usize,
    /// Policies, the cluster-wide ones too.
    pub policies: usize,
    /// Kinds of pods that policies can tell apart.
    pub classes: usize,
    /// Sets of classes that the same policies isolate, in both directions.
    pub groups: usize,
    /// Stretches of ports, over all groups.
    pub port_atoms: usize,
    /// Ways in which open questions may be decided.
    pub worlds: usize,
}

#[derive(Clone, Debug)]
struct InWorld {
    setting: Setting,
    egress: Relation,
    ingress: Relation,
}

// === impl Matrix ===

impl Matrix {
    /// The verdicts of a cluster.
    pub fn new(cluster: Cluster, profile: Profile) -> Self {
        let (tables, class_of) = Tables::new(&cluster, profile);
        let worlds = worlds(&tables, &cluster);
        Self {
            cluster,
            tables,
            class_of,
            worlds,
        }
    }

    /// What it is about.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// How open questions are decided.
    pub fn profile(&self) -> &Profile {
        &self.tables.profile
    }

    /// How large it is.
    pub fn size(&self) -> Size {
        let relations = self.worlds.iter().flat_map(|it| [&it.egress, &it.ingress]);
        let groups: Vec<_> = relations.flat_map(|it| &it.groups).collect();
        Size {
            pods: self.class_of.len(),
            policies: self.cluster.policies.len() + self.cluster.cluster_policies.len(),
            classes: self.tables.classes.len(),
            groups: groups.len(),
            port_atoms: groups.iter().map(|it| it.ports.len()).sum(),
            worlds: self.worlds.len(),
        }
    }

    /// The number of a pod's kind, until the next event: pods of one kind no policy can tell apart.
    pub fn kind(&self, pod: &ObjectKey) -> Option<u32> {
        self.class_of.get(pod).copied()
    }

    /// Where a stretch of ports begins on which no policy changes its mind.
    pub(crate) fn cuts(&self, protocol: Protocol) -> Vec<u16> {
        let relations = self.worlds.iter().flat_map(|it| [&it.egress, &it.ingress]);
        let mut cuts: Vec<u16> = relations
            .flat_map(|it| &it.groups)
            .flat_map(|it| it.ports.cuts(protocol))
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// What the policies say about a connection.
    pub fn verdict(&self, query: &Query) -> Verdict {
        self.looked_up(query)
            .unwrap_or_else(|| naive::verdict(&self.cluster, &self.tables.profile, query))
    }

    /// The verdict, if it is between pods and nothing is open.
    fn looked_up(&self, query: &Query) -> Option<Verdict> {
        let (Endpoint::Pod(source), Endpoint::Pod(destination)) =
            (&query.source, &query.destination)
        else {
            return None;
        };
        let protocol = cells::place(query.protocol)?;
        let from = *self.class_of.get(source)?;
        let to = *self.class_of.get(destination)?;
        match query.route {
            Route::Direct => {}
            Route::Service(None) if source != destination => {}
            Route::Service(Some(_)) if source != destination && self.blocks_see_pods_alone() => {}
            _ => return None,
        }
        let same_node = || {
            let node = |key| self.cluster.pods.get(key)?.node.as_deref();
            node(source).is_some() && node(source) == node(destination)
        };
        let families = naive::families(&self.cluster, query).ok()?;
        if !self.tables.profile.enforces || source == destination {
            return Some(Verdict::Allowed);
        }
        let from_host = self.tables.classes.get(from).host_network;
        let mut together = None;
        for world in &self.worlds {
            if world
                .setting
                .family
                .is_some_and(|it| !families.contains(&it))
            {
                continue;
            }
            let (sure_out, may_out) = world.egress.answers(from, to, protocol, query.port);
            // Rule 21.
            let is_node = from_host
                && !world.setting.world.selects_host_network
                && self.tables.profile.own_node_is_free;
            let (sure_in, may_in) = if is_node && same_node() {
                (true, true)
            } else {
                world.ingress.answers(to, from, protocol, query.port)
            };
            let verdict = match (sure_out && sure_in, may_out && may_in) {
                (true, _) => Verdict::Allowed,
                (_, false) => Verdict::Denied,
                _ => return None,
            };
            if *together.get_or_insert(verdict) != verdict {
                return None;
            }
        }
        together
    }

    /// Whether no egress block could mean a Service's address: there is none, or the profile says so.
    fn blocks_see_pods_alone(&self) -> bool {
        self.tables.profile.blocks_see_services == Some(false) || self.tables.blocks.is_empty()
    }

    /// Adds a pod, or changes it.
    pub fn apply_pod(&mut self, pod: Pod) {
        let before = self.class_of.remove(&pod.key);
        if let Some(class) = before {
            self.tables.classes.get_mut(class).pods -= 1;
        }
        if pod.finished {
            self.cluster.apply_pod(pod);
            return;
        }
        let (class, change) = self.tables.add_class(&pod);
        self.tables.classes.get_mut(class).pods += 1;
        self.class_of.insert(pod.key.clone(), class);
        self.cluster.apply_pod(pod);
        self.catch_up(change);
    }

    /// Takes a pod away.
    pub fn delete_pod(&mut self, key: &ObjectKey) {
        self.cluster.pods.remove(key);
        if let Some(class) = self.class_of.remove(key) {
            self.tables.classes.get_mut(class).pods -= 1;
        }
    }

    /// Adds a namespace, or gives it other labels.
    pub fn apply_namespace(&mut self, name: &str, labels: Labels) {
        self.cluster.apply_namespace(name, labels);
        let labels = self.cluster.namespace(name);
        let change = self.tables.apply_namespace(name, &labels);
        self.catch_up(change);
    }

    /// Takes a namespace away. What is in it goes by its own events.
    pub fn delete_namespace(&mut self, name: &str) {
        self.cluster.delete_namespace(name);
        let labels = self.cluster.namespace(name);
        let change = self.tables.apply_namespace(name, &labels);
        self.catch_up(change);
    }

    /// Adds a policy, or changes it.
    pub fn apply_policy(&mut self, policy: NetworkPolicy) {
        let change = self.tables.apply_policy(&policy, &self.cluster);
        self.cluster.apply_policy(policy);
        self.catch_up(change);
    }

    /// Takes a policy away.
    pub fn delete_policy(&mut self, key: &ObjectKey) {
        self.cluster.policies.remove(key);
        let change = self.tables.delete_policy(key);
        self.catch_up(change);
    }

    /// Adds a cluster-wide policy, or changes it. Every verdict may be another after that, so all are worked out again.
    pub fn apply_cluster_policy(&mut self, policy: ClusterPolicy) {
        self.cluster.apply_cluster_policy(policy);
        self.rebuild();
    }

    /// Takes a cluster-wide policy away.
    pub fn delete_cluster_policy(&mut self, key: &ObjectKey) {
        if self.cluster.cluster_policies.remove(key).is_some() {
            self.rebuild();
        }
    }

    /// Adds a node, or changes it.
    pub fn apply_node(&mut self, name: &str, node: Node) {
        let before = self.cluster.nodes.insert(name.to_owned(), node);
        let labels = |node: Option<&Node>| node.map(|it| it.labels.clone());
        let same = labels(before.as_ref()) == labels(self.cluster.nodes.get(name));
        if !same && self.tables.has_cluster_policies() {
            self.rebuild();
        }
    }

    /// Takes a node away.
    pub fn delete_node(&mut self, name: &str) {
        if self.cluster.nodes.remove(name).is_some() && self.tables.has_cluster_policies() {
            self.rebuild();
        }
    }

    /// Adds a Service, or changes it.
    pub fn apply_service(&mut self, service: Service) {
        self.cluster.apply_service(service);
    }

    /// Takes a Service away.
    pub fn delete_service(&mut self, key: &ObjectKey) {
        self.cluster.services.remove(key);
    }

    /// Changes many things at once, as a list of them all does, and works everything out again.
    pub fn change(&mut self, change: impl FnOnce(&mut Cluster)) {
        change(&mut self.cluster);
        self.rebuild();
    }

    /// Works everything out again, and forgets the classes that have no pods any more.
    pub fn rebuild(&mut self) {
        let (tables, class_of) = Tables::new(&self.cluster, self.tables.profile);
        self.worlds = worlds(&tables, &self.cluster);
        self.tables = tables;
        self.class_of = class_of;
    }

    fn catch_up(&mut self, change: Change) {
        let concerned = match change {
            Change::Nothing => return,
            Change::Everything => return self.rebuild(),
            Change::Of(concerned) => concerned,
        };
        for world in &mut self.worlds {
            for relation in [&mut world.egress, &mut world.ingress] {
                relation.catch_up(&concerned, &self.tables);
            }
        }
    }
}

fn worlds(tables: &Tables, cluster: &Cluster) -> Vec<InWorld> {
    let (host_network, block_on_pod) = tables.questions();
    let questions = Questions {
        host_network,
        block_on_pod,
        ..Questions::default()
    };
    let has = |family| {
        let mut pods = cluster.pods.values();
        pods.any(|pod| pod.addresses.iter().any(|it| Family::of(*it) == family))
    };
    let families = if !tables.blocks.cover_pods() {
        vec![None]
    } else if has(Family::V6) {
        vec![Some(Family::V4), Some(Family::V6)]
    } else {
        vec![Some(Family::V4)]
    };
    let mut all = Vec::new();
    for world in tables.profile.worlds(questions) {
        for family in &families {
            let setting = Setting {
                world,
                family: *family,
            };
            all.push(InWorld {
                setting,
                egress: Relation::new(setting, Direction::Egress, tables),
                ingress: Relation::new(setting, Direction::Ingress, tables),
            });
        }
    }
    all
}

// === impl Relation ===

impl Relation {
    /// Whether the first class, as the subject, lets the second through: for sure, and at all.
    fn answers(&self, subject: u32, peer: u32, protocol: usize, port: u16) -> (bool, bool) {
        self.group(subject).ports.cell(protocol, port).answers(peer)
    }

    fn catch_up(&mut self, concerned: &Concerned, tables: &Tables) {
        for class in &concerned.regrouped {
            self.regroup(*class, tables);
        }
        if !concerned.bundles.is_empty() {
            self.refresh(tables, |key| concerned.is_for(key));
        }
        if let Some(class) = concerned.regrouped.first() {
            for (bundle, rules) in &concerned.admitted {
                self.admit(*class, *bundle, rules, tables);
            }
        }
    }
}
