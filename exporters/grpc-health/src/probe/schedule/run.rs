//! The loop: take in changes, start what is due, sleep until the next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::lane::{Lane, Slot};
use super::pace::Pace;
use super::pulse::Pulse;
use super::told::Told;
use super::{Change, Settings, Sink, Skip, Statistics, Target, TargetId};
use crate::probe::attempt;

/// How long an idle scheduler sleeps when nothing at all is planned.
const IDLE: Duration = Duration::from_hours(1);

/// What a timer may be late by of itself.
const GRAIN: Duration = Duration::from_millis(3);

/// Starts attempts, each in a task of its own, for as long as [`run`](Self::run) is polled.
pub struct Scheduler {
    settings: Settings,
    changes: mpsc::UnboundedReceiver<Change>,
    targets: HashMap<TargetId, Entry>,
    plan: BinaryHeap<Reverse<Planned>>,
    pace: Pace,
    shared: Shared,
    generation: u64,
}

/// What every attempt's task needs.
#[derive(Clone)]
struct Shared {
    sink: Sink,
    statistics: Arc<Statistics>,
    pulse: Arc<Pulse>,
    tolerance: Duration,
    most_in_flight: usize,
}

/// One entry of the plan. Void when its target is gone or has been planned anew: then the generations differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    /// When to try.
    at: Instant,
    id: TargetId,
    generation: u64,
    /// The start on the target's own grid that this is about: `at`, unless it was put off.
    tick: Instant,
}

struct Entry {
    target: Target,
    lane: Arc<Lane>,
    attempts: Attempts,
    generation: u64,
    /// When the latest attempt has used up its budget at the latest.
    busy_until: Option<Instant>,
}

/// What is in flight to a target: dropped with it.
#[derive(Default)]
struct Attempts(Vec<AbortHandle>);

/// Counts an attempt as in flight for as long as it lives, aborted or not.
struct InFlight(Arc<Statistics>);

// === impl Scheduler ===

impl Scheduler {
    pub(super) fn new(
        settings: Settings,
        sink: Sink,
        changes: mpsc::UnboundedReceiver<Change>,
        statistics: Arc<Statistics>,
    ) -> Self {
        Self {
            settings,
            changes,
            targets: HashMap::new(),
            plan: BinaryHeap::new(),
            pace: Pace::new(&settings, Instant::now()),
            shared: Shared {
                sink,
                statistics,
                pulse: Arc::new(Pulse::new()),
                tolerance: settings.tolerance,
                most_in_flight: settings.most_in_flight,
            },
            generation: 0,
        }
    }

    /// Runs for ever. Dropped, it takes everything in flight with it.
    pub async fn run(mut self) -> Infallible {
        let mut open = true;
        loop {
            let now = Instant::now();
            let idle = self.shared.statistics.in_flight() == 0;
            self.shared.pulse.beat(now, idle);
            self.start_due(now);
            let wake = self.next_wake(now);
            tokio::select! {
                change = self.changes.recv(), if open => match change {
                    Some(change) => self.take_in(change),
                    // Nobody can change the targets any more; they are still probed.
                    None => open = false,
                },
                () = sleep_until(wake) => {}
            }
        }
    }

    fn next_wake(&self, now: Instant) -> Instant {
        let planned = self.plan.peek().map(|Reverse(planned)| planned.at);
        [planned, self.shared.pulse.due()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + IDLE)
    }

    /// This change, and all that have come with it: thousands arrive at once when a cluster is first listed.
    fn take_in(&mut self, change: Change) {
        let now = Instant::now();
        let mut next = Some(change);
        while let Some(change) = next {
            match change {
                Change::Set(id, target) => self.set(id, target, now),
                Change::Remove(id) => self.remove(id),
            }
            next = self.changes.try_recv().ok();
        }
        let count = self.targets.len();
        self.shared
            .statistics
            .targets
            .store(count, Ordering::Relaxed);
    }

    fn set(&mut self, id: TargetId, mut target: Target, now: Instant) {
        target.interval = target.interval.max(Target::SHORTEST_INTERVAL);
        self.pace.join(target.pod, now);
        let Some(entry) = self.targets.get_mut(&id) else {
            self.generation += 1;
            let generation = self.generation;
            self.plan_first(id, target.interval, generation, now);
            let entry = Entry {
                target,
                lane: Arc::default(),
                attempts: Attempts::default(),
                generation,
                busy_until: None,
            };
            self.targets.insert(id, entry);
            return;
        };
        let before = std::mem::replace(&mut entry.target, target);
        if !Arc::ptr_eq(&before.endpoint, &entry.target.endpoint) {
            entry.attempts = Attempts::default();
        }
        self.pace.leave(before.pod);
        if before.interval != entry.target.interval {
            self.generation += 1;
            entry.generation = self.generation;
            let interval = entry.target.interval;
            self.plan_first(id, interval, self.generation, now);
        }
    }

    fn remove(&mut self, id: TargetId) {
        if let Some(entry) = self.targets.remove(&id) {
            self.pace.leave(entry.target.pod);
        }
    }

    fn plan_first(&mut self, id: TargetId, interval: Duration, generation: u64, now: Instant) {
        let at = now + phase(self.settings.seed, id, interval);
        self.plan.push(Reverse(Planned {
            at,
            id,
            generation,
            tick: at,
        }));
    }

