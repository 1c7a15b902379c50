//! Online: what would the kubelet have done so far?
//!
//! Our own probes may be denser than the pod's period. Then every tick phase that they can tell apart is a lane of
//! its own, and what the real kubelet did lies between the least and the most of them. If they are no denser there is
//! one lane, in which each of our samples stands for one tick: the kubelet's own ticks fall between ours, and the
//! bounds say nothing about that. [`Tracker::phases`] tells which it is.
//!
//! Each lane is followed twice, taking what is unknown (an attempt cut short, a tick without a sample, a failure
//! of our own) once at its best and once at its worst. After a kill a lane holds until the next container would have
//! started and its initial delay is over: what the restart would have changed is not guessed at.

use std::time::Duration;

use crate::lane::{self, Container, Lane, Probe, Tally, World};
use crate::sample::Sample;
use crate::verdict::Verdict;

/// The least and the most over all lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// What happened whatever the phase.
    pub lower: u64,
    /// What happened in the worst one.
    pub upper: u64,
}

/// What one sample added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Its verdict under the pod's own budget.
    pub verdict: Verdict,
    /// Kills that it brought.
    pub kills: Bounds,
    /// Turns to unready that it brought.
    pub unready: Bounds,
    /// Runs of failures that it ended short of the threshold.
    pub near_misses: Bounds,
}

/// Follows one probe of one container. Every count only ever grows, over changes of the probe, too.
#[derive(Clone, Debug)]
pub struct Tracker {
    probe: Probe,
    interval: Duration,
    restart_lag: Duration,
    container: Option<Container>,
    /// The start of the container that was last seen running.
    started_at: Duration,
    lanes: Vec<Lane>,
    last: Option<Duration>,
    late: u64,
    /// What lanes that are no more had counted.
    carried: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    kills: Bounds,
    unready: Bounds,
    near_misses: Bounds,
}

// === impl Tracker ===

impl Tracker {
    /// Follows `probe` by samples that are `interval` apart. Until [`observe`](Self::observe) tells otherwise, the
    /// container has been running for long and has started, so that a startup probe has nothing to do.
    pub const fn new(probe: Probe, interval: Duration) -> Self {
        Self {
            probe,
            interval,
            restart_lag: Duration::ZERO,
            container: Some(Container {
                started_at: Duration::ZERO,
                started: true,
            }),
            started_at: Duration::ZERO,
            lanes: Vec::new(),
            last: None,
            late: 0,
            carried: Counts {
                kills: Bounds::ZERO,
                unready: Bounds::ZERO,
                near_misses: Bounds::ZERO,
            },
        }
    }

    /// Beside a real kubelet: after a kill it waits this much longer than the rules say for the restart to be told of.
    /// Otherwise what fails while the real container is on its way would count as a second kill.
    #[must_use]
    pub const fn with_restart_lag(mut self, restart_lag: Duration) -> Self {
        self.restart_lag = restart_lag;
        self
    }

    /// The probe that is followed.
    pub const fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Our own interval.
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// The probe or our own interval changed: all lanes begin anew, the counts go on.
    ///
    /// The kubelet never sees this: a probe is fixed for its pod, and another pod has other workers.
    pub fn follow(&mut self, probe: Probe, interval: Duration) {
        if (probe, interval) != (self.probe, self.interval) {
            self.carried = self.counts();
            self.lanes.clear();
            self.probe = probe;
            self.interval = interval;
        }
    }

    /// The container as it is now; `None` while it does not run, when the kubelet does not probe either.
    /// Another start than last time is a real restart, and ends every hold. One that comes when a single failure is
    /// missing to the threshold may be a kill that the kubelet's earlier tick led to: at worst it counts.
    pub fn observe(&mut self, container: Option<Container>) {
        self.container = container;
        let Some(Container { started_at, .. }) = container else {
            return;
        };
        if self.started_at != started_at {
            self.started_at = started_at;
            for lane in &mut self.lanes {
                lane.restarted(started_at, &self.probe);
            }
        }
    }

    /// Whether a kill at this moment would fit: in some tick phase a single failure at most is missing to the threshold, and the kubelet may
    /// have had it already.
    pub fn is_near_a_kill(&self) -> bool {
        let mut worlds = self.lanes.iter().flat_map(|lane| &lane.worlds);
        worlds.any(|world| world.is_near_a_kill(&self.probe))
    }

