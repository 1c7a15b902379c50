//! The pods that there are, with apply, delete and reset.

use std::collections::BTreeMap;

use kube_watch::{Index, ObjectKey};

/// What the two series tell of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace and name.
    pub key: ObjectKey,
    /// `metadata.uid`
    pub uid: String,
    /// The status of its condition `Ready`: `True`, `False` or `Unknown`; nothing before a kubelet has taken it.
    pub ready: Option<String>,
    /// Its containers that have a status. Init containers are not among them: kube-state-metrics counts those elsewhere.
    pub containers: Vec<Container>,
}

/// A container's name and its count of restarts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// `restartCount`
    pub restarts: u64,
}

/// All pods, in the order of their names.
#[derive(Debug, Default)]
pub struct Model {
    pods: BTreeMap<ObjectKey, Pod>,
}

impl Model {
    /// In order.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> + Clone {
        self.pods.values()
    }
}

impl Index<Pod> for Model {
    fn apply(&mut self, pod: Pod) {
        self.pods.insert(pod.key.clone(), pod);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.pods.remove(key);
    }

    fn reset(&mut self, namespace: Option<&str>, pods: Vec<Pod>) {
        self.pods
            .retain(|key, _| namespace.is_some_and(|it| it != key.namespace));
        for pod in pods {
            self.apply(pod);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(namespace: &str, name: &str) -> Pod {
        Pod {
            key: ObjectKey::new(namespace, name),
            uid: String::new(),
            ready: None,
            containers: Vec::new(),
        }
    }

    fn names(model: &Model) -> Vec<String> {
        model.pods().map(|pod| pod.key.to_string()).collect()
    }

    #[test]
    fn a_reset_of_one_namespace_leaves_the_others_alone() {
        let mut model = Model::default();
        model.reset(None, vec![pod("a", "gone"), pod("b", "stays")]);
        model.reset(Some("a"), vec![pod("a", "new")]);
        assert_eq!(names(&model), ["a/new", "b/stays"]);
        model.delete(&ObjectKey::new("b", "stays"));
        assert_eq!(names(&model), ["a/new"]);
        model.reset(None, Vec::new());
        assert_eq!(names(&model), [""; 0]);
    }
}
