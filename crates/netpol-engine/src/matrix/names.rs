//! Strings as numbers, and things found by their labels.

use std::collections::HashMap;

use super::set::number;
use crate::label::{Labels, Operator, Selector};

/// Every string that was seen, with its number.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, u32>,
}

/// A label as two numbers.
pub(super) type Label = (u32, u32);

/// A selector in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct NumberedSelector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Requirement {
    key: u32,
    operator: NumberedOperator,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum NumberedOperator {
    In(Vec<u32>),
    NotIn(Vec<u32>),
    Exists,
    DoesNotExist,
}

/// Things with labels, found by them.
#[derive(Clone, Debug, Default)]
pub(super) struct Labelled {
    labels: Vec<Box<[Label]>>,
    by_label: HashMap<Label, Vec<u32>>,
}

// === impl Names ===

impl Names {
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(found) = self.numbers.get(name) {
            return *found;
        }
        let next = number(self.numbers.len());
        self.numbers.insert(name.into(), next);
        next
    }

    pub(super) fn labels(&mut self, labels: &Labels) -> Box<[Label]> {
        let mut numbered: Vec<_> = labels
            .iter()
            .map(|(key, value)| (self.number(key), self.number(value)))
            .collect();
        numbered.sort_unstable();
        numbered.into_boxed_slice()
    }

    pub(super) fn selector(&mut self, selector: &Selector) -> NumberedSelector {
        let requirements = selector.requirements().iter();
        let requirements = requirements.map(|it| {
            let mut all = |values: &[String]| values.iter().map(|it| self.number(it)).collect();
            let operator = match &it.operator {
                Operator::In(values) => NumberedOperator::In(all(values)),
                Operator::NotIn(values) => NumberedOperator::NotIn(all(values)),
                Operator::Exists => NumberedOperator::Exists,
                Operator::DoesNotExist => NumberedOperator::DoesNotExist,
            };
            Requirement {
                key: self.number(&it.key),
                operator,
            }
        });
        NumberedSelector {
            requirements: requirements.collect(),
        }
    }
}

// === impl NumberedSelector ===

impl NumberedSelector {
    /// Rule 17, in numbers.
    pub(super) fn matches(&self, labels: &[Label]) -> bool {
        self.requirements.iter().all(|it| {
            let at = labels.binary_search_by_key(&it.key, |label| label.0);
            let value = at.ok().map(|at| labels[at].1);
            match &it.operator {
                NumberedOperator::In(values) => value.is_some_and(|it| values.contains(&it)),
                NumberedOperator::NotIn(values) => value.is_none_or(|it| !values.contains(&it)),
                NumberedOperator::Exists => value.is_some(),
                NumberedOperator::DoesNotExist => value.is_none(),
            }
        })
    }
}

// === impl Labelled ===

impl Labelled {
    pub(super) fn push(&mut self, labels: Box<[Label]>) -> u32 {
        let next = number(self.labels.len());
        for label in &labels {
            self.by_label.entry(*label).or_default().push(next);
        }
        self.labels.push(labels);
        next
    }

    /// Gives one other labels.
    pub(super) fn replace(&mut self, which: u32, labels: Box<[Label]>) {
        let Some(place) = self.labels.get_mut(which as usize) else {
            return;
        };
        for label in std::mem::replace(place, labels.clone()) {
            if let Some(list) = self.by_label.get_mut(&label) {
                list.retain(|it| *it != which);
            }
        }
        for label in labels {
            self.by_label.entry(label).or_default().push(which);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn labels(&self, which: u32) -> &[Label] {
        self.labels.get(which as usize).map_or(&[], |it| it)
    }

    /// How many have to be looked at to find those that a selector selects.
    pub(super) fn cost(&self, selector: &NumberedSelector) -> usize {
        let narrowest = self.narrowest(selector);
        narrowest.map_or(self.labels.len(), |it| it.iter().map(|it| it.len()).sum())
    }

    /// Those that a selector selects, in no order.
    pub(super) fn select(&self, selector: &NumberedSelector) -> Vec<u32> {
        let is_selected = |which: &u32| selector.matches(self.labels(*which));
        match self.narrowest(selector) {
            Some(lists) => lists
                .into_iter()
                .flatten()
                .copied()
                .filter(is_selected)
                .collect(),
            None => (0..number(self.labels.len())).filter(is_selected).collect(),
        }
    }

    /// The lists of the requirement that leaves the fewest.
    fn narrowest(&self, selector: &NumberedSelector) -> Option<Vec<&Vec<u32>>> {
        let lists = selector.requirements.iter().filter_map(|it| {
            let NumberedOperator::In(values) = &it.operator else {
                return None;
            };
            let lists = values.iter();
            Some(
                lists
                    .filter_map(|value| self.by_label.get(&(it.key, *value)))
                    .collect::<Vec<_>>(),
            )
        });
        lists.min_by_key(|lists| lists.iter().map(|it| it.len()).sum::<usize>())
    }
}
