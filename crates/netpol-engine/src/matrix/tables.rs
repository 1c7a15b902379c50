//! Everything in numbers: namespaces, classes, selectors, policies.

use std::collections::{BTreeSet, HashMap};

use super::blocks::Blocks;
use super::class::{ClassKey, Classes, Sight, is_per_replica};
use super::compile::{NumberedPorts, Peers, Seen, Wide};
use super::names::{Labelled, Names, NumberedSelector};
use super::set::{ClassSet, number};
use crate::cluster::{Cluster, Pod};
use crate::label::Labels;
use crate::policy::{Direction, NetworkPolicy, ObjectKey, Peer, Rule};
use crate::profile::Profile;
use crate::tier::{Action, ClusterPeers, ClusterPolicy, Tier};

/// All tables.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) profile: Profile,
    names: Names,
    namespaces: Labelled,
    namespace_by_name: HashMap<u32, u32>,
    nodes: HashMap<u32, Labels>,
    asked: BTreeSet<String>,
    asks_for_nodes: bool,
    pub(super) classes: Classes,
    pub(super) blocks: Blocks,
    wide: Wide,
    bundles: Vec<Bundle>,
    bundle_by_subject: HashMap<(u32, NumberedSelector), u32>,
    bundles_of_class: Vec<Vec<u32>>,
    policies: Vec<CompiledPolicy>,
    policy_by_key: HashMap<ObjectKey, u32>,
    free: Vec<u32>,
    cluster_policies: Vec<CompiledClusterPolicy>,
}

/// Network policies with the same subject.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    policies: Vec<u32>,
    subject: ClassSet,
    /// How many of them isolate in each direction, and how many of those name ports.
    isolating: [u32; 2],
    naming: [u32; 2],
}

/// A network policy. One that is gone has no rules.
#[derive(Clone, Debug)]
struct CompiledPolicy {
    bundle: u32,
    namespace: u32,
    rules: [Option<Vec<CompiledRule>>; 2],
}

/// A rule of a network policy.
#[derive(Clone, Debug)]
pub(super) struct CompiledRule {
    pub(super) peers: Peers,
    pub(super) ports: Vec<NumberedPorts>,
}

/// A cluster-wide policy.
#[derive(Clone, Debug)]
pub(super) struct CompiledClusterPolicy {
    pub(super) tier: Tier,
    pub(super) priority: u16,
    subject: u32,
    rules: [Vec<CompiledClusterRule>; 2],
}

/// A rule of a cluster-wide policy.
#[derive(Clone, Debug)]
pub(super) struct CompiledClusterRule {
    pub(super) action: Action,
    pub(super) peers: Peers,
    pub(super) ports: Vec<NumberedPorts>,
}

fn place(direction: Direction) -> usize {
    match direction {
        Direction::Egress => 0,
        Direction::Ingress => 1,
    }
}

// === impl Bundle ===

impl Bundle {
    pub(super) fn names_ports(&self, direction: Direction) -> bool {
        self.naming[place(direction)] > 0
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = u32> {
        self.policies.iter().copied()
    }
}

// === impl Tables ===

impl Tables {
    /// The tables of a cluster, without its pods' classes known to anyone yet: those come back by name.
    pub(super) fn new(cluster: &Cluster, profile: Profile) -> (Self, HashMap<ObjectKey, u32>) {
        let mut tables = Self {
            profile,
            names: Names::default(),
            namespaces: Labelled::default(),
            namespace_by_name: HashMap::new(),
            nodes: HashMap::new(),
            asked: BTreeSet::new(),
            asks_for_nodes: false,
            classes: Classes::default(),
            blocks: Blocks::default(),
            wide: Wide::default(),
            bundles: Vec::new(),
            bundle_by_subject: HashMap::new(),
            bundles_of_class: Vec::new(),
            policies: Vec::new(),
            policy_by_key: HashMap::new(),
            free: Vec::new(),
            cluster_policies: Vec::new(),
        };
        for (name, labels) in cluster.namespaces() {
            tables.add_namespace(name, labels);
        }
        for (name, node) in &cluster.nodes {
            let name = tables.names.number(name);
            tables.nodes.insert(name, node.labels.clone());
        }
        let network = cluster.policies.values().flat_map(of_policy);
        let across = cluster
            .cluster_policies
            .values()
            .flat_map(of_cluster_policy);
        for what in network.chain(across) {
            tables.notice(&what);
        }
        tables.blocks.cut();
        let mut class_of = HashMap::with_capacity(cluster.pods.len());
        for pod in cluster.pods.values().filter(|it| !it.finished) {
            let key = tables.class_key(pod);
            let class = tables.classes.find(&key);
            let class = class.unwrap_or_else(|| tables.add_class_row(key));
            tables.classes.get_mut(class).pods += 1;
            class_of.insert(pod.key.clone(), class);
        }
        tables.bundles_of_class = vec![Vec::new(); tables.classes.len()];
        for policy in cluster.policies.values() {
            tables.add_policy(policy);
        }
        for policy in cluster.cluster_policies.values() {
            tables.add_cluster_policy(policy);
        }
        (tables, class_of)
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            namespaces: &self.namespaces,
            classes: &self.classes,
        }
    }

    fn add_namespace(&mut self, name: &str, labels: &Labels) -> u32 {
        let number = self.names.number(name);
        let labels = self.names.labels(labels);
        if let Some(found) = self.namespace_by_name.get(&number) {
            let found = *found;
            self.namespaces.replace(found, labels);
            return found;
        }
        let namespace = self.namespaces.push(labels);
        self.namespace_by_name.insert(number, namespace);
        namespace
    }

