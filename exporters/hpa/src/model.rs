//! What is known of the cluster: autoscalers, what they scale, and the pods that they select.
//!
//! No clock, no waiting. Each write of a status that comes in is kept with all that the controller saw at that time, until
//! `decide` has followed it: pods that change a moment later must not change what is made of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use hpa_engine::{Autoscaler, Moment, ObjectReference, Pod, Scale, ScaleFailure, Status};
use kube_watch::{Index, ObjectKey};

pub mod autoscaler;
pub mod leader;
pub mod pod;
pub mod rescale;
pub mod target;

use self::autoscaler::Observed;
use self::leader::{Leader, Manager};
use self::pod::{Placed, Pods, Usage};
use self::rescale::Rescale;
use self::target::{Formerly, Target, Targets};

/// The state.
#[derive(Debug, Default)]
pub struct Model {
    autoscalers: BTreeMap<ObjectKey, Held>,
    targets: Targets,
    pods: Pods,
    usages: HashMap<ObjectKey, Usage>,
    rescales: HashMap<ObjectKey, Rescale>,
    writes: Vec<Write>,
    changed: HashSet<ObjectKey>,
    gone: Vec<ObjectKey>,
    new: Vec<ObjectKey>,
    begun: bool,
    leader: Option<Leader>,
    restarts: u64,
    manager: Option<Manager>,
}

/// An autoscaler as it is now.
#[derive(Clone, Debug)]
pub struct Held {
    /// The autoscaler.
    pub autoscaler: Arc<Autoscaler>,
    /// Its status.
    pub status: Arc<Status>,
    /// Which of those of this name it is.
    pub uid: Arc<str>,
    /// It came after the first list: its controller remembers no more of it than we do.
    pub is_new: bool,
}

/// A status that the controller has written, and the surroundings at that moment.
#[derive(Clone, Debug)]
pub struct Write {
    /// The autoscaler's name.
    pub key: ObjectKey,
    /// When the write was seen.
    pub at: Moment,
    /// The status before.
    pub before: Arc<Status>,
    /// The status that was written.
    pub after: Arc<Status>,
    /// What the controller looked at.
    pub surroundings: Surroundings,
}

/// What a sync looks at, the metrics aside.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The autoscaler.
    pub autoscaler: Arc<Autoscaler>,
    /// The target's scale.
    pub scale: Result<Scale, ScaleFailure>,
    /// It may be another than the controller was given: the target's kind is not watched, and its scale was not asked for both before the
    /// write and after it.
    pub stale: bool,
    /// What the target reported lately.
    pub formerly: Vec<Formerly>,
    /// The pods that the scale's selector matches.
    pub pods: Vec<Arc<Placed>>,
}

impl Surroundings {
    /// The pods as the engine takes them.
    pub fn pods(&self) -> Vec<&Pod> {
        self.pods.iter().map(|placed| &placed.pod).collect()
    }
}

impl Model {
    /// All autoscalers, by name.
    pub fn autoscalers(&self) -> impl Iterator<Item = (&ObjectKey, &Held)> {
        self.autoscalers.iter()
    }

    /// One of them.
    pub fn autoscaler(&self, key: &ObjectKey) -> Option<&Held> {
        self.autoscalers.get(key)
    }

    /// What a sync of this autoscaler would look at now.
    pub fn surroundings(&self, namespace: &str, autoscaler: &Arc<Autoscaler>) -> Surroundings {
        let scale = self.targets.scale(namespace, &autoscaler.spec.target);
        let pods = match &scale {
            Ok(scale) => self.pods.selected(namespace, &scale.selector),
            Err(_) => Vec::new(),
        };
        Surroundings {
            autoscaler: Arc::clone(autoscaler),
            scale,
            stale: !target::is_watched(&autoscaler.spec.target),
            formerly: self.targets.formerly(namespace, &autoscaler.spec.target),
            pods,
        }
    }

    /// The metrics of pods that were read as objects, of one namespace.
    pub fn usages(&self, namespace: &str) -> impl Iterator<Item = &Usage> {
        let usages = self.usages.values();
        usages.filter(move |usage| usage.key.namespace == namespace)
    }

    /// Whether metrics of pods were read as objects: a cluster's are asked for instead.
    pub fn has_usages(&self) -> bool {
        !self.usages.is_empty()
    }

    /// What the controller told of changes of the scale, by autoscaler.
    pub fn rescales(&self) -> HashMap<&ObjectKey, Vec<&Rescale>> {
        let mut rescales: HashMap<_, Vec<_>> = HashMap::new();
        for rescale in self.rescales.values() {
            rescales
                .entry(&rescale.autoscaler)
                .or_default()
                .push(rescale);
        }
        rescales
    }

    /// Since when the process leads that is the controller now, as far as its Lease tells.
    pub fn controller_since(&self) -> Option<Moment> {
        self.leader.as_ref()?.since
    }