    fn start_due(&mut self, now: Instant) {
        while let Some(mut top) = self.plan.peek_mut() {
            let Reverse(planned) = *top;
            if planned.at > now {
                return;
            }
            let Some(entry) = self
                .targets
                .get_mut(&planned.id)
                .filter(|entry| entry.generation == planned.generation)
            else {
                std::collections::binary_heap::PeekMut::pop(top);
                continue;
            };
            let started = entry.start(planned, &mut self.pace, &self.shared, now);
            if started == Err(Skip::Busy)
                && let Some(later) = entry.put_off(planned, now)
            {
                top.0.at = later;
                continue;
            }
            let (next, missed) = following(planned.tick, entry.target.interval, now);
            top.0.at = next;
            top.0.tick = next;
            self.shared.statistics.skip(Skip::Late, missed);
            if let Err(skip) = started {
                self.shared.statistics.skip(skip, 1);
            }
        }
    }
}

/// The next start that is not past, and how many were left out on the way to it.
fn following(planned: Instant, interval: Duration, now: Instant) -> (Instant, u64) {
    let behind = now.saturating_duration_since(planned);
    let missed = behind.as_nanos() / interval.as_nanos().max(1);
    let missed = u32::try_from(missed).unwrap_or(u32::MAX);
    (
        planned + interval * missed.saturating_add(1),
        u64::from(missed),
    )
}

/// Where in its interval a target is probed: the same each time, and evenly spread over all targets (the finaliser of
/// `SplitMix64`, whose every output bit depends on every input bit).
fn phase(seed: u64, id: TargetId, interval: Duration) -> Duration {
    let mut bits = seed.wrapping_add(id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    let share = (bits >> 32) as u32;
    interval.mul_f64(f64::from(share) / (f64::from(u32::MAX) + 1.0))
}

// === impl Entry ===

impl Entry {
    fn start(
        &mut self,
        planned: Planned,
        pace: &mut Pace,
        shared: &Shared,
        now: Instant,
    ) -> Result<(), Skip> {
        let slot = self.lane.enter().ok_or(Skip::Busy)?;
        if shared.statistics.in_flight() >= shared.most_in_flight {
            return Err(Skip::Crowded);
        }
        pace.start(self.target.pod, now)?;
        self.busy_until = Some(now + self.target.limits.budget);
        shared.pulse.rouse(now);
        shared.statistics.started.fetch_add(1, Ordering::Relaxed);
        let task = probe(
            planned,
            Arc::clone(&self.target.endpoint),
            self.target.limits,
            slot,
            InFlight::new(Arc::clone(&shared.statistics)),
            shared.clone(),
        );
        self.attempts.0.retain(|attempt| !attempt.is_finished());
        self.attempts.0.push(tokio::spawn(task).abort_handle());
        Ok(())
    }

    /// When the attempt in the way will have ended or gone into its overtime, if that is before the next start.
    ///
    /// With a budget as long as the interval a silent target is always still being probed when its next start is due.
    /// The ticker of the kubelet's worker holds one tick for such a case, and so do we: put off is not left out.
    fn put_off(&self, planned: Planned, now: Instant) -> Option<Instant> {
        let later = (self.busy_until? + GRAIN).max(now + GRAIN);
        (later < planned.tick + self.target.interval).then_some(later)
    }
}

async fn probe(
    planned: Planned,
    endpoint: Arc<super::Endpoint>,
    limits: super::Limits,
    slot: Slot,
    _in_flight: InFlight,
    shared: Shared,
) {
    let start = Instant::now();
    let lag = start.saturating_duration_since(planned.at);
    let mut told = Told::start(&shared.sink, shared.tolerance, planned.id, lag);
    let overdue = told.overdue(limits.budget);
    let attempt = attempt(&endpoint, &limits, move || {
        let slot = slot.into_overtime()?;
        overdue();
        Some(slot)
    })
    .await;
    let stall = shared.pulse.longest_stall(start, Instant::now());
    told.finish(attempt, stall);
}

// === impl Attempts ===

impl Drop for Attempts {
    fn drop(&mut self) {
        for attempt in &self.0 {
            attempt.abort();
        }
    }
}

// === impl InFlight ===

impl InFlight {
    fn new(statistics: Arc<Statistics>) -> Self {
        statistics.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(statistics)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_spread_evenly_and_stay_the_same() {
        let second = Duration::from_secs(1);
        let mut tenths = [0; 10];
        for id in 0..10_000 {
            let phase = phase(7, TargetId(id), second);
            assert!(phase < second);
            assert_eq!(phase, super::phase(7, TargetId(id), second));
            tenths[phase.as_millis() as usize / 100] += 1;
        }
        assert!(tenths.iter().all(|&count| (900..1100).contains(&count)));
        assert_ne!(phase(1, TargetId(1), second), phase(2, TargetId(1), second));
    }

    #[test]
    fn starts_that_are_past_are_counted_and_the_grid_is_kept() {
        let planned = Instant::now();
        let second = Duration::from_secs(1);
        for (behind, next, missed) in [(0, 1, 0), (999, 1, 0), (1000, 2, 1), (3500, 4, 3)] {
            assert_eq!(
                following(planned, second, planned + Duration::from_millis(behind)),
                (planned + second * next, missed)
            );
        }
    }
}
