//! Events: which rows of the tables they change, and who is concerned.

use std::collections::BTreeMap;

use super::{Looks, Tables, of_policy};
use crate::cluster::{Cluster, Pod};
use crate::label::Labels;
use crate::matrix::compile::NumberedPorts;
use crate::matrix::relation::GroupKey;
use crate::policy::{NetworkPolicy, ObjectKey};

/// What has to be worked out again after an event.
#[derive(Clone, Debug)]
pub(in crate::matrix) enum Change {
    /// Nothing.
    Nothing,
    /// Pods may fall into other classes: everything.
    Everything,
    /// This.
    Of(Concerned),
}

/// Who is concerned by an event.
#[derive(Clone, Debug, Default)]
pub(in crate::matrix) struct Concerned {
    /// Classes that may be of another group now.
    pub(in crate::matrix) regrouped: Vec<u32>,
    /// Bundles whose rules have changed.
    pub(in crate::matrix) bundles: Vec<u32>,
    /// Rules for which the one new class is a peer: by bundle, and by place in egress and ingress.
    pub(in crate::matrix) admitted: BTreeMap<u32, [Vec<(u32, usize)>; 2]>,
}

// === impl Concerned ===

impl Concerned {
    pub(in crate::matrix) fn is_for(&self, key: &GroupKey) -> bool {
        key.bundles.iter().any(|it| self.bundles.contains(it))
    }
}

// === impl Tables ===

impl Tables {
    /// A class for a new kind of pod.
    pub(in crate::matrix) fn add_class(&mut self, pod: &Pod) -> (u32, Change) {
        let key = self.class_key(pod);
        if let Some(class) = self.classes.find(&key) {
            return (class, Change::Nothing);
        }
        let before = self.questions();
        let class = self.add_class_row(key);
        let namespace = self.classes.get(class).namespace;
        let labels = self.classes.labelled.labels(class);
        let selected = self.bundle_by_subject.iter();
        let mut bundles: Vec<u32> = selected
            .filter(|((of, selector), _)| *of == namespace && selector.matches(labels))
            .map(|(_, bundle)| *bundle)
            .collect();
        bundles.sort_unstable();
        for bundle in &bundles {
            self.bundles[*bundle as usize].subject.insert(class);
        }
        self.bundles_of_class.push(bundles);
        let seen = super::Seen {
            namespaces: &self.namespaces,
            classes: &self.classes,
        };
        let hit = self.wide.add(seen, class);
        let admitted = self.admit(class, &hit);
        if before != self.questions() || self.has_cluster_policies() {
            return (class, Change::Everything);
        }
        let concerned = Concerned {
            regrouped: vec![class],
            bundles: Vec::new(),
            admitted,
        };
        (class, Change::Of(concerned))
    }

    /// Puts a new class among the peers of every rule that is for it, and says which those are.
    fn admit(&mut self, class: u32, hit: &[u32]) -> BTreeMap<u32, [Vec<(u32, usize)>; 2]> {
        let facts = self.classes.get(class);
        let (namespace, blocks) = (facts.namespace, facts.blocks.clone());
        let unplaced = facts.unplaced;
        let labels = self.classes.labelled.labels(class);
        let mut admitted: BTreeMap<u32, [Vec<(u32, usize)>; 2]> = BTreeMap::new();
        for (slot, policy) in (0..).zip(&mut self.policies) {
            let own = policy.namespace == namespace;
            for (direction, rules) in policy.rules.iter_mut().enumerate() {
                for (at, rule) in rules.iter_mut().flatten().enumerate() {
                    let peers = &mut rule.peers;
                    let selected = own && peers.own.iter().any(|it| it.matches(labels))
                        || peers.wide.iter().any(|it| hit.binary_search(it).is_ok());
                    if selected {
                        peers.selected.insert(class);
                    }
                    let covered = !peers.blocks.is_empty()
                        && (unplaced
                            || peers
                                .blocks
                                .iter()
                                .any(|it| blocks.binary_search(it).is_ok()));
                    // Everyone is let through anyway, but who goes by a name is told by the class.
                    let named = peers.everyone
                        && rule
                            .ports
                            .iter()
                            .any(|it| matches!(it, NumberedPorts::Named(..)));
                    if selected || covered || named {
                        admitted.entry(policy.bundle).or_default()[direction].push((slot, at));
                    }
                }
            }
        }
        admitted
    }

