//! Events of every kind into the model.

use std::collections::BTreeSet;

use kube_watch::{Index, ObjectKey as WatchedKey};
use netpol_engine::{ClusterPolicy, NetworkPolicy, ObjectKey, Service};

use super::changes::Object;
use super::kind::{self, Of};
use super::policy::{Checked, Refused};
use super::{Labelled, Model, NamedNode};

mod pods;

fn engine_key(key: &WatchedKey) -> ObjectKey {
    ObjectKey::new(&key.namespace, &key.name)
}

// === impl Model ===

impl Model {
    /// Notes a policy's state, and gives what is in force: nothing if the API server would refuse it.
    fn note<P>(&mut self, checked: Checked<P>) -> (ObjectKey, Option<P>) {
        let Checked {
            key,
            version,
            policy,
        } = checked;
        match policy {
            Ok(policy) => {
                self.refused.remove(&key);
                self.versions.insert(key.clone(), version);
                (key, Some(policy))
            }
            Err(problems) => {
                self.versions.remove(&key);
                let refused = Refused {
                    policy: key.clone(),
                    version,
                    problems,
                };
                self.refused.insert(key.clone(), refused);
                (key, None)
            }
        }
    }

    fn forget(&mut self, key: &ObjectKey) {
        self.refused.remove(key);
        self.versions.remove(key);
    }

    /// The policies that were noted and that `of` chooses.
    fn noted(&self, of: impl Fn(&ObjectKey) -> bool) -> Vec<ObjectKey> {
        let all = self.versions.keys().chain(self.refused.keys());
        all.filter(|it| of(it)).cloned().collect()
    }
}

impl Index<Checked<NetworkPolicy>> for Model {
    fn apply(&mut self, checked: Checked<NetworkPolicy>) {
        let (key, policy) = self.note(checked);
        let version = self.versions.get(&key).cloned();
        match policy {
            // A relist says again what is so already.
            Some(policy) if self.cluster().policies.get(&key) == Some(&policy) => return,
            Some(policy) => self.matrix.apply_policy(policy),
            None => self.matrix.delete_policy(&key),
        }
        let namespace = key.namespace.clone();
        self.touch(&namespace, Object::Policy(key, version));
    }

    fn delete(&mut self, key: &WatchedKey) {
        let key = engine_key(key);
        self.forget(&key);
        self.matrix.delete_policy(&key);
        let namespace = key.namespace.clone();
        self.touch(&namespace, Object::Policy(key, None));
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Checked<NetworkPolicy>>) {
        let of = |key: &ObjectKey| {
            !key.namespace.is_empty() && namespace.is_none_or(|it| it == key.namespace)
        };
        for key in self.noted(of) {
            self.forget(&key);
        }
        let policies: Vec<_> = objects
            .into_iter()
            .filter_map(|it| self.note(it).1)
            .collect();
        self.matrix.change(|cluster| {
            cluster.policies.retain(|key, _| !of(key));
            for policy in policies {
                cluster.apply_policy(policy);
            }
        });
        self.touch_all(Object::List("NetworkPolicy"));
    }
}

impl<K: kind::Named> Index<Of<K, Checked<ClusterPolicy>>> for Model {
    fn apply(&mut self, of: Of<K, Checked<ClusterPolicy>>) {
        let (key, policy) = self.note(of.object);
        let version = self.versions.get(&key).cloned();
        match policy {
            Some(policy) if self.cluster().cluster_policies.get(&key) == Some(&policy) => return,
            Some(policy) => self.matrix.apply_cluster_policy(policy),
            None => self.matrix.delete_cluster_policy(&key),
        }
        self.touch_all(Object::Policy(key, version));
    }

    fn delete(&mut self, key: &WatchedKey) {
        let key = kind::cluster_key(K::NAME, &key.name);
        self.forget(&key);
        self.matrix.delete_cluster_policy(&key);
        self.touch_all(Object::Policy(key, None));
    }

