//! How far the index can be believed.

mod collector;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::{Problem, Reason};

/// How all watches of a process stand.
///
/// A handle: clones share what they tell. It is also a collector, to be registered once:
/// `registry.register_collector(Box::new(status.clone()))`.
#[derive(Clone, Default)]
pub struct WatchStatus {
    shared: Arc<Shared>,
}

/// How one watch stands, at the moment it was asked.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The kind, such as `Pod`.
    pub kind: &'static str,
    /// The one namespace that it watches; `None` if it watches all, or files.
    pub namespace: Option<String>,
    /// Whether what it holds is what the source has.
    pub state: State,
    /// When the source last answered; `None` before the first time.
    pub contact: Option<SystemTime>,
    /// How many objects it holds.
    pub objects: usize,
    /// What is wrong now. A problem that was solved is not in it.
    pub problems: Vec<Problem>,
}

/// Whether what a watch holds is what its source has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing has been heard yet.
    #[default]
    Starting,
    /// The index holds what the source has.
    Current,
    /// The index holds what was known before; the source does not answer, or some of it is broken.
    Stale,
    /// The API server does not know this kind, so there are no objects of it.
    Absent,
}

/// Wakes whoever waits for a change of any index or state.
#[derive(Debug)]
pub struct Changes {
    receiver: watch::Receiver<u64>,
    // Keeps the sender alive, so that waiting never ends by itself.
    _shared: WatchStatus,
}

struct Shared {
    watches: RwLock<Vec<Arc<Mutex<Told>>>>,
    generation: watch::Sender<u64>,
}

/// What one watch has told so far.
struct Told {
    watched: Watched,
    events: [u64; Event::ALL.len()],
    errors: BTreeMap<Reason, u64>,
}

/// What a watch did to its index: the `event` label.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Apply,
    Delete,
    Reset,
}

/// One watch's end of its status.
pub(crate) struct Teller {
    told: Arc<Mutex<Told>>,
    status: WatchStatus,
}

impl WatchStatus {
    /// Of no watches yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every watch, in the order in which they were made.
    pub fn watches(&self) -> Vec<Watched> {
        self.shared
            .watches
            .read()
            .iter()
            .map(|told| told.lock().watched.clone())
            .collect()
    }

    /// Whether every watch has been heard of once: the first findings would be complete.
    ///
    /// Stale and absent count: a process must not wait for ever for a kind that is not installed.
    pub fn ready(&self) -> bool {
        self.all(|state| state != State::Starting)
    }

    /// Whether every index holds what its source has.
    pub fn synced(&self) -> bool {
        self.all(|state| matches!(state, State::Current | State::Absent))
    }

    /// Whether any index holds what was known before, because its source does not tell.
    pub fn stale(&self) -> bool {
        self.shared
            .watches
            .read()
            .iter()
            .any(|told| told.lock().watched.state == State::Stale)
    }

    /// What is wrong now, with all watches.
    pub fn problems(&self) -> Vec<Problem> {
        self.watches()
            .into_iter()
            .flat_map(|watched| watched.problems)
            .collect()
    }

    /// To be woken by every change of an index or a state from now on.
    pub fn changes(&self) -> Changes {
        Changes {
            receiver: self.shared.generation.subscribe(),
            _shared: self.clone(),
        }
    }

    fn all(&self, holds: impl Fn(State) -> bool) -> bool {
        let watches = self.shared.watches.read();
        !watches.is_empty() && watches.iter().all(|told| holds(told.lock().watched.state))
    }

    pub(crate) fn teller(&self, kind: &'static str, namespace: Option<String>) -> Teller {
        let told = Arc::new(Mutex::new(Told {
            watched: Watched {
                kind,
                namespace,
                state: State::default(),
                contact: None,
                objects: 0,
                problems: Vec::new(),
            },
            events: [0; Event::ALL.len()],
            errors: BTreeMap::new(),
        }));
        self.shared.watches.write().push(Arc::clone(&told));
        Teller {
            told,
            status: self.clone(),
        }
    }
}

impl Changes {
    /// Waits until an index or a state has changed since the last call.
    ///
    /// Changes in between come as one, and none is lost while nobody waits.
    pub async fn changed(&mut self) {
        // The sender lives in `_shared`, so there is no error to come.
        let _ = self.receiver.changed().await;
    }
}

impl Teller {
    /// The source has answered.
    pub(crate) fn contact(&self) {
        self.told.lock().watched.contact = Some(SystemTime::now());
    }

    /// The index was changed, and now holds this many objects.
    pub(crate) fn event(&self, event: Event, objects: usize) {
        {
            let mut told = self.told.lock();
            told.events[event as usize] += 1;
            told.watched.objects = objects;
        }
        self.wake();
    }

    /// What is so now. Logs and wakes only if it is news.
    pub(crate) fn state(&self, state: State, problems: Vec<Problem>) {
        {
            let mut told = self.told.lock();
            if told.watched.state == state && told.watched.problems == problems {
                return;
            }
            for problem in &problems {
                if !told.watched.problems.contains(problem) {
                    tracing::warn!(reason = problem.reason.as_str(), "{problem}");
                }
            }
            told.watched.state = state;
            told.watched.problems = problems;
        }
        self.wake();
    }

    /// Counts one error.
    pub(crate) fn error(&self, reason: Reason) {
        *self.told.lock().errors.entry(reason).or_default() += 1;
    }

    fn wake(&self) {
        self.status
            .shared
            .generation
            .send_modify(|generation| *generation += 1);
    }
}

impl Event {
    pub(crate) const ALL: [Self; 3] = [Self::Apply, Self::Delete, Self::Reset];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Delete => "delete",
            Self::Reset => "reset",
        }
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            watches: RwLock::default(),
            generation: watch::Sender::new(0),
        }
    }
}

impl fmt::Debug for WatchStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("WatchStatus")
            .field(&self.watches())
            .finish()
    }
}

#[cfg(test)]
mod tests;