    /// The writes since they were last taken, in order.
    pub fn take_writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.writes)
    }

    /// The autoscalers that changed, or whose surroundings did, since they were last taken.
    pub fn take_changed(&mut self) -> HashSet<ObjectKey> {
        std::mem::take(&mut self.changed)
    }

    /// The autoscalers that came since they were last taken, and are still there.
    pub fn take_new(&mut self) -> Vec<ObjectKey> {
        let mut new = std::mem::take(&mut self.new);
        new.retain(|key| self.autoscalers.contains_key(key));
        new
    }

    /// The autoscalers that were deleted since they were last taken.
    pub fn take_gone(&mut self) -> Vec<ObjectKey> {
        std::mem::take(&mut self.gone)
    }

    /// The targets of kinds that are not watched, by namespace: their scale has to be asked for.
    pub fn unwatched(&self) -> Vec<(String, ObjectReference)> {
        self.targets.unwatched()
    }

    /// What the API server answered for the scale of such a target, then.
    pub fn scale_answered(
        &mut self,
        seen: Moment,
        namespace: &str,
        target: &ObjectReference,
        answer: Result<Scale, ScaleFailure>,
    ) {
        if self.targets.answered(seen, namespace, target, answer) {
            let of_it = self.autoscalers.iter().filter(|(key, held)| {
                key.namespace == namespace && held.autoscaler.spec.target == *target
            });
            let of_it: Vec<_> = of_it.map(|(key, _)| key.clone()).collect();
            self.touch(of_it);
        }
    }

    /// The same of the target of a write, asked for because of it. With what was reported until then, the write has what the controller
    /// can have seen. A failure of ours takes nothing from a scale that was known.
    pub fn scale_answered_for(&mut self, write: &mut Write, answer: Result<Scale, ScaleFailure>) {
        let autoscaler = Arc::clone(&write.surroundings.autoscaler);
        let (answered, known) = (answer.is_ok(), write.surroundings.scale.is_ok());
        let (namespace, target) = (&write.key.namespace, &autoscaler.spec.target);
        self.scale_answered(write.at, namespace, target, answer);
        if answered || !known {
            write.surroundings = self.surroundings(namespace, &autoscaler);
            write.surroundings.stale = !(answered && known);
        }
    }

    /// How often another process of the controller has taken over, as far as its Lease tells.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The controller manager's pod, if it can be seen.
    pub fn manager(&self) -> Option<&Manager> {
        self.manager.as_ref()
    }

    fn hold(&mut self, observed: Observed, is_new: bool) {
        let Observed {
            seen,
            uid,
            autoscaler,
            status,
        } = observed;
        let key = ObjectKey::new(&*autoscaler.namespace, &*autoscaler.name);
        let known = self.autoscalers.remove(&key);
        let known = match known {
            Some(other) if other.uid != uid => {
                self.forget(&key, &other.autoscaler.spec.target);
                None
            }
            known => known,
        };
        if known.is_none() {
            self.new.push(key.clone());
        }
        let is_new = known.as_ref().map_or(is_new, |known| known.is_new);
        let target = &autoscaler.spec.target;
        if let Some(known) = &known
            && known.autoscaler.spec.target != *target
        {
            self.targets.release(&key, &known.autoscaler.spec.target);
        }
        self.targets.claim(&key, target);
        let autoscaler = match &known {
            Some(known) if known.autoscaler == autoscaler => Arc::clone(&known.autoscaler),
            _ => autoscaler,
        };
        let status = match &known {
            Some(known) if known.status == status => Arc::clone(&known.status),
            _ => status,
        };
        let before = match &known {
            Some(known) => {
                (!Arc::ptr_eq(&known.status, &status)).then(|| Arc::clone(&known.status))
            }
            // The first status of a new autoscaler is a write as well.
            None => (is_new && *status != Status::default()).then(Arc::default),
        };
        if let Some(before) = before {
            self.writes.push(Write {
                key: key.clone(),
                at: seen,
                before,
                after: Arc::clone(&status),
                surroundings: self.surroundings(&key.namespace, &autoscaler),
            });
        }
        let held = Held {
            autoscaler,
            status,
            uid,
            is_new,
        };
        self.changed.insert(key.clone());
        self.autoscalers.insert(key, held);
    }

    fn forget(&mut self, key: &ObjectKey, target: &ObjectReference) {
        self.targets.release(key, target);
        self.gone.push(key.clone());
    }

    fn drop_autoscaler(&mut self, key: &ObjectKey) {
        if let Some(held) = self.autoscalers.remove(key) {
            self.forget(key, &held.autoscaler.spec.target);
        }
    }

    /// The autoscalers that scale this target see other surroundings from now on.
    fn touch(&mut self, claimants: Vec<ObjectKey>) {
        self.changed.extend(claimants);
    }
}

impl Index<Observed> for Model {
    fn apply(&mut self, observed: Observed) {
        let is_new = self.begun;
        self.hold(observed, is_new);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.drop_autoscaler(key);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Observed>) {
        let there: HashSet<ObjectKey> = objects.iter().map(Observed::key).collect();
        let gone: Vec<ObjectKey> = self
            .autoscalers
            .keys()
            .filter(|key| namespace.is_none_or(|it| key.namespace == it) && !there.contains(*key))
            .cloned()
            .collect();
        for key in gone {
            self.drop_autoscaler(&key);
        }
        for observed in objects {
            // What appears in a list may have been there for long.
            self.hold(observed, false);
        }
        self.begun = true;
    }
}

impl<K: target::Kind> Index<Target<K>> for Model {
    fn apply(&mut self, target: Target<K>) {
        let claimants = self.targets.apply(target);
        self.touch(claimants);
    }

    fn delete(&mut self, key: &ObjectKey) {
        let claimants = self.targets.delete::<K>(key);
        self.touch(claimants);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Target<K>>) {
        let claimants = self.targets.reset(namespace, objects);
        self.touch(claimants);
    }
}

impl Index<Arc<Placed>> for Model {
    fn apply(&mut self, pod: Arc<Placed>) {
        self.pods.apply(pod);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.pods.delete(key);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Arc<Placed>>) {
        self.pods.reset(namespace, objects);
    }
}

impl Index<Usage> for Model {
    fn apply(&mut self, usage: Usage) {
        self.usages.insert(usage.key.clone(), usage);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.usages.remove(key);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Usage>) {
        self.usages
            .retain(|key, _| namespace.is_some_and(|it| key.namespace != it));
        for usage in objects {
            self.apply(usage);
        }
    }
}
