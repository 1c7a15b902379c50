//! One direction in one world: classes that the same policies isolate are a group, and whom a group talks to is worked out
//! once.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cells::{Claim, PortMap, Span, place};
use super::compile::{NumberedPorts, Peers};
use super::set::{ClassSet, number};
use super::tables::Tables;
use crate::policy::{Direction, Protocol};
use crate::profile::World;

/// A way in which all that is open is decided, and a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) world: World,
    /// Nothing where no block covers a pod: then both are alike.
    pub(super) family: Option<crate::address::Family>,
}

/// Who may talk to whom in one direction.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    setting: Setting,
    direction: Direction,
    group_of: Vec<u32>,
    pub(super) groups: Vec<Group>,
    by_key: HashMap<GroupKey, u32>,
}

/// Classes that are isolated by the same policies.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) key: GroupKey,
    pub(super) members: ClassSet,
    pub(super) ports: PortMap,
}

/// What makes classes a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    /// The bundles of network policies that isolate it.
    pub(super) bundles: Vec<u32>,
    /// The cluster-wide policies that are about it.
    pub(super) cluster: Vec<u32>,
    /// One class of it, where names of ports matter: they are looked up on the destination, which in ingress is itself.
    pub(super) named_by: Option<u32>,
}

// === impl Relation ===

impl Relation {
    pub(super) fn new(setting: Setting, direction: Direction, tables: &Tables) -> Self {
        let mut relation = Self {
            setting,
            direction,
            group_of: Vec::new(),
            groups: Vec::new(),
            by_key: HashMap::new(),
        };
        let mut members: Vec<Vec<u32>> = Vec::new();
        for class in 0..number(tables.classes.len()) {
            let group = relation.group_for(class, tables);
            members.resize(relation.groups.len(), Vec::new());
            members[group as usize].push(class);
            relation.group_of.push(group);
        }
        for (group, members) in relation.groups.iter_mut().zip(members) {
            group.members = ClassSet::of(members, tables.classes.len());
        }
        relation
    }

    pub(super) fn group(&self, class: u32) -> &Group {
        &self.groups[self.group_of[class as usize] as usize]
    }

    /// Gives a class its group: a new class, or one whose policies have changed.
    pub(super) fn regroup(&mut self, class: u32, tables: &Tables) {
        let group = self.group_for(class, tables);
        let at = class as usize;
        if at == self.group_of.len() {
            self.group_of.push(group);
        } else {
            let before = std::mem::replace(&mut self.group_of[at], group);
            self.groups[before as usize].members.remove(class);
        }
        self.groups[group as usize].members.insert(class);
    }

    fn group_for(&mut self, class: u32, tables: &Tables) -> u32 {
        let key = self.key(class, tables);
        if let Some(found) = self.by_key.get(&key) {
            return *found;
        }
        let next = number(self.groups.len());
        self.groups.push(Group {
            ports: self.ports(&key, tables),
            key: key.clone(),
            members: ClassSet::default(),
        });
        self.by_key.insert(key, next);
        next
    }

    fn key(&self, class: u32, tables: &Tables) -> GroupKey {
        let facts = tables.classes.get(class);
        let seen = !facts.host_network || self.setting.world.selects_host_network;
        let bundles = if seen {
            tables.bundles_of(class, self.direction)
        } else {
            Vec::new()
        };
        // Never pods on the host's network, in any world.
        let cluster = if facts.host_network {
            Vec::new()
        } else {
            tables.cluster_policies_of(class, self.direction)
        };
        let named = self.direction == Direction::Ingress
            && (!cluster.is_empty()
                || bundles
                    .iter()
                    .any(|it| tables.bundle(*it).names_ports(self.direction)));
        GroupKey {
            bundles,
            cluster,
            named_by: named.then(|| tables.classes.first_with_ports_of(class)),
        }
    }

