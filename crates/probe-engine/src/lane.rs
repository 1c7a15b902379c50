//! One tick phase: the samples that a kubelet whose ticks fall there would have taken, and its worker.

use std::time::Duration;

use crate::restart::{self, RestartBackOff};
use crate::sample::Sample;
use crate::spec::{ProbeSpec, ProbeType};
use crate::ticker::Ticker;
use crate::verdict::Verdict;
use crate::worker::{ContainerState, ContainerView, PodView, ProbeResult, Step, Worker};

/// The probe whose fate is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which of the three.
    pub probe_type: ProbeType,
    /// Its numbers.
    pub spec: ProbeSpec,
    /// The pod's `terminationGracePeriodSeconds`.
    pub pod_grace_seconds: Option<u32>,
}

/// The container as it really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// Since when it runs, since the Unix epoch; zero if that is not known, which reads as long ago.
    pub started_at: Duration,
    /// Whether its startup probe has passed, or there is none.
    pub started: bool,
}

/// What a worker came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) kills: u64,
    pub(crate) unready: u64,
    pub(crate) near_misses: u64,
}

/// As many lanes as own samples fit into a period: more phases could not be told apart.
pub(crate) const MOST_LANES: usize = 60;

/// A tick phase, followed twice: once taking everything unknown at its best, once at its worst.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pace: Pace,
    pub(crate) worlds: [World; 2],
}

/// Which samples stand for ticks.
#[derive(Clone, Debug)]
enum Pace {
    /// Each one: they are no denser than the pod's period.
    Every {
        interval: Duration,
        last: Option<Duration>,
    },
    /// The one that is nearest to the tick: half an interval before it, or the first after.
    Nearest { ticker: Ticker, reach: Duration },
}

/// A worker, and the containers that would have come and gone under it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    at_best: bool,
    worker: Worker,
    container_id: u64,
    started_at: Duration,
    restart_at: Option<Duration>,
    restart_lag: Duration,
    back_off: RestartBackOff,
    pub(crate) tally: Tally,
    pub(crate) first_decision: Option<Duration>,
}

/// One sample, judged.
#[derive(Clone, Copy, Debug)]
struct Tick {
    at: Duration,
    verdict: Verdict,
    busy: Duration,
}

// === impl Container ===

impl Default for Container {
    /// Running for long, and started.
    fn default() -> Self {
        Self {
            started_at: Duration::ZERO,
            started: true,
        }
    }
}

// === impl Lane ===

/// All tick phases of a probe that can be told apart by samples that far apart, the first at `start`.
pub(crate) fn lanes(
    probe: &Probe,
    interval: Duration,
    start: Duration,
    started_at: Duration,
    restart_lag: Duration,
) -> Vec<Lane> {
    let count = phases(probe.spec.period(), interval);
    (0..count)
        .map(|lane| {
            let pace = if count == 1 {
                Pace::Every {
                    interval,
                    last: None,
                }
            } else {
                let period = probe.spec.period();
                let offset = period * u32::try_from(lane).unwrap_or(u32::MAX)
                    / u32::try_from(count).unwrap_or(u32::MAX);
                Pace::Nearest {
                    ticker: Ticker::new(start + offset, period),
                    reach: interval / 2,
                }
            };
            let world = |at_best| World::new(probe, at_best, started_at, restart_lag);
            Lane {
                pace,
                worlds: [world(true), world(false)],
            }
        })
        .collect()
}

/// How many tick phases can be told apart. One if our samples are no denser than the period.
pub(crate) fn phases(period: Duration, interval: Duration) -> usize {
    if interval.is_zero() {
        return MOST_LANES;
    }
    let count = period.as_nanos().div_ceil(interval.as_nanos());
    usize::try_from(count).map_or(MOST_LANES, |count| count.clamp(1, MOST_LANES))
}

impl Lane {
    /// Takes the sample if it stands for this lane's tick.
    pub(crate) fn offer(&mut self, sample: Sample, probe: &Probe, container: Option<Container>) {
        let timeout = probe.spec.timeout();
        let tick = Tick {
            at: sample.started_at(),
            verdict: sample.verdict(timeout),
            busy: sample.busy(timeout),
        };
        let missed = match &mut self.pace {
            Pace::Every { interval, last } => {
                let missed = last.is_some_and(|last| {
                    tick.at.saturating_sub(last) > interval.saturating_mul(3) / 2
                });
                *last = Some(tick.at);
                missed
            }
            Pace::Nearest { ticker, reach } => {
                let until = tick.at + *reach;
                if ticker.due() > until {
                    return;
                }
                let missed = ticker.skip_before(until);
                ticker.advance(tick.busy);
                missed
            }
        };
        for world in &mut self.worlds {
            if missed {
                world.miss();
            }
            world.step(tick, probe, container);
        }
    }

