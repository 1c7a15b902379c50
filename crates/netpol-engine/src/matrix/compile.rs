//! Policies in numbers: whom each rule is for, as sets of classes.

use std::collections::HashMap;

use super::blocks::Blocks;
use super::cells::{Span, place};
use super::class::Classes;
use super::names::{Labelled, Names, NumberedSelector};
use super::set::{ClassSet, number};
use crate::label::Selector;
use crate::policy::{Namespaces, Peer, PodPeer, PortRule, Ports, Protocol};

/// Whom a rule is for. The sets are kept up as classes come.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    /// Everyone, inside and outside.
    pub(super) everyone: bool,
    /// Selectors for the policy's own namespace.
    pub(super) own: Vec<NumberedSelector>,
    /// Selectors across namespaces, by their place in [`Wide`].
    pub(super) wide: Vec<u32>,
    /// Blocks of network policies, which may or may not see pods.
    pub(super) blocks: Vec<u32>,
    /// Blocks of cluster-wide policies, which do.
    pub(super) networks: Vec<u32>,
    /// Nodes, which are what is on their network.
    pub(super) nodes: Vec<Selector>,
    /// All that the selectors select, pods on the host's network too.
    pub(super) selected: ClassSet,
}

/// Ports in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberedPorts {
    Span(Span),
    Named(u32, Option<Protocol>),
}

/// The selectors across namespaces, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Wide {
    list: Vec<Across>,
    by_selectors: HashMap<(NumberedSelector, NumberedSelector), u32>,
}

#[derive(Clone, Debug)]
struct Across {
    namespaces: NumberedSelector,
    pods: NumberedSelector,
    set: ClassSet,
}

/// What selectors look at.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) namespaces: &'a Labelled,
    pub(super) classes: &'a Classes,
}

// === impl Seen ===

impl Seen<'_> {
    /// The classes of one namespace that a selector selects.
    pub(super) fn in_namespace(&self, namespace: u32, selector: &NumberedSelector) -> Vec<u32> {
        let (inside, labelled) = (self.classes.of_namespace(namespace), &self.classes.labelled);
        if labelled.cost(selector) < inside.len() {
            let mut classes = labelled.select(selector);
            classes.retain(|class| self.classes.get(*class).namespace == namespace);
            return classes;
        }
        let classes = inside.iter().copied();
        classes
            .filter(|class| selector.matches(labelled.labels(*class)))
            .collect()
    }

    /// The classes of all namespaces that two selectors select: through the few namespaces, or through the few pods.
    fn across(&self, namespaces: &NumberedSelector, pods: &NumberedSelector) -> Vec<u32> {
        let selected = self.namespaces.select(namespaces);
        let inside: usize = selected
            .iter()
            .map(|it| self.classes.of_namespace(*it).len())
            .sum();
        if inside <= self.classes.labelled.cost(pods) {
            let classes = selected.iter().map(|it| self.in_namespace(*it, pods));
            return classes.flatten().collect();
        }
        let mut is_selected = vec![false; self.namespaces.len()];
        for namespace in selected {
            is_selected[namespace as usize] = true;
        }
        let mut classes = self.classes.labelled.select(pods);
        classes.retain(|class| is_selected[self.classes.get(*class).namespace as usize]);
        classes
    }
}

// === impl Wide ===

impl Wide {
    fn number(
        &mut self,
        names: &mut Names,
        seen: Seen<'_>,
        namespaces: &Selector,
        pods: &Selector,
    ) -> u32 {
        let key = (names.selector(namespaces), names.selector(pods));
        if let Some(found) = self.by_selectors.get(&key) {
            return *found;
        }
        let next = number(self.list.len());
        let set = ClassSet::of(seen.across(&key.0, &key.1), seen.classes.len());
        self.list.push(Across {
            namespaces: key.0.clone(),
            pods: key.1.clone(),
            set,
        });
        self.by_selectors.insert(key, next);
        next
    }

    /// Puts a new class where it is selected; says where that is.
    pub(super) fn add(&mut self, seen: Seen<'_>, class: u32) -> Vec<u32> {
        let namespace = seen.namespaces.labels(seen.classes.get(class).namespace);
        let labels = seen.classes.labelled.labels(class);
        let mut hit = Vec::new();
        for (which, across) in (0..).zip(&mut self.list) {
            if across.namespaces.matches(namespace) && across.pods.matches(labels) {
                across.set.insert(class);
                hit.push(which);
            }
        }
        hit
    }

