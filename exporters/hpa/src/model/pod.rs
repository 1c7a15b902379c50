//! Pods by namespace, and by the selectors that somebody asks for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use hpa_engine::{Labels, Moment, Pod, PodUsage, Selector};
use kube_watch::ObjectKey;

/// A pod in its namespace.
#[derive(Clone, Debug)]
pub struct Placed {
    /// When it was last seen changing.
    pub seen: Moment,
    /// `metadata.creationTimestamp`.
    pub created: Moment,
    /// When its deletion was asked for.
    pub deleted: Option<Moment>,
    /// Its namespace.
    pub namespace: String,
    /// The pod.
    pub pod: Pod,
}

/// A pod's metrics, read as an object.
#[derive(Clone, Debug)]
pub struct Usage {
    /// The pod's name.
    pub key: ObjectKey,
    /// The pod's labels, as `metrics.k8s.io` repeats them.
    pub labels: Labels,
    /// What it uses.
    pub usage: PodUsage,
}

/// All pods.
#[derive(Debug, Default)]
pub(super) struct Pods {
    namespaces: HashMap<String, Namespace>,
}

#[derive(Debug, Default)]
struct Namespace {
    pods: BTreeMap<Box<str>, Arc<Placed>>,
    selections: parking_lot::Mutex<Selections>,
}

/// Who is selected, kept up with every pod that comes and goes: most namespaces have many pods and many selectors.
#[derive(Debug, Default)]
struct Selections {
    by_text: HashMap<String, Selection>,
    /// Texts by a label that each of their pods has.
    by_label: HashMap<(String, String), HashSet<String>>,
    /// Texts of selectors that ask for no certain label.
    others: HashSet<String>,
}

#[derive(Debug)]
struct Selection {
    selector: Selector,
    pods: BTreeMap<Box<str>, Arc<Placed>>,
}

impl Pods {
    /// The pods that a selector selects, by name. A selector that is none selects none.
    pub(super) fn selected(&self, namespace: &str, selector: &str) -> Vec<Arc<Placed>> {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let mut selections = namespace.selections.lock();
        if let Some(selection) = selections.by_text.get(selector) {
            return selection.pods.values().cloned().collect();
        }
        // Without text there is no selector to the controller, though it would select everything.
        let Some(parsed) = Some(selector)
            .filter(|text| !text.is_empty())
            .and_then(|text| text.parse::<Selector>().ok())
        else {
            return Vec::new();
        };
        let pods: BTreeMap<_, _> = namespace
            .pods
            .iter()
            .filter(|(_, placed)| parsed.matches(&placed.pod.labels))
            .map(|(name, placed)| (name.clone(), Arc::clone(placed)))
            .collect();
        let selected = pods.values().cloned().collect();
        selections.add(selector, parsed, pods);
        selected
    }

    pub(super) fn apply(&mut self, placed: Placed) {
        let namespace = match self.namespaces.get_mut(&placed.namespace) {
            Some(namespace) => namespace,
            None => self.namespaces.entry(placed.namespace.clone()).or_default(),
        };
        let placed = Arc::new(placed);
        let name = placed.pod.name.clone();
        let selections = namespace.selections.get_mut();
        if let Some(before) = namespace.pods.insert(name, Arc::clone(&placed)) {
            selections.remove(&before);
        }
        selections.place(&placed);
    }

    pub(super) fn delete(&mut self, key: &ObjectKey) {
        if let Some(namespace) = self.namespaces.get_mut(&key.namespace)
            && let Some(before) = namespace.pods.remove(&*key.name)
        {
            namespace.selections.get_mut().remove(&before);
        }
    }

    pub(super) fn reset(&mut self, namespace: Option<&str>, pods: Vec<Placed>) {
        match namespace {
            None => self.namespaces.clear(),
            Some(namespace) => {
                self.namespaces.remove(namespace);
            }
        }
        for placed in pods {
            self.apply(placed);
        }
    }
}

impl Selections {
    fn add(&mut self, text: &str, selector: Selector, pods: BTreeMap<Box<str>, Arc<Placed>>) {
        match selector.equality() {
            Some((key, value)) => {
                let label = (key.to_owned(), value.to_owned());
                self.by_label
                    .entry(label)
                    .or_default()
                    .insert(text.to_owned());
            }
            None => {
                self.others.insert(text.to_owned());
            }
        }
        let selection = Selection { selector, pods };
        self.by_text.insert(text.to_owned(), selection);
    }

    fn texts(&self, labels: &Labels) -> Vec<String> {
        let by_label = labels
            .iter()
            .filter_map(|(key, value)| self.by_label.get(&(key.to_string(), value.to_string())));
        by_label.flatten().chain(&self.others).cloned().collect()
    }

    fn place(&mut self, placed: &Arc<Placed>) {
        for text in self.texts(&placed.pod.labels) {
            if let Some(selection) = self.by_text.get_mut(&text)
                && selection.selector.matches(&placed.pod.labels)
            {
                let name = placed.pod.name.clone();
                selection.pods.insert(name, Arc::clone(placed));
            }
        }
    }

    fn remove(&mut self, placed: &Placed) {
        for text in self.texts(&placed.pod.labels) {
            if let Some(selection) = self.by_text.get_mut(&text) {
                selection.pods.remove(&placed.pod.name);
            }
        }
    }
}
