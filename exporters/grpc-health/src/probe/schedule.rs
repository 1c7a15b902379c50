//! Who is probed when: each target at its own interval, from its own phase, within bounds that are never silent.

mod lane;
mod pace;
mod pulse;
mod run;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use probe_engine::Attempt;
use tokio::sync::mpsc;

use super::endpoint::{Endpoint, Limits};
pub use run::Scheduler;

/// A target's name between the scheduler and whoever it reports to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u64);

/// The pod that a target is a handler of: handlers of one pod share a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodId(pub u64);

/// Something to probe again and again.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where. Another `Arc` counts as another endpoint: what is in flight to the old one is dropped.
    pub endpoint: Arc<Endpoint>,
    /// How long each attempt may take.
    pub limits: Limits,
    /// Time between two starts; not below [`Target::SHORTEST_INTERVAL`].
    pub interval: Duration,
    /// Whose bound it counts against.
    pub pod: PodId,
}

/// Bounds, and what makes the phases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Decides, with a target's id, at which phase of its interval it is probed. Give replicas different ones.
    pub seed: u64,
    /// Starts per second, of all targets together.
    pub starts_per_second: f64,
    /// Starts per second, of all targets of one pod.
    pub starts_per_second_and_pod: f64,
    /// Attempts under way at once, each of them a socket and some 2 kB.
    pub most_in_flight: usize,
    /// From which stall of our own on a measurement is tainted.
    pub tolerance: Duration,
}

/// How far our own lateness may have gone into a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartLag {
    /// From the planned start to the actual one.
    pub lag: Duration,
    /// The longest time for which our own runtime stood still during the attempt.
    pub stall: Duration,
    /// The stall was beyond the tolerance: the time measured may be ours and not the target's. A late start is not in
    /// it, because the measurement begins with the start.
    pub tainted: bool,
}

/// Why a planned start was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The bound on all starts.
    Global,
    /// The bound on one pod's starts.
    Pod,
    /// The previous attempt is within its budget until the next start: the kubelet's worker does not probe twice at
    /// once either.
    Busy,
    /// The bound on attempts under way.
    Crowded,
    /// We were late by more than an interval.
    Late,
}

/// What the scheduler says about itself. Cheap to read at any time.
#[derive(Debug, Default)]
pub struct Statistics {
    targets: AtomicUsize,
    in_flight: AtomicUsize,
    started: AtomicU64,
    skipped: [AtomicU64; Skip::ALL.len()],
}

/// Adds and removes targets while the scheduler runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    changes: mpsc::UnboundedSender<Change>,
    statistics: Arc<Statistics>,
}

#[derive(Debug)]
enum Change {
    Set(TargetId, Target),
    Remove(TargetId),
}

/// What becomes of an attempt, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// It began, at this time since the Unix epoch, which names it among its target's attempts.
    Started(Duration),
    /// The one that began then has used up its budget and goes on: a failure by now, whatever comes of it. Told
    /// at once, because the kubelet does not wait for the cap either.
    Overdue {
        /// When it began.
        at: Duration,
        /// The budget it had, which may not be the target's any more.
        budget: Duration,
    },
    /// It ended, and how.
    Finished(Attempt),
    /// The one that began then was dropped with its target: nothing is known of it.
    Dropped(Duration),
}

/// Where results go. Called on the thread that keeps time: it must not wait for anything.
pub type Sink = Arc<dyn Fn(TargetId, Progress, StartLag) + Send + Sync>;

/// A scheduler, which does nothing until [`Scheduler::run`], and the handle to it.
pub fn scheduler(settings: Settings, sink: Sink) -> (Handle, Scheduler) {
    let (changes, received) = mpsc::unbounded_channel();
    let statistics = Arc::new(Statistics::default());
    let handle = Handle {
        changes,
        statistics: Arc::clone(&statistics),
    };
    (handle, Scheduler::new(settings, sink, received, statistics))
}

// === impl Target ===

impl Target {
    /// Denser would load the target, and the kubelet itself never probes more often than every second.
    pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            starts_per_second: 5_000.0,
            starts_per_second_and_pod: 4.0,
            most_in_flight: 4096,
            tolerance: Duration::from_millis(50),
        }
    }
}

// === impl Skip ===

impl Skip {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Global,
        Self::Pod,
        Self::Busy,
        Self::Crowded,
        Self::Late,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global_rate",
            Self::Pod => "pod_rate",
            Self::Busy => "busy",
            Self::Crowded => "in_flight",
            Self::Late => "late",
        }
    }
}

// === impl Statistics ===

impl Statistics {
    /// Targets known.
    pub fn targets(&self) -> usize {
        self.targets.load(Ordering::Relaxed)
    }

    /// Attempts under way, each of them a socket.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Attempts started so far.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Planned starts left out so far, for this reason.
    pub fn skipped_for(&self, skip: Skip) -> u64 {
        self.skipped[skip as usize].load(Ordering::Relaxed)
    }

    /// Planned starts left out so far, by the label value of each reason.
    pub fn skipped(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Skip::ALL
            .map(|skip| (skip.as_str(), self.skipped_for(skip)))
            .into_iter()
    }

    fn skip(&self, skip: Skip, count: u64) {
        self.skipped[skip as usize].fetch_add(count, Ordering::Relaxed);
    }
}

// === impl Handle ===

impl Handle {
    /// Adds a target, or changes it. Its phase stays as long as its interval does.
    pub fn set(&self, id: TargetId, target: Target) {
        // A scheduler that is gone has nothing to be told: the process is on its way out.
        let _ = self.changes.send(Change::Set(id, target));
    }

    /// Removes a target; what is in flight to it is dropped.
    pub fn remove(&self, id: TargetId) {
        let _ = self.changes.send(Change::Remove(id));
    }

    /// What the scheduler says about itself.
    pub fn statistics(&self) -> &Arc<Statistics> {
        &self.statistics
    }
}
