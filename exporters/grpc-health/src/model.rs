//! Pods, and what was measured of them. No clock, no async: whoever calls says when.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use kube_watch::{Index, ObjectKey};
use probe_engine::{Attempt, Container as Running, ProbeType};

use self::container::{Handler, Observed, Wanted};
use self::pod::{Killing, Pod, State};
use self::target::{Target, TargetKey};

pub mod agreement;
pub mod container;
pub mod pod;
pub mod sequence;
pub mod target;

/// From the end of a container's grace period until its successor's start is in the pod's status, on a busy node.
const RESTART_LAG: Duration = Duration::from_secs(10);

/// Names a target for as long as it is there; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u64);

/// What the model needs to know of the flags.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Attempts kept per handler.
    pub window_samples: usize,
    /// Own interval; `None` for each pod's period.
    pub interval: Option<Duration>,
    /// Whether there is a kubelet to agree with: not so for files.
    pub kubelet: bool,
}

/// What happened to an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// It began at this time since the epoch, which names it from here on.
    Started(Duration),
    /// The one that began then has used its budget up. The measurement goes on.
    Overdue {
        /// When it began.
        at: Duration,
        /// The budget it had, which may not be the target's any more.
        budget: Duration,
    },
    /// It ended.
    Finished(Attempt),
    /// It was abandoned, and says nothing.
    Dropped(Duration),
}

/// All pods in scope.
#[derive(Debug)]
pub struct Model {
    settings: Settings,
    pods: BTreeMap<ObjectKey, Entry>,
    /// Boxed: a table keeps an eighth and up to a half of its places free.
    targets: HashMap<TargetId, (TargetKey, Box<Target>)>,
    next_id: u64,
    events: HashMap<ObjectKey, u32>,
    /// Namespaces whose events are listed; `None` stands for all.
    events_listed: HashSet<Option<String>>,
    revision: u64,
}

#[derive(Debug)]
struct Entry {
    uid: String,
    targets: Vec<TargetId>,
    containers: Vec<Observed>,
}

impl Model {
    /// A model of nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            pods: BTreeMap::new(),
            targets: HashMap::new(),
            next_id: 0,
            events: HashMap::new(),
            events_listed: HashSet::new(),
            revision: 0,
        }
    }

    /// Changes whenever what is to be probed may have changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Every measured handler, pod by pod.
    pub fn targets(&self) -> impl Iterator<Item = (TargetId, &TargetKey, &Target)> {
        let ids = self.pods.values().flat_map(|entry| &entry.targets);
        ids.filter_map(|id| {
            self.targets
                .get(id)
                .map(|(key, target)| (*id, key, &**target))
        })
    }

    /// Every container with a probe of ours.
    pub fn containers(&self) -> impl Iterator<Item = (&ObjectKey, &Observed)> {
        self.pods.iter().flat_map(|(key, entry)| {
            entry
                .containers
                .iter()
                .map(move |container| (key, container))
        })
    }

    /// How often the target is to be probed.
    pub fn interval(&self, target: &Target) -> Duration {
        self.settings.interval.unwrap_or_else(|| target.period())
    }

    /// Something happened to an attempt; of no concern if its target is gone.
    pub fn record(&mut self, id: TargetId, event: Event) {
        let Some((key, target)) = self.targets.get_mut(&id) else {
            return;
        };
        let kill = match event {
            Event::Started(at) => {
                target.started(at);
                None
            }
            Event::Overdue { at, budget } => target.overdue(at, budget),
            Event::Finished(attempt) => target.finished(&attempt),
            Event::Dropped(at) => target.dropped(at),
        };
        // Nearly always there is nothing to tell the container, and finding it costs more than all of the above.
        let is_first = matches!(event, Event::Started(_)) && target.last.is_none();
        if !self.settings.kubelet || (kill.is_none() && !is_first) {
            return;
        }
        let pod = ObjectKey::new(&*key.namespace, &*key.pod);
        let Some(entry) = self.pods.get_mut(&pod) else {
            return;
        };
        let container = entry
            .containers
            .iter_mut()
            .find(|c| c.name == *key.container);
        if let Some(container) = container {
            if let Event::Started(at) = event {
                container.watched_since.get_or_insert(at);
            }
            if let Some(kill) = kill {
                container.predicted(kill);
            }
        }
    }

    /// Closes the books on predictions and observations that can no longer meet.
    pub fn settle(&mut self, now: Duration) {
        for entry in self.pods.values_mut() {
            for container in &mut entry.containers {
                container.settle(now);
            }
        }
    }

    fn events_are_listed(&self, namespace: &str) -> bool {
        self.events_listed.contains(&None)
            || self.events_listed.contains(&Some(namespace.to_owned()))
    }

    fn remove(&mut self, key: &ObjectKey) {
        if let Some(entry) = self.pods.remove(key) {
            for id in entry.targets {
                self.targets.remove(&id);
            }
            self.revision += 1;
        }
    }

    fn put(&mut self, pod: &Pod) {
        if self
            .pods
            .get(&pod.key)
            .is_some_and(|entry| entry.uid != pod.uid)
        {
            self.remove(&pod.key);
        }
        if pod.finished {
            return self.remove(&pod.key);
        }
        let mut before = self.pods.remove(&pod.key).unwrap_or_else(|| Entry {
            uid: pod.uid.clone(),
            targets: Vec::new(),
            containers: Vec::new(),
        });
        let old_targets = std::mem::take(&mut before.targets);
        let by_restarts = self.settings.kubelet && !self.events_are_listed(&pod.key.namespace);
        let mut entry = Entry {
            uid: before.uid,
            targets: Vec::new(),
            containers: Vec::with_capacity(pod.containers.len()),
        };
        for container in &pod.containers {
            let wanted = Wanted::of(container, pod);
            if wanted.is_none() {
                continue;
            }
            let known = before
                .containers
                .iter()
                .position(|known| known.name == container.name);
            let mut observed = match known {
                Some(index) => before.containers.swap_remove(index),
                None => Observed::new(container),
            };
            let near = self.is_near_a_kill(&old_targets, &container.name);
            observed.update(container, &wanted, by_restarts, near);
            entry.containers.push(observed);
            for handler in wanted.handlers {
                let id = self.target(&old_targets, pod, &container.name, &handler);
                if let Some((_, target)) = self.targets.get_mut(&id) {
                    let interval = self.settings.interval;
                    update(target, &handler, container.state, interval);
                }
                entry.targets.push(id);
            }
        }
        for id in old_targets {
            if !entry.targets.contains(&id) {
                self.targets.remove(&id);
            }
        }
        if !entry.containers.is_empty() {
            self.pods.insert(pod.key.clone(), entry);
        }
        self.revision += 1;
    }

    /// Whether a kill of this container, which has some of these targets, would fit what was measured.
    fn is_near_a_kill(&self, targets: &[TargetId], container: &str) -> bool {
        let known = targets.iter().filter_map(|id| self.targets.get(id));
        let mut own = known.filter(|(key, _)| &*key.container == container);
        own.any(|(_, target)| target.is_near_a_kill())
    }

    /// The target of this handler: the one there is, with its measurements, or a new one.
    fn target(
        &mut self,
        old: &[TargetId],
        pod: &Pod,
        container: &str,
        handler: &Handler,
    ) -> TargetId {
        let key = TargetKey {
            namespace: pod.key.namespace.as_str().into(),
            pod: pod.key.name.as_str().into(),
            container: container.into(),
            port: handler.port,
            service: handler.service.as_str().into(),
        };
        let address = handler
            .address
            .map(|address| SocketAddr::new(address, handler.port));
        let known = old
            .iter()
            .find(|id| self.targets.get(id).is_some_and(|(known, _)| *known == key));
        if let Some(id) = known {
            if let Some((_, target)) = self.targets.get_mut(id) {
                target.address = address;
                target.tls = handler.tls;
            }
            return *id;
        }
        let id = TargetId(self.next_id);
        self.next_id += 1;
        let mut target = Target::new(address, handler.tls, self.settings.window_samples);
        if self.settings.kubelet {
            target.restart_lag = RESTART_LAG;
        }
        self.targets.insert(id, (key, Box::new(target)));
        id
    }
}

