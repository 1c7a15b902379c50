//! Labels and label selectors.
//!
//! Follows `k8s.io/apimachinery` `pkg/labels/selector.go` (`Requirement.Matches`) and `LabelSelectorAsSelector` in
//! `pkg/apis/meta/v1/helpers.go`.

use std::collections::BTreeMap;
use std::fmt;

use crate::problem::{Path, Problem};
use crate::written::WrittenSelector;

mod syntax;

pub(crate) use syntax::{is_subdomain, port_name_faults};
use syntax::{name_fault, value_fault};

/// The labels of a pod or a namespace.
pub type Labels = BTreeMap<String, String>;

/// A checked label selector: all requirements have to hold. Without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// What a selector asks of one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What is asked of it.
    pub operator: Operator,
}

/// The four operators of the API; `matchLabels` is `In` with one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// The label is there and has one of these values.
    In(Vec<String>),
    /// The label has none of these values: also if it is not there at all (rule 17).
    NotIn(Vec<String>),
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

// === impl Selector ===

impl Selector {
    /// The selector that these requirements make.
    pub fn new(mut requirements: Vec<Requirement>) -> Self {
        // Their order means nothing: sorted, equal selectors are equal values.
        requirements.sort();
        requirements.dedup();
        Self { requirements }
    }

    /// The selector `matchLabels` with these labels.
    pub fn of_labels<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let exactly = |(key, value): (&str, &str)| Requirement {
            key: key.to_owned(),
            operator: Operator::In(vec![value.to_owned()]),
        };
        Self::new(labels.into_iter().map(exactly).collect())
    }

    /// Whether it selects what carries these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|it| it.matches(labels))
    }

    /// Its requirements, in order.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// What the API server makes of a selector as written, and everything it would refuse
    /// (`ValidateLabelSelector` in `pkg/apis/meta/v1/validation`).
    pub(crate) fn check(
        written: &WrittenSelector,
        path: &Path,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut requirements = Vec::new();
        for (key, value) in written.match_labels.iter().flatten() {
            let path = path.child("matchLabels");
            let value = value.as_deref().unwrap_or_default();
            if let Some(fault) = name_fault(key).or_else(|| value_fault(value)) {
                problems.push(path.invalid(key, fault));
            }
            requirements.push(Requirement {
                key: key.clone(),
                operator: Operator::In(vec![value.to_owned()]),
            });
        }
        for (index, expression) in written.match_expressions.iter().flatten().enumerate() {
            let path = path.child("matchExpressions").index(index);
            if let Some(fault) = name_fault(&expression.key) {
                problems.push(path.child("key").invalid(&expression.key, fault));
            }
            let values = expression.values.clone().unwrap_or_default();
            for (index, value) in values.iter().enumerate() {
                if let Some(fault) = value_fault(value) {
                    problems.push(path.child("values").index(index).invalid(value, fault));
                }
            }
            let operator = operator(&expression.operator, values, &path, problems);
            requirements.extend(operator.map(|operator| Requirement {
                key: expression.key.clone(),
                operator,
            }));
        }
        Self::new(requirements)
    }
}

fn operator(
    name: &str,
    mut values: Vec<String>,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<Operator> {
    values.sort();
    values.dedup();
    match (name, values.is_empty()) {
        ("In", false) => Some(Operator::In(values)),
        ("NotIn", false) => Some(Operator::NotIn(values)),
        ("Exists", true) => Some(Operator::Exists),
        ("DoesNotExist", true) => Some(Operator::DoesNotExist),
        ("In" | "NotIn", true) => {
            let fault = "must be specified when `operator` is 'In' or 'NotIn'";
            problems.push(path.child("values").required(fault));
            None
        }
        ("Exists" | "DoesNotExist", false) => {
            let fault = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            problems.push(path.child("values").forbidden(fault));
            None
        }
        _ => {
            let fault = "not a valid selector operator";
            problems.push(path.child("operator").invalid(name, fault));
            None
        }
    }
}

impl fmt::Display for Selector {
    /// `app=frontend,tier!=a|b`, as `kubectl -l` would nearly take it; `everything` without requirements.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("everything");
        }
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            write!(formatter, "{requirement}")?;
        }
        Ok(())
    }
}

// === impl Requirement ===

impl Requirement {
    /// Whether these labels meet it.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.contains(value)),
            Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.operator {
            Operator::In(values) => write!(formatter, "{key}={}", values.join("|")),
            Operator::NotIn(values) => write!(formatter, "{key}!={}", values.join("|")),
            Operator::Exists => formatter.write_str(key),
            Operator::DoesNotExist => write!(formatter, "!{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    fn one(operator: Operator) -> Selector {
        Selector::new(vec![Requirement {
            key: "tier".to_owned(),
            operator,
        }])
    }

    #[test]
    fn an_absent_key_is_not_in_and_matches_no_label() {
        let values = || vec!["a".to_owned(), "b".to_owned()];
        for (operator, absent, a, c) in [
            (Operator::In(values()), false, true, false),
            (Operator::NotIn(values()), true, false, true),
            (Operator::Exists, false, true, true),
            (Operator::DoesNotExist, true, false, false),
            // matchLabels with an empty value still wants the key.
            (Operator::In(vec![String::new()]), false, false, false),
        ] {
            let selector = one(operator);
            assert_eq!(selector.matches(&labels("")), absent, "{selector}");
            assert_eq!(selector.matches(&labels("tier=a")), a, "{selector}");
            assert_eq!(selector.matches(&labels("tier=c")), c, "{selector}");
        }
        assert!(one(Operator::In(vec![String::new()])).matches(&labels("tier=")));
    }

    #[test]
    fn requirements_are_joined_by_and() {
        let selector = Selector::of_labels([("app", "a"), ("tier", "b")]);
        assert!(selector.matches(&labels("app=a,tier=b,more=c")));
        assert!(!selector.matches(&labels("app=a")));
        assert!(Selector::default().matches(&labels("")));
        assert_eq!(selector.to_string(), "app=a,tier=b");
    }
}