    /// A namespace's labels have changed: selects its pods again; says which selectors see it differently.
    pub(super) fn see_namespace(&mut self, seen: Seen<'_>, namespace: u32) -> Vec<u32> {
        let classes = seen.classes.of_namespace(namespace);
        let mut hit = Vec::new();
        for (which, across) in (0..).zip(&mut self.list) {
            let now = across.namespaces.matches(seen.namespaces.labels(namespace));
            let mut changed = false;
            for class in classes {
                let selected = now && across.pods.matches(seen.classes.labelled.labels(*class));
                if across.set.contains(*class) != selected {
                    changed = true;
                    if selected {
                        across.set.insert(*class);
                    } else {
                        across.set.remove(*class);
                    }
                }
            }
            if changed {
                hit.push(which);
            }
        }
        hit
    }

    pub(super) fn set(&self, which: u32) -> &ClassSet {
        &self.list[which as usize].set
    }

    /// The classes that a subject or a peer across namespaces selects.
    pub(super) fn select(
        &mut self,
        names: &mut Names,
        seen: Seen<'_>,
        peer: &PodPeer,
    ) -> Option<u32> {
        match &peer.namespaces {
            Namespaces::Own => None,
            Namespaces::Matching(namespaces) => {
                Some(self.number(names, seen, namespaces, &peer.pods))
            }
        }
    }
}

// === impl Peers ===

impl Peers {
    pub(super) fn compile(
        peers: &[Peer],
        namespace: Option<u32>,
        names: &mut Names,
        wide: &mut Wide,
        blocks: &mut Blocks,
        seen: Seen<'_>,
    ) -> Self {
        let mut compiled = Self::default();
        for peer in peers {
            match peer {
                Peer::Pods(pods) => match wide.select(names, seen, pods) {
                    Some(across) => compiled.wide.push(across),
                    None => compiled.own.push(names.selector(&pods.pods)),
                },
                Peer::Block(block) => compiled.blocks.push(blocks.number(block).0),
                Peer::Network(cidr) => {
                    let block = crate::address::Block {
                        cidr: *cidr,
                        except: Vec::new(),
                    };
                    compiled.networks.push(blocks.number(&block).0);
                }
                Peer::Nodes(selector) => compiled.nodes.push(selector.clone()),
                // No pod goes by such a name.
                Peer::Domains(_) => {}
            }
        }
        compiled.select(namespace, wide, seen);
        compiled
    }

    /// Selects anew.
    pub(super) fn select(&mut self, namespace: Option<u32>, wide: &Wide, seen: Seen<'_>) {
        let of = seen.classes.len();
        let own = self
            .own
            .iter()
            .filter_map(|selector| Some(seen.in_namespace(namespace?, selector)));
        let own = ClassSet::of(own.flatten().collect(), of);
        let across = self.wide.iter().map(|which| wide.set(*which));
        self.selected = ClassSet::union(across.chain([&own]), of);
    }
}

// === impl NumberedPorts ===

impl NumberedPorts {
    /// The ports of a rule: everything, if it names none (rule 4).
    pub(super) fn compile(
        ports: &[PortRule],
        understands_end_port: bool,
        names: &mut Names,
    ) -> Vec<Self> {
        if ports.is_empty() {
            return vec![Self::Span(Span::Everything)];
        }
        let mut compiled = Vec::new();
        for port in ports {
            let places = match port.protocol {
                Some(protocol) => place(protocol).map_or(0..0, |at| at..at + 1),
                None => 0..3,
            };
            match &port.ports {
                Ports::Named(name) => {
                    compiled.push(Self::Named(names.number(name), port.protocol));
                }
                Ports::All => {
                    compiled.extend(places.map(|at| Self::Span(Span::Of(at, 0, u16::MAX))));
                }
                Ports::Range(first, last) => {
                    let last = if understands_end_port { last } else { first };
                    compiled.extend(places.map(|at| Self::Span(Span::Of(at, *first, *last))));
                }
            }
        }
        compiled
    }
}
