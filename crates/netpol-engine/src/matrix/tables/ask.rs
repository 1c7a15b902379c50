//! What relations ask the tables.

use super::{Bundle, CompiledClusterPolicy, CompiledClusterRule, CompiledRule, Tables, place};
use crate::label::Selector;
use crate::matrix::class::Class;
use crate::policy::Direction;

// === impl Tables ===

impl Tables {
    pub(in crate::matrix) fn bundle(&self, bundle: u32) -> &Bundle {
        &self.bundles[bundle as usize]
    }

    /// The bundles that isolate a class in a direction.
    pub(in crate::matrix) fn bundles_of(&self, class: u32, direction: Direction) -> Vec<u32> {
        let all = self.bundles_of_class[class as usize].iter().copied();
        all.filter(|it| self.bundle(*it).isolating[place(direction)] > 0)
            .collect()
    }

    pub(in crate::matrix) fn rules(
        &self,
        policy: u32,
        direction: Direction,
    ) -> impl Iterator<Item = &CompiledRule> {
        let rules = self.policies[policy as usize].rules[place(direction)].as_ref();
        rules.into_iter().flatten()
    }

    pub(in crate::matrix) fn rule(
        &self,
        policy: u32,
        direction: Direction,
        at: usize,
    ) -> Option<&CompiledRule> {
        self.policies[policy as usize].rules[place(direction)]
            .as_ref()?
            .get(at)
    }

    pub(in crate::matrix) fn has_cluster_policies(&self) -> bool {
        !self.cluster_policies.is_empty()
    }

    pub(in crate::matrix) fn cluster_policies_of(
        &self,
        class: u32,
        direction: Direction,
    ) -> Vec<u32> {
        let all = (0..).zip(&self.cluster_policies);
        all.filter(|(_, it)| {
            !it.rules[place(direction)].is_empty() && self.wide.set(it.subject).contains(class)
        })
        .map(|it| it.0)
        .collect()
    }

    pub(in crate::matrix) fn cluster_policy(&self, policy: u32) -> &CompiledClusterPolicy {
        &self.cluster_policies[policy as usize]
    }

    pub(in crate::matrix) fn cluster_rules(
        &self,
        policy: u32,
        direction: Direction,
    ) -> &[CompiledClusterRule] {
        &self.cluster_policies[policy as usize].rules[place(direction)]
    }

    /// Whether a class on the host's network is on a node that one of these selects.
    pub(in crate::matrix) fn is_on_node(&self, class: &Class, selectors: &[Selector]) -> bool {
        let labels = class.node.and_then(|name| self.nodes.get(&name));
        labels.is_some_and(|labels| selectors.iter().any(|it| it.matches(labels)))
    }
}
