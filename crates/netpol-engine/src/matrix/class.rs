//! Pods that no policy can tell apart are one class.

use core::net::IpAddr;
use std::collections::{BTreeMap, HashMap};

use super::blocks::Blocks;
use super::names::{Label, Labelled, Names};
use super::set::ClassSet;
use crate::cluster::Pod;
use crate::policy::Protocol;

/// Labels that differ from replica to replica. They are looked at only if a selector does: with them each replica would be
/// a class of its own.
const PER_REPLICA: [&str; 10] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// Whether a label's key is one that differs from replica to replica.
pub(crate) fn is_per_replica(key: &str) -> bool {
    PER_REPLICA.contains(&key)
}

/// A named port in numbers: its name, its protocol, its number.
pub(super) type Port = (u32, Protocol, u16);

/// All that policies can see of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClassKey {
    pub(super) namespace: u32,
    pub(super) labels: Box<[Label]>,
    pub(super) ports: Box<[Port]>,
    /// The blocks that its addresses are in.
    pub(super) blocks: Box<[u32]>,
    pub(super) host_network: bool,
    pub(super) unplaced: bool,
    /// Of a pod on the host's network, where rules ask for nodes.
    pub(super) node: Option<u32>,
}

/// A class, apart from its labels.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) namespace: u32,
    pub(super) ports: Box<[Port]>,
    pub(super) blocks: Box<[u32]>,
    pub(super) host_network: bool,
    pub(super) unplaced: bool,
    pub(super) node: Option<u32>,
    /// How many pods are of it. One without pods stays: it may have some again.
    pub(super) pods: u32,
}

/// All classes, and which of them have something in common.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    list: Vec<Class>,
    pub(super) labelled: Labelled,
    by_key: HashMap<ClassKey, u32>,
    of_namespace: Vec<Vec<u32>>,
    first_with_ports: HashMap<Box<[Port]>, u32>,
    /// Which classes call which port so.
    named: HashMap<(u32, Protocol), BTreeMap<u16, ClassSet>>,
    pub(super) host: ClassSet,
    pub(super) unplaced: ClassSet,
}

/// What decides which labels and addresses count.
pub(super) struct Sight<'a> {
    pub(super) names: &'a mut Names,
    pub(super) blocks: &'a Blocks,
    /// Labels of single replicas that some selector asks for.
    pub(super) asked: &'a std::collections::BTreeSet<String>,
    /// Whether some rule asks for nodes.
    pub(super) nodes: bool,
}

// === impl Sight ===

impl Sight<'_> {
    pub(super) fn key(&mut self, namespace: u32, pod: &Pod) -> ClassKey {
        let mut labels: Vec<_> = pod
            .labels
            .iter()
            .filter(|(key, _)| !is_per_replica(key) || self.asked.contains(*key))
            .map(|(key, value)| (self.names.number(key), self.names.number(value)))
            .collect();
        labels.sort_unstable();
        let mut ports: Vec<_> = pod
            .ports
            .iter()
            .map(|it| (self.names.number(&it.name), it.protocol, it.number))
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let node = pod
            .node
            .as_deref()
            .filter(|_| self.nodes && pod.host_network);
        ClassKey {
            namespace,
            labels: labels.into(),
            ports: ports.into(),
            blocks: self.blocks_of(&pod.addresses),
            host_network: pod.host_network,
            unplaced: pod.addresses.is_empty(),
            node: node.map(|node| self.names.number(node)),
        }
    }

    fn blocks_of(&self, addresses: &[IpAddr]) -> Box<[u32]> {
        let mut found: Vec<u32> = addresses
            .iter()
            .flat_map(|address| self.blocks.around(*address))
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found.into()
    }
}

// === impl Classes ===

impl Classes {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, class: u32) -> &Class {
        &self.list[class as usize]
    }

    pub(super) fn get_mut(&mut self, class: u32) -> &mut Class {
        &mut self.list[class as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Class)> {
        (0..).zip(&self.list)
    }

    pub(super) fn find(&self, key: &ClassKey) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// A class that was not there before.
    pub(super) fn add(&mut self, key: ClassKey) -> u32 {
        let class = self.labelled.push(key.labels.clone());
        let namespace = key.namespace as usize;
        if self.of_namespace.len() <= namespace {
            self.of_namespace.resize(namespace + 1, Vec::new());
        }
        self.of_namespace[namespace].push(class);
        for (name, protocol, number) in &key.ports {
            let numbers = self.named.entry((*name, *protocol)).or_default();
            numbers.entry(*number).or_default().insert(class);
        }
        self.first_with_ports
            .entry(key.ports.clone())
            .or_insert(class);
        if key.host_network {
            self.host.insert(class);
        }
        if key.unplaced {
            self.unplaced.insert(class);
        }
        self.list.push(Class {
            namespace: key.namespace,
            ports: key.ports.clone(),
            blocks: key.blocks.clone(),
            host_network: key.host_network,
            unplaced: key.unplaced,
            node: key.node,
            pods: 0,
        });
        self.by_key.insert(key, class);
        class
    }

    pub(super) fn of_namespace(&self, namespace: u32) -> &[u32] {
        self.of_namespace
            .get(namespace as usize)
            .map_or(&[], |it| it)
    }

    /// The first class that names its ports exactly as this one does.
    pub(super) fn first_with_ports_of(&self, class: u32) -> u32 {
        let first = self.first_with_ports.get(&self.get(class).ports);
        first.copied().unwrap_or(class)
    }

    /// The numbers that go by this name, each with the classes that call it so (rule 10).
    pub(super) fn named(
        &self,
        name: u32,
        protocol: Protocol,
    ) -> impl Iterator<Item = (u16, &ClassSet)> {
        let numbers = self.named.get(&(name, protocol));
        numbers
            .into_iter()
            .flatten()
            .map(|(number, set)| (*number, set))
    }
}