fn update(target: &mut Target, handler: &Handler, state: State, interval: Option<Duration>) {
    let probe_types: Vec<ProbeType> = handler.probes.iter().map(|p| p.probe.probe_type).collect();
    let period = handler.probes.iter().map(|p| p.probe.spec.period()).min();
    for asked in &handler.probes {
        let interval = interval.or(period).unwrap_or_default();
        target.follow(asked.probe, asked.mode, asked.lint.clone(), interval);
    }
    target.retain(&probe_types);
    target.observe(match state {
        State::Unknown => Some(Running::default()),
        State::Running { since, started } => Some(Running {
            started_at: since,
            started,
        }),
        State::NotRunning => None,
    });
}

impl Index<Pod> for Model {
    fn apply(&mut self, pod: Pod) {
        self.put(&pod);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.remove(key);
    }

    fn reset(&mut self, namespace: Option<&str>, pods: Vec<Pod>) {
        let listed: HashSet<&ObjectKey> = pods.iter().map(|pod| &pod.key).collect();
        let gone: Vec<ObjectKey> = self
            .pods
            .keys()
            .filter(|key| namespace.is_none_or(|namespace| key.namespace == namespace))
            .filter(|key| !listed.contains(key))
            .cloned()
            .collect();
        for key in gone {
            self.remove(&key);
        }
        for pod in &pods {
            self.put(pod);
        }
    }
}

impl Index<Killing> for Model {
    fn apply(&mut self, event: Killing) {
        let Some(name) = &event.container else {
            return;
        };
        let times = match self.events.insert(event.key.clone(), event.count) {
            // How many of them are recent, nobody says: one is.
            None => 1,
            Some(before) => u64::from(event.count.saturating_sub(before)),
        };
        if times == 0 {
            return;
        }
        let Some(entry) = self.pods.get(&event.pod) else {
            return;
        };
        let near = self.is_near_a_kill(&entry.targets, name);
        let entry = self.pods.get_mut(&event.pod);
        let container =
            entry.and_then(|entry| entry.containers.iter_mut().find(|c| c.name == *name));
        if let (Some(container), Some(at)) = (container, event.at) {
            container.killed(at, times, near);
        }
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.events.remove(key);
    }

    fn reset(&mut self, namespace: Option<&str>, events: Vec<Killing>) {
        self.events_listed.insert(namespace.map(str::to_owned));
        // Events live for an hour: those that are no longer listed will not come again.
        let listed: HashSet<&ObjectKey> = events.iter().map(|event| &event.key).collect();
        self.events.retain(|key, _| {
            namespace.is_some_and(|namespace| key.namespace != namespace) || listed.contains(key)
        });
        for event in events {
            self.apply(event);
        }
    }
}

#[cfg(test)]
mod tests;
