//! Pods by namespace, and by the selectors that somebody asks for.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;
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
    pub namespace: Arc<str>,
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
    namespaces: HashMap<Arc<str>, Namespace>,
}

#[derive(Debug, Default)]
struct Namespace {
    pods: BTreeSet<Named>,
    selections: parking_lot::Mutex<Selections>,
}

/// A pod in the order of names.
#[derive(Clone, Debug)]
struct Named(Arc<Placed>);

/// Who is selected, kept up with every pod that comes and goes: most namespaces have many pods and many selectors.
#[derive(Debug, Default)]
struct Selections {
    by_text: HashMap<Arc<str>, Selection>,
    /// Texts by a label that each of their pods has.
    by_label: HashMap<Box<str>, ByValue>,
    /// Texts of selectors that ask for no certain label.
    others: HashSet<Arc<str>>,
}

/// Texts by one label's value.
type ByValue = HashMap<Box<str>, Vec<Arc<str>>>;

#[derive(Debug)]
struct Selection {
    selector: Selector,
    pods: BTreeSet<Named>,
}

impl Pods {
    /// The pods that a selector selects, by name. A selector that is none selects none.
    pub(super) fn selected(&self, namespace: &str, selector: &str) -> Vec<Arc<Placed>> {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let placed = |pods: &BTreeSet<Named>| pods.iter().map(|it| Arc::clone(&it.0)).collect();
        let mut selections = namespace.selections.lock();
        if let Some(selection) = selections.by_text.get(selector) {
            return placed(&selection.pods);
        }
        // Without text there is no selector to the controller, though it would select everything.
        let Some(parsed) = Some(selector)
            .filter(|text| !text.is_empty())
            .and_then(|text| text.parse::<Selector>().ok())
        else {
            return Vec::new();
        };
        let pods = namespace.pods.iter();
        let pods = pods.filter(|it| parsed.matches(&it.0.pod.labels));
        let pods: BTreeSet<_> = pods.cloned().collect();
        let selected = placed(&pods);
        selections.add(selector, parsed, pods);
        selected
    }

    pub(super) fn apply(&mut self, mut placed: Arc<Placed>) {
        let own = Arc::make_mut(&mut placed);
        if let Some((known, _)) = self.namespaces.get_key_value(&own.namespace) {
            own.namespace = Arc::clone(known);
        }
        let namespace = Arc::clone(&own.namespace);
        let namespace = self.namespaces.entry(namespace).or_default();
        namespace.share(&mut own.pod);
        let named = Named(placed);
        let selections = namespace.selections.get_mut();
        if let Some(before) = namespace.pods.replace(named.clone()) {
            selections.remove(&before);
        }
        selections.place(&named);
    }

    pub(super) fn delete(&mut self, key: &ObjectKey) {
        if let Some(namespace) = self.namespaces.get_mut(&*key.namespace)
            && let Some(before) = namespace.pods.take(&*key.name)
        {
            namespace.selections.get_mut().remove(&before);
        }
    }

    pub(super) fn reset(&mut self, namespace: Option<&str>, pods: Vec<Arc<Placed>>) {
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

impl Namespace {
    /// Pods of one template stand beside each other by name.
    fn share(&self, pod: &mut Pod) {
        let name = pod.name.clone();
        let before = (Bound::Unbounded, Bound::Excluded(&*name));
        let before = self.pods.range::<str, _>(before).next_back();
        let after = (Bound::Included(&*name), Bound::Unbounded);
        let after = self.pods.range::<str, _>(after).next();
        for sibling in before.into_iter().chain(after) {
            pod.share(&sibling.0.pod);
        }
    }
}

impl Selections {
    fn add(&mut self, text: &str, selector: Selector, pods: BTreeSet<Named>) {
        let text: Arc<str> = text.into();
        match selector.equality() {
            Some((key, value)) => {
                let by_value = self.by_label.entry(key.into()).or_default();
                let texts = by_value.entry(value.into()).or_default();
                texts.push(Arc::clone(&text));
            }
            None => {
                self.others.insert(Arc::clone(&text));
            }
        }
        self.by_text.insert(text, Selection { selector, pods });
    }

    fn texts(&self, labels: &Labels) -> Vec<Arc<str>> {
        let by_label = labels
            .iter()
            .filter_map(|(key, value)| self.by_label.get(key)?.get(value));
        by_label.flatten().chain(&self.others).cloned().collect()
    }

    fn place(&mut self, pod: &Named) {
        let labels = &pod.0.pod.labels;
        for text in self.texts(labels) {
            if let Some(selection) = self.by_text.get_mut(&text)
                && selection.selector.matches(labels)
            {
                selection.pods.replace(pod.clone());
            }
        }
    }

    fn remove(&mut self, pod: &Named) {
        for text in self.texts(&pod.0.pod.labels) {
            if let Some(selection) = self.by_text.get_mut(&text) {
                selection.pods.remove(pod);
            }
        }
    }
}

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        &self.0.pod.name
    }
}

impl Ord for Named {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.pod.name.cmp(&other.0.pod.name)
    }
}

impl PartialOrd for Named {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Named {}