    fn ports(&self, key: &GroupKey, tables: &Tables) -> PortMap {
        if key.cluster.is_empty() && key.bundles.is_empty() {
            return PortMap::open();
        }
        if !key.cluster.is_empty() {
            return super::fold::ports(self.setting, self.direction, key, tables);
        }
        PortMap::of(&self.claims(key, tables), tables.classes.len())
    }

    /// What the network policies of a group let through.
    fn claims<'a>(&self, key: &GroupKey, tables: &'a Tables) -> Vec<Claim<'a>> {
        claims(self.setting, self.direction, key, tables)
    }

    /// Works out anew whom the groups of these bundles talk to.
    pub(super) fn refresh(&mut self, tables: &Tables, concerned: impl Fn(&GroupKey) -> bool) {
        for at in 0..self.groups.len() {
            if concerned(&self.groups[at].key) {
                self.groups[at].ports = self.ports(&self.groups[at].key, tables);
            }
        }
    }

    /// A new class is one of the peers of some rules of a bundle: lets it through there. The rules are given by policy and
    /// place.
    pub(super) fn admit(
        &mut self,
        class: u32,
        bundle: u32,
        rules: &[Vec<(u32, usize)>; 2],
        tables: &Tables,
    ) {
        let rules = match self.direction {
            Direction::Egress => &rules[0],
            Direction::Ingress => &rules[1],
        };
        for at in 0..self.groups.len() {
            let key = &self.groups[at].key;
            if key.bundles.binary_search(&bundle).is_err() {
                continue;
            }
            let all = rules.iter().all(|(policy, place)| {
                let Some(rule) = tables.rule(*policy, self.direction, *place) else {
                    return true;
                };
                let (sure, may) = self.setting.has(&rule.peers, class, tables);
                if !may {
                    return true;
                }
                let spans = spans(
                    self.direction,
                    &rule.ports,
                    self.groups[at].key.named_by,
                    tables,
                );
                spans.into_iter().all(|(span, names)| {
                    names.is_none_or(|names| names.contains(class))
                        && self.groups[at].ports.insert(span, class, sure)
                        || names.is_some_and(|names| !names.contains(class))
                })
            });
            if !all {
                self.groups[at].ports = self.ports(&self.groups[at].key, tables);
            }
        }
    }
}

/// What the network policies of a group let through.
pub(super) fn claims<'a>(
    setting: Setting,
    direction: Direction,
    key: &GroupKey,
    tables: &'a Tables,
) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for bundle in &key.bundles {
        for policy in tables.bundle(*bundle).policies() {
            for rule in tables.rules(policy, direction) {
                let (sure, perhaps) = setting.peers(&rule.peers, tables);
                if sure.is_empty() && perhaps.is_none() {
                    continue;
                }
                for (span, names) in spans(direction, &rule.ports, key.named_by, tables) {
                    claims.push(narrowed(span, &sure, perhaps.as_ref(), names, tables));
                }
            }
        }
    }
    claims
}

fn narrowed<'a>(
    span: Span,
    sure: &Cow<'a, ClassSet>,
    perhaps: Option<&ClassSet>,
    names: Option<&ClassSet>,
    tables: &Tables,
) -> Claim<'a> {
    let Some(names) = names else {
        return Claim {
            span,
            sure: sure.clone(),
            perhaps: perhaps.cloned(),
        };
    };
    let of = tables.classes.len();
    let both = |set: &ClassSet| {
        let mut list = Vec::new();
        names.for_each(of, |class| {
            if set.contains(class) {
                list.push(class);
            }
        });
        ClassSet::of(list, of)
    };
    Claim {
        span,
        sure: Cow::Owned(both(sure)),
        perhaps: perhaps.map(both),
    }
}

