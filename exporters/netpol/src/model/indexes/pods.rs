//! Pods, and the templates that stand in for them where there are none.

use std::collections::{BTreeMap, BTreeSet};

use kube_watch::{Index, ObjectKey as WatchedKey};
use netpol_engine::{ObjectKey, Pod};

use super::engine_key;
use crate::model::changes::Object;
use crate::model::kind::{Named, Of};
use crate::model::pod::{Template, WatchedPod};
use crate::model::{Facts, Model, Standing};

/// Pods that are to come, or to go: what was planned last holds.
type Plan = BTreeMap<ObjectKey, Option<Pod>>;

// === impl Model ===

impl Model {
    /// Notes what the engine does not keep of a pod, and plans the rest. Most events of a pod change nothing that policies see.
    fn plan_pod(&mut self, watched: WatchedPod, standing: Standing, plan: &mut Plan) {
        let WatchedPod {
            pod,
            uid,
            listens,
            calls,
        } = watched;
        let workload = ObjectKey::new(&pod.key.namespace, &pod.workload);
        let facts = Facts {
            uid,
            workload: workload.clone(),
            standing,
            calls,
            listens,
        };
        let same = self.cluster().pods.get(&pod.key) == Some(&pod);
        if same && self.facts.get(&pod.key) == Some(&facts) {
            return;
        }
        let before = self.forget_facts(&pod.key);
        for call in &facts.calls {
            let count = self
                .calls
                .entry((workload.clone(), call.clone()))
                .or_default();
            *count += 1;
            self.calls_changed |= *count == 1;
        }
        if standing == Standing::Real {
            *self.real_pods.entry(workload.clone()).or_default() += 1;
        }
        self.facts.insert(pod.key.clone(), facts);
        plan.insert(pod.key.clone(), Some(pod));
        if standing != Standing::MadeUp {
            self.plan_made_up(&workload, plan);
        }
        if let Some(before) = before.filter(|it| *it != workload) {
            self.plan_made_up(&before, plan);
        }
    }

    fn plan_gone(&mut self, key: ObjectKey, plan: &mut Plan) {
        let workload = self.forget_facts(&key);
        plan.insert(key, None);
        if let Some(workload) = workload {
            self.plan_made_up(&workload, plan);
        }
    }

    /// The workload that a pod was of, if it was a real one.
    fn forget_facts(&mut self, key: &ObjectKey) -> Option<ObjectKey> {
        let facts = self.facts.remove(key)?;
        for call in facts.calls {
            let call = (facts.workload.clone(), call);
            if let Some(count) = self.calls.get_mut(&call) {
                *count -= 1;
                if *count == 0 {
                    self.calls.remove(&call);
                    self.calls_changed = true;
                }
            }
        }
        if facts.standing != Standing::Real {
            return None;
        }
        if let Some(count) = self.real_pods.get_mut(&facts.workload) {
            *count -= 1;
            if *count == 0 {
                self.real_pods.remove(&facts.workload);
            }
        }
        Some(facts.workload)
    }

    /// A workload without real pods has those of its templates, and one with any has none.
    fn plan_made_up(&mut self, workload: &ObjectKey, plan: &mut Plan) {
        let of_workload = self.templates.values().filter(|it| it.key == *workload);
        let pods: Vec<WatchedPod> = of_workload.filter_map(|it| it.pod.clone()).collect();
        let wanted = !self.real_pods.contains_key(workload);
        for made_up in pods {
            if wanted {
                self.plan_pod(made_up, Standing::MadeUp, plan);
            } else if self.facts.contains_key(&made_up.pod.key) {
                self.plan_gone(made_up.pod.key, plan);
            }
        }
    }

    fn plan_template<K: Named>(&mut self, template: Template, plan: &mut Plan) {
        let workload = template.key.clone();
        self.plan_template_gone::<K>(workload.clone(), plan);
        self.templates.insert((K::NAME, workload.clone()), template);
        self.plan_made_up(&workload, plan);
    }