    /// The namespace of this name: one that was not seen has its name, as every namespace has (rule 29).
    fn namespace(&mut self, name: &str) -> u32 {
        let number = self.names.number(name);
        match self.namespace_by_name.get(&number) {
            Some(found) => *found,
            None => self.add_namespace(name, &Cluster::default().namespace(name)),
        }
    }

    /// Takes note of what a policy looks at. True if pods that are alike so far may no longer be.
    fn notice(&mut self, what: &Looks<'_>) -> bool {
        match what {
            Looks::At(selector) => {
                let keys = selector.requirements().iter().map(|it| &it.key);
                let mut news = false;
                for key in keys.filter(|key| is_per_replica(key)) {
                    news |= self.asked.insert(key.clone());
                }
                news
            }
            Looks::AtBlock(block) => self.blocks.number(block).1,
            Looks::AtNodes => !std::mem::replace(&mut self.asks_for_nodes, true),
        }
    }

    pub(super) fn class_key(&mut self, pod: &Pod) -> ClassKey {
        let namespace = self.namespace(&pod.key.namespace);
        let mut sight = Sight {
            names: &mut self.names,
            blocks: &self.blocks,
            asked: &self.asked,
            nodes: self.asks_for_nodes,
        };
        sight.key(namespace, pod)
    }

    fn add_class_row(&mut self, key: ClassKey) -> u32 {
        let blocks = key.blocks.clone();
        let class = self.classes.add(key);
        for block in blocks {
            self.blocks.insert(block, class);
        }
        class
    }

    fn add_policy(&mut self, policy: &NetworkPolicy) -> u32 {
        let namespace = self.namespace(&policy.key.namespace);
        let subject = self.names.selector(&policy.subject);
        let bundle = self.bundle_for(namespace, subject);
        let rules = Direction::BOTH.map(|direction| {
            let rules = policy.rules(direction)?;
            Some(
                rules
                    .iter()
                    .map(|rule| self.rule_of(rule, namespace))
                    .collect(),
            )
        });
        let compiled = CompiledPolicy {
            bundle,
            namespace,
            rules,
        };
        let slot = self.free.pop().unwrap_or(number(self.policies.len()));
        self.bundles[bundle as usize].policies.push(slot);
        self.count(&compiled, 1);
        if slot as usize == self.policies.len() {
            self.policies.push(compiled);
        } else {
            self.policies[slot as usize] = compiled;
        }
        self.policy_by_key.insert(policy.key.clone(), slot);
        bundle
    }

    /// Counts a policy's directions in its bundle, or takes them off.
    fn count(&mut self, policy: &CompiledPolicy, one: i32) {
        let bundle = &mut self.bundles[policy.bundle as usize];
        for (direction, rules) in policy.rules.iter().enumerate() {
            let Some(rules) = rules else { continue };
            let is_name = |it: &NumberedPorts| matches!(it, NumberedPorts::Named(..));
            let names = rules.iter().any(|rule| rule.ports.iter().any(is_name));
            let change = |count: &mut u32, one| *count = count.saturating_add_signed(one);
            change(&mut bundle.isolating[direction], one);
            change(&mut bundle.naming[direction], if names { one } else { 0 });
        }
    }

    fn rule_of(&mut self, rule: &Rule, namespace: u32) -> CompiledRule {
        CompiledRule {
            ports: NumberedPorts::compile(
                &rule.ports,
                self.profile.understands_end_port,
                &mut self.names,
            ),
            peers: self.peers_of(&rule.peers, rule.peers.is_empty(), Some(namespace)),
        }
    }

    fn peers_of(&mut self, peers: &[Peer], everyone: bool, namespace: Option<u32>) -> Peers {
        let seen = Seen {
            namespaces: &self.namespaces,
            classes: &self.classes,
        };
        let (names, wide, blocks) = (&mut self.names, &mut self.wide, &mut self.blocks);
        let peers = Peers::compile(peers, namespace, names, wide, blocks, seen);
        Peers { everyone, ..peers }
    }

    fn bundle_for(&mut self, namespace: u32, subject: NumberedSelector) -> u32 {
        let key = (namespace, subject);
        if let Some(found) = self.bundle_by_subject.get(&key) {
            return *found;
        }
        let bundle = number(self.bundles.len());
        let classes = self.seen().in_namespace(namespace, &key.1);
        for class in &classes {
            // A new bundle has the highest number: the lists stay in order.
            self.bundles_of_class[*class as usize].push(bundle);
        }
        self.bundles.push(Bundle {
            policies: Vec::new(),
            subject: ClassSet::of(classes, self.classes.len()),
            isolating: [0; 2],
            naming: [0; 2],
        });
        self.bundle_by_subject.insert(key, bundle);
        bundle
    }

    fn add_cluster_policy(&mut self, policy: &ClusterPolicy) {
        let seen = Seen {
            namespaces: &self.namespaces,
            classes: &self.classes,
        };
        let subject = self.wide.select(&mut self.names, seen, &policy.subject);
        // A subject is always across namespaces.
        let Some(subject) = subject else { return };
        let rules = Direction::BOTH.map(|direction| {
            let rules = policy.rules(direction).iter();
            let rules = rules.map(|rule| {
                let (peers, everyone) = match &rule.peers {
                    ClusterPeers::Everyone => (&[][..], true),
                    ClusterPeers::Of(peers) => (&peers[..], false),
                };
                CompiledClusterRule {
                    action: rule.action,
                    peers: self.peers_of(peers, everyone, None),
                    ports: NumberedPorts::compile(&rule.ports, true, &mut self.names),
                }
            });
            rules.collect()
        });
        self.cluster_policies.push(CompiledClusterPolicy {
            tier: policy.tier,
            priority: policy.priority,
            subject,
            rules,
        });
    }
}

mod ask;
mod change;
mod look;

pub(super) use change::{Change, Concerned};
use look::{Looks, of_cluster_policy, of_policy};