    /// Takes the next sample. Samples have to come in the order in which their attempts began: one that comes late
    /// is counted as late and otherwise ignored, because its tick has already been decided.
    pub fn record(&mut self, sample: Sample) -> Progress {
        let before = self.counts();
        let at = sample.started_at();
        if self.last.is_some_and(|last| at < last) {
            self.late += 1;
        } else {
            self.last = Some(at);
            if self.lanes.is_empty() {
                self.lanes = lane::lanes(
                    &self.probe,
                    self.interval,
                    at,
                    self.started_at,
                    self.restart_lag,
                );
            }
            for lane in &mut self.lanes {
                lane.offer(sample, &self.probe, self.container);
            }
        }
        let after = self.counts();
        Progress {
            verdict: sample.verdict(self.probe.spec.timeout()),
            kills: after.kills.since(before.kills),
            unready: after.unready.since(before.unready),
            near_misses: after.near_misses.since(before.near_misses),
        }
    }

    /// How many tick phases are followed. One means that our samples are no denser than the period.
    pub fn phases(&self) -> usize {
        lane::phases(self.probe.spec.period(), self.interval)
    }

    /// Kills that the kubelet would have decided on: liveness and startup only.
    pub fn kills(&self) -> Bounds {
        self.counts().kills
    }

    /// Turns from ready to unready: readiness only.
    pub fn unready(&self) -> Bounds {
        self.counts().unready
    }

    /// Runs of failures that ended short of the threshold. Liveness, and readiness while ready.
    pub fn near_misses(&self) -> Bounds {
        self.counts().near_misses
    }

    /// Failures in a row as the worst-placed worker counts them; zero after a kill.
    pub fn consecutive_failures(&self) -> u32 {
        self.worlds().map(World::failure_run).max().unwrap_or(0)
    }

    /// Whether every lane waits for a container that would have followed a kill.
    pub fn is_holding(&self) -> bool {
        !self.lanes.is_empty() && self.worlds().all(World::is_holding)
    }

    /// Samples that came too late to count.
    pub const fn late(&self) -> u64 {
        self.late
    }

    fn worlds(&self) -> impl Iterator<Item = &World> {
        self.lanes.iter().flat_map(|lane| &lane.worlds)
    }

    fn counts(&self) -> Counts {
        let over = |count: fn(&Tally) -> u64, carried: Bounds| {
            let counts = || self.worlds().map(|world| count(&world.tally));
            Bounds {
                lower: carried.lower + counts().min().unwrap_or(0),
                upper: carried.upper + counts().max().unwrap_or(0),
            }
        };
        Counts {
            kills: over(|tally| tally.kills, self.carried.kills),
            unready: over(|tally| tally.unready, self.carried.unready),
            near_misses: over(|tally| tally.near_misses, self.carried.near_misses),
        }
    }
}

// === impl Bounds ===

impl Bounds {
    const ZERO: Self = Self { lower: 0, upper: 0 };