    fn plan_template_gone<K: Named>(&mut self, key: ObjectKey, plan: &mut Plan) {
        let before = self.templates.remove(&(K::NAME, key));
        if let Some(made_up) = before.and_then(|it| it.pod)
            && self.facts.contains_key(&made_up.pod.key)
        {
            self.plan_gone(made_up.pod.key, plan);
        }
    }

    /// Tells the matrix of one event.
    fn carry_out(&mut self, plan: Plan) {
        for (key, pod) in plan {
            match pod {
                Some(pod) => self.matrix.apply_pod(pod),
                None => self.matrix.delete_pod(&key),
            }
            let namespace = key.namespace.clone();
            self.touch(&namespace, Object::Other("Pod", key));
        }
        self.follow_calls();
    }

    /// Tells the matrix of a whole list.
    fn carry_out_list(&mut self, plan: Plan, kind: &'static str) {
        self.matrix.change(|cluster| {
            for (key, pod) in plan {
                match pod {
                    Some(pod) => cluster.apply_pod(pod),
                    None => drop(cluster.pods.remove(&key)),
                }
            }
        });
        self.touch_all(Object::List(kind));
        self.follow_calls();
    }

    fn follow_calls(&mut self) {
        if std::mem::take(&mut self.calls_changed) && self.infer {
            self.gather_required();
        }
    }
}

impl Index<WatchedPod> for Model {
    fn apply(&mut self, pod: WatchedPod) {
        let mut plan = Plan::new();
        let standing = Standing::of(&pod);
        self.plan_pod(pod, standing, &mut plan);
        self.carry_out(plan);
    }

    fn delete(&mut self, key: &WatchedKey) {
        let mut plan = Plan::new();
        self.plan_gone(engine_key(key), &mut plan);
        self.carry_out(plan);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<WatchedPod>) {
        let mut plan = Plan::new();
        let now: BTreeSet<&ObjectKey> = objects.iter().map(|it| &it.pod.key).collect();
        let watched = self.facts.iter().filter(|(key, facts)| {
            facts.standing != Standing::MadeUp && namespace.is_none_or(|it| it == key.namespace)
        });
        let gone = watched.filter(|(key, _)| !now.contains(key));
        let gone: Vec<ObjectKey> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.plan_gone(key, &mut plan);
        }
        for pod in objects {
            let standing = Standing::of(&pod);
            self.plan_pod(pod, standing, &mut plan);
        }
        self.carry_out_list(plan, "Pod");
    }
}

impl<K: Named> Index<Of<K, Template>> for Model {
    fn apply(&mut self, of: Of<K, Template>) {
        let mut plan = Plan::new();
        self.plan_template::<K>(of.object, &mut plan);
        self.carry_out(plan);
    }

    fn delete(&mut self, key: &WatchedKey) {
        let mut plan = Plan::new();
        self.plan_template_gone::<K>(engine_key(key), &mut plan);
        self.carry_out(plan);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Of<K, Template>>) {
        let mut plan = Plan::new();
        let now: BTreeSet<&ObjectKey> = objects.iter().map(|it| &it.object.key).collect();
        let of_kind = self.templates.keys().filter(|(kind, key)| {
            *kind == K::NAME && namespace.is_none_or(|it| it == key.namespace)
        });
        let gone = of_kind.filter(|(_, key)| !now.contains(key));
        let gone: Vec<ObjectKey> = gone.map(|(_, key)| key.clone()).collect();
        if gone.is_empty() && objects.is_empty() {
            return;
        }
        for key in gone {
            self.plan_template_gone::<K>(key, &mut plan);
        }
        for of in objects {
            self.plan_template::<K>(of.object, &mut plan);
        }
        self.carry_out_list(plan, K::NAME);
    }
}

// === impl Standing ===

impl Standing {
    fn of(pod: &WatchedPod) -> Self {
        if pod.pod.finished {
            Self::Finished
        } else {
            Self::Real
        }
    }
}