    /// What is asked of the open questions: with another answer there are other worlds.
    pub(in crate::matrix) fn questions(&self) -> (bool, bool) {
        let host = !self.classes.host.is_empty();
        let unplaced = !self.classes.unplaced.is_empty() && !self.blocks.is_empty();
        (host, self.blocks.cover_pods() || unplaced)
    }

    /// Adds a policy, or puts it in another's place.
    pub(in crate::matrix) fn apply_policy(
        &mut self,
        policy: &NetworkPolicy,
        cluster: &Cluster,
    ) -> Change {
        let mut tells_apart = false;
        let mut new_blocks = Vec::new();
        for what in of_policy(policy) {
            let new = self.notice(&what);
            match what {
                Looks::AtBlock(block) if new => new_blocks.push(block.into_owned()),
                _ => tells_apart |= new,
            }
        }
        if !new_blocks.is_empty() {
            self.blocks.cut();
            let addresses = cluster.pods.values().flat_map(|pod| &pod.addresses);
            let mut addresses = addresses.copied();
            tells_apart |= !self.classes.unplaced.is_empty()
                || addresses.any(|it| new_blocks.iter().any(|block| block.contains(it)));
        }
        if tells_apart {
            return Change::Everything;
        }
        let mut concerned = self.take_policy(&policy.key);
        let bundle = self.add_policy(policy);
        self.concern(&mut concerned, bundle);
        Change::Of(concerned)
    }

    /// Takes a policy away.
    pub(in crate::matrix) fn delete_policy(&mut self, key: &ObjectKey) -> Change {
        let concerned = self.take_policy(key);
        if concerned.bundles.is_empty() {
            return Change::Nothing;
        }
        Change::Of(concerned)
    }

    fn take_policy(&mut self, key: &ObjectKey) -> Concerned {
        let mut concerned = Concerned::default();
        let Some(slot) = self.policy_by_key.remove(key) else {
            return concerned;
        };
        let policy = &mut self.policies[slot as usize];
        let gone = super::CompiledPolicy {
            bundle: policy.bundle,
            namespace: policy.namespace,
            rules: [None, None],
        };
        let policy = std::mem::replace(policy, gone);
        self.count(&policy, -1);
        self.free.push(slot);
        self.bundles[policy.bundle as usize]
            .policies
            .retain(|it| *it != slot);
        self.concern(&mut concerned, policy.bundle);
        concerned
    }

    fn concern(&self, concerned: &mut Concerned, bundle: u32) {
        if concerned.bundles.contains(&bundle) {
            return;
        }
        concerned.bundles.push(bundle);
        let subject = &self.bundles[bundle as usize].subject;
        subject.for_each(self.classes.len(), |class| concerned.regrouped.push(class));
    }

    /// Gives a namespace other labels.
    pub(in crate::matrix) fn apply_namespace(&mut self, name: &str, labels: &Labels) -> Change {
        let namespace = self.add_namespace(name, labels);
        let seen = super::Seen {
            namespaces: &self.namespaces,
            classes: &self.classes,
        };
        let hit = self.wide.see_namespace(seen, namespace);
        if hit.is_empty() {
            return Change::Nothing;
        }
        if self.has_cluster_policies() {
            return Change::Everything;
        }
        let mut concerned = Concerned::default();
        let seen = super::Seen {
            namespaces: &self.namespaces,
            classes: &self.classes,
        };
        for policy in &mut self.policies {
            for rule in policy.rules.iter_mut().flatten().flatten() {
                if rule
                    .peers
                    .wide
                    .iter()
                    .any(|it| hit.binary_search(it).is_ok())
                {
                    rule.peers.select(Some(policy.namespace), &self.wide, seen);
                    if !concerned.bundles.contains(&policy.bundle) {
                        concerned.bundles.push(policy.bundle);
                    }
                }
            }
        }
        Change::Of(concerned)
    }
}
