//! Which autoscalers claim the same pods: `validateAndParseSelector`, and the store behind it (`hpaSelectors`, since 1.37
//! `selectorTracker`).

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::pod::Pod;
use crate::selector::Selector;

/// The selectors that the controller last saw, of all autoscalers. One stays until its autoscaler is deleted, even when the
/// target is gone; and after a restart the first of two rivals to be synced still passes once.
#[derive(Clone, Debug, Default)]
pub struct Rivals {
    namespaces: HashMap<String, Namespace>,
}

#[derive(Clone, Debug, Default)]
struct Namespace {
    /// Registered autoscalers; without a selector until their first sync.
    selectors: HashMap<String, Option<Selector>>,
    /// Names by a label that their selector asks for, so that not every selector is tried on every pod.
    by_label: HashMap<String, HashMap<String, HashSet<String>>>,
    /// Those whose selector asks for no certain label.
    others: HashSet<String>,
}

impl Rivals {
    /// An autoscaler is there (`enqueueHPA`).
    pub fn register(&mut self, namespace: &str, name: &str) {
        let namespace = self.namespaces.entry(namespace.to_owned()).or_default();
        if !namespace.selectors.contains_key(name) {
            namespace.selectors.insert(name.to_owned(), None);
        }
    }

    /// It is not there any more (`deleteHPA`).
    pub fn forget(&mut self, namespace: &str, name: &str) {
        if let Some(namespace) = self.namespaces.get_mut(namespace) {
            namespace.unlist(name);
            namespace.selectors.remove(name);
        }
    }

    /// Keeps a registered autoscaler's selector; says whether it is registered.
    pub(crate) fn claim(&mut self, namespace: &str, name: &str, selector: &Selector) -> bool {
        let Some(namespace) = self.namespaces.get_mut(namespace) else {
            return false;
        };
        match namespace.selectors.get(name) {
            None => return false,
            Some(Some(known)) if known == selector => return true,
            Some(_) => {}
        }
        namespace.unlist(name);
        namespace.list(name, selector);
        namespace
            .selectors
            .insert(name.to_owned(), Some(selector.clone()));
        true
    }

    /// The autoscalers whose selector selects one of these pods, by name.
    pub(crate) fn of(&self, namespace: &str, pods: &[&Pod]) -> BTreeSet<&str> {
        let mut rivals = BTreeSet::new();
        let Some(namespace) = self.namespaces.get(namespace) else {
            return rivals;
        };
        let mut before = None;
        for pod in pods {
            // Whoever selects one pod of a template selects the others.
            if before.replace(&pod.labels) == Some(&pod.labels) {
                continue;
            }
            let by_label = pod.labels.iter().filter_map(|(key, value)| {
                let by_value = namespace.by_label.get(&**key)?;
                by_value.get(&**value)
            });
            let names = by_label.flatten().chain(&namespace.others);
            for name in names {
                let selector = namespace.selectors.get(name).and_then(Option::as_ref);
                if selector.is_some_and(|selector| selector.matches(&pod.labels)) {
                    rivals.insert(name);
                }
            }
        }
        rivals
    }
}

impl Namespace {
    fn list(&mut self, name: &str, selector: &Selector) {
        let list = match selector.equality() {
            Some((key, value)) => {
                let by_value = self.by_label.entry(key.to_owned()).or_default();
                by_value.entry(value.to_owned()).or_default()
            }
            None => &mut self.others,
        };
        list.insert(name.to_owned());
    }

    fn unlist(&mut self, name: &str) {
        let Some(Some(selector)) = self.selectors.get(name) else {
            return;
        };
        let Some((key, value)) = selector.equality() else {
            self.others.remove(name);
            return;
        };
        if let Some(by_value) = self.by_label.get_mut(key) {
            if let Some(names) = by_value.get_mut(value) {
                names.remove(name);
                if names.is_empty() {
                    by_value.remove(value);
                }
            }
            if by_value.is_empty() {
                self.by_label.remove(key);
            }
        }
    }
}