    /// The container was really restarted.
    pub(crate) fn restarted(&mut self, started_at: Duration, probe: &Probe) {
        for world in &mut self.worlds {
            world.restarted(started_at, probe);
        }
    }
}

// === impl World ===

impl World {
    fn new(probe: &Probe, at_best: bool, started_at: Duration, restart_lag: Duration) -> Self {
        Self {
            at_best,
            worker: Worker::new(probe.probe_type, &probe.spec),
            container_id: 1,
            started_at,
            restart_at: None,
            restart_lag,
            back_off: RestartBackOff::default(),
            tally: Tally::default(),
            first_decision: None,
        }
    }

    /// Failures in a row, as the worker counts them.
    pub(crate) fn failure_run(&self) -> u32 {
        match self.worker.last_result() {
            ProbeResult::Failure => self.worker.result_run(),
            ProbeResult::Success | ProbeResult::Unknown => 0,
        }
    }

    /// Whether the worker waits for the container that would have followed a kill.
    pub(crate) const fn is_holding(&self) -> bool {
        self.restart_at.is_some()
    }

    /// A tick of which nothing is known: at best it ended the run of failures, at worst it changed nothing.
    const fn miss(&mut self) {
        if self.at_best {
            self.worker.break_run();
        }
    }

    fn step(&mut self, tick: Tick, probe: &Probe, container: Option<Container>) {
        if self.restart_at.is_some_and(|at| tick.at >= at) {
            self.started_at = self.restart_at.take().unwrap_or_default();
            self.container_id += 1;
        }
        let view = self.view(container);
        if self.worker.begin(Some(&view), tick.at) != Step::Probe {
            return;
        }
        let result = match tick.verdict {
            Verdict::Success => ProbeResult::Success,
            Verdict::Unknown if self.at_best => ProbeResult::Success,
            Verdict::Unknown | Verdict::Failure(_) => ProbeResult::Failure,
            Verdict::Unmeasured => return self.miss(),
        };
        // A startup probe fails while the container comes up: that is its purpose, not a near miss.
        let stands = self.worker.result() == Some(ProbeResult::Success);
        if result == ProbeResult::Success && stands && self.failure_run() > 0 {
            self.tally.near_misses += 1;
        }
        if self.worker.conclude(result) == Some(ProbeResult::Failure) {
            self.decide(tick.at + tick.busy, probe);
        }
    }

    /// The result turned to failure: the container is killed, or taken out of its Services.
    fn decide(&mut self, at: Duration, probe: &Probe) {
        self.first_decision.get_or_insert(at);
        if probe.probe_type.kills() {
            self.tally.kills += 1;
            let own = probe.spec.termination_grace_period_seconds;
            let grace = restart::termination_grace(own, probe.pod_grace_seconds);
            self.restart_at = Some(self.back_off.restart_after(at + grace) + self.restart_lag);
        } else {
            self.tally.unready += 1;
        }
    }

    /// At worst the kubelet is one failure ahead of us: then a kill comes now, and takes the evidence away.
    pub(crate) fn is_near_a_kill(&self, probe: &Probe) -> bool {
        let is_near = self.failure_run() + 1 >= probe.spec.failure_threshold;
        probe.probe_type.kills() && is_near && !self.at_best && !self.is_holding()
    }

    fn restarted(&mut self, started_at: Duration, probe: &Probe) {
        if self.is_near_a_kill(probe) {
            self.tally.kills += 1;
            self.worker.break_run();
        }
        self.container_id += 1;
        self.started_at = started_at;
        if self.restart_at.take().is_none() {
            // Not one of our kills, but the back-off counts it all the same.
            self.back_off.restart_after(started_at);
        }
    }

    fn view(&self, container: Option<Container>) -> PodView {
        let state = match container {
            Some(_) => ContainerState::Running {
                started_at: self.started_at,
            },
            None => ContainerState::Waiting,
        };
        PodView {
            finished: false,
            deleting: false,
            container: Some(ContainerView {
                id: self.container_id,
                state,
                started: container.is_some_and(|container| container.started),
            }),
        }
    }
}