    const fn since(self, before: Self) -> Self {
        Self {
            lower: self.lower.saturating_sub(before.lower),
            upper: self.upper.saturating_sub(before.upper),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{Ending, Phase, Reason, ServingStatus};
    use crate::replay::replay;
    use crate::restart::{RestartBackOff, termination_grace};
    use crate::spec::{ProbeSpec, ProbeType};
    use proptest::prelude::*;

    const EPOCH: Duration = Duration::from_secs(1_000_000);
    const LIVENESS: Probe = probe(ProbeType::Liveness);

    const fn probe(probe_type: ProbeType) -> Probe {
        Probe {
            probe_type,
            spec: ProbeSpec {
                timeout_seconds: 1,
                period_seconds: 10,
                failure_threshold: 3,
                success_threshold: 1,
                initial_delay_seconds: 0,
                termination_grace_period_seconds: None,
            },
            pod_grace_seconds: Some(5),
        }
    }

    fn sample(at: Duration, milliseconds: u64) -> Sample {
        let serving = Ending::Answered(ServingStatus::Serving);
        Sample::new(
            EPOCH + at,
            Duration::ZERO,
            Duration::from_millis(milliseconds),
            serving,
        )
    }

    /// A sample per letter, `interval` seconds apart: `.` passes, `F` fails, `?` was cut early, `L` is our own failure,
    /// and a space is no sample at all.
    fn samples(interval: u64, letters: &str) -> Vec<Sample> {
        (0..)
            .zip(letters.chars())
            .filter_map(|(index, letter)| {
                let at = EPOCH + Duration::from_secs(interval * index);
                let (milliseconds, ending) = match letter {
                    '.' => (5, Ending::Answered(ServingStatus::Serving)),
                    'F' => (1500, Ending::Answered(ServingStatus::Serving)),
                    '?' => (500, Ending::Cut { phase: Phase::Rpc }),
                    'L' => {
                        let (phase, reason) = (Phase::Connect, Reason::Local);
                        (0, Ending::Failed { phase, reason })
                    }
                    _ => return None,
                };
                let total = Duration::from_millis(milliseconds);
                Some(Sample::new(at, Duration::ZERO, total, ending))
            })
            .collect()
    }

    fn tracked(probe: Probe, interval: u64, letters: &str) -> Tracker {
        let mut tracker = Tracker::new(probe, Duration::from_secs(interval));
        for sample in samples(interval, letters) {
            tracker.record(sample);
        }
        tracker
    }

    const fn bounds(lower: u64, upper: u64) -> Bounds {
        Bounds { lower, upper }
    }

    #[test]
    fn kills_and_near_misses_of_a_liveness_probe() {
        let table = [
            // At the pod's own period: one lane.
            (10, "..........", bounds(0, 0), bounds(0, 0)),
            (10, "..F..FF...", bounds(0, 0), bounds(2, 2)),
            (10, "..FFF....", bounds(1, 1), bounds(0, 0)),
            // 20 s + 1 s to the kill, 5 s of grace: the hold ends before the next tick but one.
            (10, "FFFFFF", bounds(2, 2), bounds(0, 0)),
            // Twice as dense: five failures are three in one phase and two in the other.
            (5, "..FFFFF..", bounds(0, 1), bounds(0, 1)),
            (5, "..FFFFFF..", bounds(1, 1), bounds(0, 0)),
            // Cut early: two certain failures and one that may be.
            (10, "..F?F..", bounds(0, 1), bounds(0, 2)),
            // Our own failure says nothing: at worst the two beside it were neighbours.
            (10, "..FFLF..", bounds(0, 1), bounds(0, 1)),
            (10, "..FF F..", bounds(0, 1), bounds(0, 1)),
            (10, "LLLLLL", bounds(0, 0), bounds(0, 0)),
        ];
        for (interval, letters, kills, near_misses) in table {
            let tracker = tracked(LIVENESS, interval, letters);
            assert_eq!(tracker.kills(), kills, "{letters:?}");
            assert_eq!(tracker.near_misses(), near_misses, "{letters:?}");
            assert_eq!(tracker.unready(), bounds(0, 0), "{letters:?}");
        }
    }

    #[test]
    fn readiness_turns_are_counted_from_ready_only() {
        let readiness = probe(ProbeType::Readiness);
        for (letters, unready) in [
            ("FFFFFF", 0),
            (".FFF..", 1),
            (".FFFFFFF..FFF", 2),
            (".FF.FF.", 0),
        ] {
            let tracker = tracked(readiness, 10, letters);
            assert_eq!(tracker.unready(), bounds(unready, unready), "{letters:?}");
            assert_eq!(tracker.kills(), bounds(0, 0));
        }
    }

    #[test]
    fn a_startup_probe_counts_only_while_the_container_has_not_started() {
        for (started, kills) in [(true, 0), (false, 1)] {
            let mut tracker = Tracker::new(probe(ProbeType::Startup), Duration::from_secs(10));
            tracker.observe(Some(Container {
                started_at: EPOCH,
                started,
            }));
            for sample in samples(10, "FFF.F") {
                tracker.record(sample);
            }
            assert_eq!(tracker.kills(), bounds(kills, kills));
            assert_eq!(tracker.near_misses(), bounds(0, 0));
        }
    }

    #[test]
    fn after_a_kill_nothing_counts_until_the_next_container_and_its_delay() {
        let mut slow = LIVENESS;
        slow.spec.initial_delay_seconds = 60;
        // Decided at 21 s, gone at 26 s, probed again from 86 s, that is from the tick of 90 s: 110 s is too few.
        assert_eq!(tracked(slow, 10, "FFFFFFFFFFF").kills(), bounds(1, 1));
        assert_eq!(tracked(slow, 10, "FFFFFFFFFFFF").kills(), bounds(2, 2));
    }

    #[test]
    fn a_real_restart_ends_the_hold_but_not_the_run() {
        let mut tracker = tracked(LIVENESS, 10, "FFF");
        assert!(tracker.is_holding());
        tracker.observe(Some(Container {
            started_at: EPOCH + Duration::from_secs(22),
            started: true,
        }));
        assert!(!tracker.is_holding());
        assert_eq!(tracker.consecutive_failures(), 0);

        let mut tracker = tracked(LIVENESS, 10, "FF");
        tracker.observe(Some(Container {
            started_at: EPOCH + Duration::from_secs(15),
            started: true,
        }));
        assert_eq!(tracker.consecutive_failures(), 2);
        assert_eq!(
            tracker.kills(),
            bounds(0, 1),
            "the kubelet's third may have been first"
        );
        let third = Sample::new(
            EPOCH + Duration::from_secs(20),
            Duration::ZERO,
            Duration::from_secs(2),
            Ending::Answered(ServingStatus::Serving),
        );
        tracker.record(third);
        assert_eq!(tracker.kills(), bounds(1, 1), "or it was not");
    }

    #[test]
    fn a_restart_far_from_the_threshold_is_not_put_down_to_the_probe() {
        let mut tracker = tracked(LIVENESS, 10, "F");
        tracker.observe(Some(Container {
            started_at: EPOCH + Duration::from_secs(15),
            started: true,
        }));
        assert_eq!(tracker.kills(), bounds(0, 0));
    }

    #[test]
    fn beside_a_kubelet_failures_wait_for_the_restart_to_be_told_of() {
        let mut quick = LIVENESS;
        quick.spec.failure_threshold = 1;
        // Decided at 1 s, gone at 6 s: the next two would be kills of the successor, were it running.
        let alone = tracked(quick, 10, "FFF");
        assert!(alone.kills().lower > 1, "{:?}", alone.kills());
        let lag = Duration::from_secs(20);
        let mut tracker = Tracker::new(quick, Duration::from_secs(10)).with_restart_lag(lag);
        for sample in samples(10, "FFF") {
            tracker.record(sample);
        }
        assert_eq!(tracker.kills(), bounds(1, 1));
        tracker.observe(Some(Container {
            started_at: EPOCH + Duration::from_secs(25),
            started: true,
        }));
        assert_eq!(tracker.kills(), bounds(1, 1));
        assert!(!tracker.is_holding());
    }

    #[test]
    fn a_container_that_does_not_run_or_has_not_started_is_not_probed() {
        for container in [
            None,
            Some(Container {
                started_at: EPOCH,
                started: false,
            }),
        ] {
            let mut tracker = Tracker::new(LIVENESS, Duration::from_secs(10));
            tracker.observe(container);
            for sample in samples(10, "FFFF") {
                tracker.record(sample);
            }
            assert_eq!(tracker.kills(), bounds(0, 0));
        }
    }

    #[test]
    fn counts_survive_a_change_of_the_probe_and_runs_do_not() {
        let mut tracker = tracked(LIVENESS, 10, "FFF..........FF");
        assert_eq!(tracker.consecutive_failures(), 2);
        let mut patient = LIVENESS;
        patient.spec.timeout_seconds = 5;
        tracker.follow(patient, Duration::from_secs(10));
        assert_eq!(tracker.consecutive_failures(), 0);
        for sample in samples(10, "                FFFFFF") {
            tracker.record(sample);
        }
        assert_eq!(tracker.kills(), bounds(1, 1));
    }

    #[test]
    fn a_late_sample_changes_nothing_but_the_count_of_late_ones() {
        let mut tracker = tracked(LIVENESS, 10, "FF");
        let late = Sample::new(
            EPOCH,
            Duration::ZERO,
            Duration::from_secs(9),
            Ending::Cut { phase: Phase::Rpc },
        );
        tracker.record(samples(10, "F")[0]);
        assert_eq!(tracker.late(), 1);
        assert_eq!(tracker.consecutive_failures(), 2);
        assert!(tracker.record(late).verdict.is_failure());
    }

    #[test]
    fn jitter_loses_no_tick() {
        // 5 s apart, each up to a second early or late.
        let jitter = [0_i64, 900, -900, 400, -700, 1000, -1000, 300];
        let mut tracker = Tracker::new(LIVENESS, Duration::from_secs(5));
        for index in 0..1600_i64 {
            let milliseconds = index * 5000 + jitter[usize::try_from(index % 8).unwrap()];
            let at = Duration::from_millis(u64::try_from(milliseconds).unwrap());
            let failing = index % 160 < 5;
            tracker.record(sample(at, if failing { 2000 } else { 5 }));
        }
        // Ten bursts of five, far enough apart for the back-off to be forgotten: three in one lane, two in the other, never split differently.
        assert_eq!(tracker.kills(), bounds(0, 10));
        assert_eq!(tracker.near_misses(), bounds(0, 10));
    }

    /// The plain reading of the rules on a regular grid: lane `k` of `n` takes every `n`-th sample.
    fn by_hand(verdicts: &[bool], lanes: usize, probe: &Probe) -> Bounds {
        let interval = probe.spec.period() / u32::try_from(lanes).unwrap();
        let kills = (0..lanes).map(|lane| {
            let (mut run, mut kills) = (0, 0);
            let mut probed_from = Duration::ZERO;
            let mut back_off = RestartBackOff::default();
            for (index, passed) in (0..).zip(verdicts).skip(lane).step_by(lanes) {
                let at = EPOCH + interval * index;
                if at < probed_from {
                    continue;
                }
                run = if *passed { 0 } else { run + 1 };
                if run == probe.spec.failure_threshold {
                    (run, kills) = (0, kills + 1);
                    let exit = at
                        + probe.spec.timeout()
                        + termination_grace(None, probe.pod_grace_seconds);
                    probed_from = back_off.restart_after(exit) + probe.spec.initial_delay();
                }
            }
            kills
        });
        let kills: Vec<_> = kills.collect();
        bounds(*kills.iter().min().unwrap(), *kills.iter().max().unwrap())
    }

    proptest! {
        #[test]
        fn online_replay_and_the_plain_rules_agree_on_a_regular_grid(
            verdicts in prop::collection::vec(prop::bool::weighted(0.4), 1..200),
            lanes in prop::sample::select(vec![1_usize, 2, 3, 6]),
            failure_threshold in 1_u32..5,
            initial_delay_seconds in 0_u32..30,
        ) {
            let mut probe = LIVENESS;
            probe.spec.period_seconds = 12;
            probe.spec.failure_threshold = failure_threshold;
            probe.spec.initial_delay_seconds = initial_delay_seconds;
            let interval = probe.spec.period() / u32::try_from(lanes).unwrap();
            let samples: Vec<_> = (0..)
                .zip(&verdicts)
                .map(|(index, passed)| sample(interval * index, if *passed { 5 } else { 2000 }))
                .collect();
            let mut tracker = Tracker::new(probe, interval);
            for sample in &samples {
                tracker.record(*sample);
            }
            prop_assert_eq!(tracker.phases(), lanes);
            if verdicts.len() >= lanes {
                prop_assert_eq!(tracker.kills(), by_hand(&verdicts, lanes, &probe));
            }
            let replayed = replay(samples.iter().copied(), &probe, Some(interval));
            prop_assert_eq!(tracker.kills(), bounds(replayed.kills.min, replayed.kills.max));
            prop_assert_eq!(tracker.near_misses(), bounds(replayed.near_misses.min, replayed.near_misses.max));
        }

        #[test]
        fn counts_only_grow_and_stay_in_order_whatever_comes(
            letters in "[.F?L ]{0,120}",
            interval in 1_u64..25,
            probe_type in prop::sample::select(ProbeType::ALL.to_vec()),
            started in prop::bool::ANY,
            restart_every in 1_usize..40,
        ) {
            let mut tracker = Tracker::new(probe(probe_type), Duration::from_secs(interval));
            let mut before = (tracker.kills(), tracker.unready(), tracker.near_misses());
            for (index, sample) in samples(interval, &letters).into_iter().enumerate() {
                if index % restart_every == 0 {
                    tracker.observe(Some(Container { started_at: sample.started_at(), started }));
                }
                tracker.record(sample);
                let after = (tracker.kills(), tracker.unready(), tracker.near_misses());
                for (before, after) in [(before.0, after.0), (before.1, after.1), (before.2, after.2)] {
                    prop_assert!(after.lower <= after.upper);
                    prop_assert!(before.lower <= after.lower && before.upper <= after.upper);
                }
                before = after;
            }
        }
    }
}