/// The ports of a rule as spans; those with a name only for the classes that call them so (rule 10).
pub(super) fn spans<'a>(
    direction: Direction,
    ports: &[NumberedPorts],
    named_by: Option<u32>,
    tables: &'a Tables,
) -> Vec<(Span, Option<&'a ClassSet>)> {
    let mut spans = Vec::new();
    for port in ports {
        match (*port, direction) {
            (NumberedPorts::Span(span), _) => spans.push((span, None)),
            (NumberedPorts::Named(name, protocol), Direction::Ingress) => {
                let own = named_by.map_or(&[][..], |class| &tables.classes.get(class).ports);
                let called = own
                    .iter()
                    .filter(|it| it.0 == name && protocol.is_none_or(|protocol| protocol == it.1));
                spans.extend(called.filter_map(|it| {
                    let span = Span::Of(place(it.1)?, it.2, it.2);
                    Some((span, None))
                }));
            }
            (NumberedPorts::Named(name, protocol), Direction::Egress) => {
                for defined in Protocol::DEFINED {
                    if protocol.is_some_and(|it| it != defined) {
                        continue;
                    }
                    let Some(place) = place(defined) else {
                        continue;
                    };
                    let numbers = tables.classes.named(name, defined);
                    spans.extend(
                        numbers.map(|(number, set)| (Span::Of(place, number, number), Some(set))),
                    );
                }
            }
        }
    }
    spans
}

// === impl Setting ===

impl Setting {
    /// Whom a rule of a network policy is for: for sure, and perhaps.
    pub(super) fn peers<'a>(
        self,
        peers: &'a Peers,
        tables: &Tables,
    ) -> (Cow<'a, ClassSet>, Option<ClassSet>) {
        if peers.everyone {
            return (Cow::Owned(ClassSet::All), None);
        }
        let plain = self.world.selects_host_network || tables.classes.host.is_empty();
        let blocks = !peers.blocks.is_empty()
            && (tables.blocks.cover_pods() || !tables.classes.unplaced.is_empty());
        if plain && !blocks {
            return (Cow::Borrowed(&peers.selected), None);
        }
        let of = tables.classes.len();
        let mut candidates: Vec<u32> = Vec::new();
        peers.selected.for_each(of, |class| candidates.push(class));
        if blocks {
            for block in &peers.blocks {
                tables
                    .blocks
                    .classes(*block)
                    .for_each(of, |class| candidates.push(class));
            }
            tables
                .classes
                .unplaced
                .for_each(of, |class| candidates.push(class));
        }
        let (mut sure, mut perhaps) = (Vec::new(), Vec::new());
        for class in candidates {
            match self.has(peers, class, tables) {
                (true, _) => sure.push(class),
                (false, true) => perhaps.push(class),
                (false, false) => {}
            }
        }
        let perhaps = (!perhaps.is_empty()).then(|| ClassSet::of(perhaps, of));
        (Cow::Owned(ClassSet::of(sure, of)), perhaps)
    }

    /// Whether a rule of a network policy is for a class: for sure, and at all (rules 12, 22 and 30).
    pub(super) fn has(self, peers: &Peers, class: u32, tables: &Tables) -> (bool, bool) {
        if peers.everyone {
            return (true, true);
        }
        let facts = tables.classes.get(class);
        let as_pod = !facts.host_network || self.world.selects_host_network;
        if as_pod && peers.selected.contains(class) {
            return (true, true);
        }
        let seen = if as_pod {
            self.world.blocks_see_pods
        } else {
            tables.profile.blocks_see_nodes
        };
        if !seen || peers.blocks.is_empty() {
            return (false, false);
        }
        let sure = self.covers(&peers.blocks, class, tables);
        (sure, sure || facts.unplaced)
    }

    /// Whether one of these blocks covers the class's address of this family.
    pub(super) fn covers(self, blocks: &[u32], class: u32, tables: &Tables) -> bool {
        let around = &tables.classes.get(class).blocks;
        blocks.iter().any(|block| {
            let family = tables.blocks.block(*block).cidr.family();
            self.family.is_none_or(|it| it == family) && around.binary_search(block).is_ok()
        })
    }
}