    fn reset(&mut self, _: Option<&str>, objects: Vec<Of<K, Checked<ClusterPolicy>>>) {
        let prefix = kind::cluster_key(K::NAME, "");
        let of = |key: &ObjectKey| {
            key.namespace.is_empty() && key.name.starts_with(prefix.name.as_str())
        };
        let before = self.noted(of);
        if before.is_empty() && objects.is_empty() {
            return;
        }
        for key in before {
            self.forget(&key);
        }
        let policies: Vec<_> = objects
            .into_iter()
            .filter_map(|it| self.note(it.object).1)
            .collect();
        self.matrix.change(|cluster| {
            cluster.cluster_policies.retain(|key, _| !of(key));
            for policy in policies {
                cluster.apply_cluster_policy(policy);
            }
        });
        self.touch_all(Object::List(K::NAME));
    }
}

impl Index<Labelled> for Model {
    fn apply(&mut self, namespace: Labelled) {
        let Labelled { name, labels } = namespace;
        let before = self.cluster().namespace(&name);
        self.matrix.apply_namespace(&name, labels);
        if self.cluster().namespace(&name) != before {
            self.touch(&name, Object::Other("Namespace", ObjectKey::new("", &name)));
        }
    }

    fn delete(&mut self, key: &WatchedKey) {
        self.matrix.delete_namespace(&key.name);
        self.touch(&key.name, Object::Other("Namespace", engine_key(key)));
    }

    fn reset(&mut self, _: Option<&str>, objects: Vec<Labelled>) {
        let there = self.cluster().namespaces();
        let before: Vec<String> = there.map(|(name, _)| name.to_owned()).collect();
        self.matrix.change(|cluster| {
            for name in before {
                cluster.delete_namespace(&name);
            }
            for Labelled { name, labels } in objects {
                cluster.apply_namespace(&name, labels);
            }
        });
        self.touch_all(Object::List("Namespace"));
    }
}

impl Index<NamedNode> for Model {
    fn apply(&mut self, node: NamedNode) {
        // A node says every few seconds that it is alive.
        if self.cluster().nodes.get(&node.name) != Some(&node.node) {
            self.matrix.apply_node(&node.name, node.node);
            self.touch_all(Object::Other("Node", ObjectKey::new("", node.name)));
        }
    }

    fn delete(&mut self, key: &WatchedKey) {
        self.matrix.delete_node(&key.name);
        self.touch_all(Object::Other("Node", engine_key(key)));
    }

    fn reset(&mut self, _: Option<&str>, objects: Vec<NamedNode>) {
        self.matrix.change(|cluster| {
            let nodes = objects.into_iter().map(|it| (it.name, it.node));
            cluster.nodes = nodes.collect();
        });
        self.touch_all(Object::List("Node"));
    }
}

impl Index<Service> for Model {
    fn apply(&mut self, service: Service) {
        let key = service.key.clone();
        if self.cluster().services.get(&key) != Some(&service) {
            self.matrix.apply_service(service);
            let namespace = key.namespace.clone();
            self.touch(&namespace, Object::Other("Service", key));
        }
    }

    fn delete(&mut self, key: &WatchedKey) {
        let key = engine_key(key);
        self.matrix.delete_service(&key);
        let namespace = key.namespace.clone();
        self.touch(&namespace, Object::Other("Service", key));
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Service>) {
        // Policies do not see Services, so there is nothing to work out again.
        let now: BTreeSet<_> = objects.iter().map(|it| it.key.clone()).collect();
        let there: Vec<_> = self.cluster().services.keys().cloned().collect();
        for key in there {
            if namespace.is_none_or(|it| it == key.namespace) && !now.contains(&key) {
                self.matrix.delete_service(&key);
            }
        }
        for service in objects {
            self.matrix.apply_service(service);
        }
        self.touch_all(Object::List("Service"));
    }
}
