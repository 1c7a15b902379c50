//! One measured handler: all that is known of it, and the verdicts of the probes that ask it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exposition::Histogram;
use probe_engine::{
    Attempt, Bounds, Container, Ending, Phase, PhaseDurations, Probe, ProbeType, Reason, Sample,
    Tracker, Verdict, Window,
};

use super::sequence::Sequence;
use crate::metrics::BOUNDS;

/// A handler of a container, by which its measurements are kept: liveness and readiness that ask the same thing
/// share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    /// The pod's namespace.
    pub namespace: Arc<str>,
    /// The pod.
    pub pod: Arc<str>,
    /// The container.
    pub container: Arc<str>,
    /// The port.
    pub port: u16,
    /// The service asked for; empty for the server as a whole.
    pub service: Arc<str>,
}

/// Who sends the probe that we imitate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The kubelet itself.
    Native,
    /// A process that the kubelet starts in the container.
    Exec,
}

/// A handler, its measurements, its verdicts.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is; `None` while there is nobody to ask.
    pub address: Option<SocketAddr>,
    /// KEP-4939: TLS without verification.
    pub tls: bool,
    /// How long a real restart may take to be told of; zero where there is no kubelet.
    pub restart_lag: Duration,
    /// The recent attempts.
    pub window: Window,
    /// Whole durations, in seconds.
    pub durations: Histogram,
    /// Durations by phase, in seconds.
    pub phases: [Histogram; Phase::ALL.len()],
    /// The last attempt that ended.
    pub last: Option<Attempt>,
    /// Failures by phase and reason.
    pub failures: Vec<(Phase, Reason, u64)>,
    /// Attempts that were given up.
    pub censored: u64,
    /// One for each probe that asks this handler.
    pub judged: Vec<Judged>,
    sequence: Sequence,
}

/// The verdicts of one probe.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Native or exec.
    pub mode: Mode,
    /// The kubelet's worker, in every tick phase.
    pub tracker: Tracker,
    /// Attempts that passed under the probe's budget.
    pub successful: u64,
    /// Attempts that failed under it.
    pub failed: u64,
    /// Rules of the lint that the specification breaks.
    pub lint: Vec<&'static str>,
}

/// A kill that an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredictedKill {
    /// When the kubelet would have decided.
    pub at: Duration,
    /// Whether in every tick phase.
    pub certain: bool,
}

// === impl Mode ===

impl Mode {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Exec => "exec",
        }
    }
}

// === impl Target ===

impl Target {
    /// A handler of which nothing is known yet.
    pub fn new(address: Option<SocketAddr>, tls: bool, window_samples: usize) -> Self {
        Self {
            address,
            tls,
            restart_lag: Duration::ZERO,
            window: Window::new(window_samples),
            durations: Histogram::new(BOUNDS),
            phases: std::array::from_fn(|_| Histogram::new(BOUNDS)),
            last: None,
            failures: Vec::new(),
            censored: 0,
            judged: Vec::new(),
            sequence: Sequence::default(),
        }
    }

    /// The largest budget of its probes: until then an attempt can still pass.
    pub fn budget(&self) -> Duration {
        self.judged
            .iter()
            .map(|judged| judged.probe().spec.timeout())
            .max()
            .unwrap_or_default()
    }

    /// The shortest period of its probes.
    pub fn period(&self) -> Duration {
        self.judged
            .iter()
            .map(|judged| judged.probe().spec.period())
            .min()
            .unwrap_or_default()
    }

    /// Takes over what a new version of the pod says about one probe. Counts go on.
    pub fn follow(
        &mut self,
        probe: Probe,
        mode: Mode,
        lint: Vec<&'static str>,
        interval: Duration,
    ) {
        let known = self
            .judged
            .iter_mut()
            .find(|judged| judged.probe().probe_type == probe.probe_type);
        if let Some(judged) = known {
            judged.tracker.follow(probe, interval);
            judged.mode = mode;
            judged.lint = lint;
            return;
        }
        // Seldom more than one or two, and thousands of these: no room to spare.
        self.judged.reserve_exact(1);
        self.judged.push(Judged {
            mode,
            tracker: Tracker::new(probe, interval).with_restart_lag(self.restart_lag),
            successful: 0,
            failed: 0,
            lint,
        });
    }

    /// Only these probes still ask this handler.
    pub fn retain(&mut self, probe_types: &[ProbeType]) {
        self.judged
            .retain(|judged| probe_types.contains(&judged.probe().probe_type));
    }

    /// The container as it is now; `None` while it does not run.
    pub fn observe(&mut self, container: Option<Container>) {
        for judged in &mut self.judged {
            judged.tracker.observe(container);
        }
    }

    /// See [`Tracker::is_near_a_kill`].
    pub fn is_near_a_kill(&self) -> bool {
        self.judged
            .iter()
            .any(|judged| judged.tracker.is_near_a_kill())
    }

    /// An attempt began.
    pub fn started(&mut self, at: Duration) {
        self.sequence.start(at);
    }

    /// An attempt was abandoned.
    pub fn dropped(&mut self, at: Duration) -> Option<PredictedKill> {
        self.sequence.forget(at);
        self.judge()
    }

    /// An attempt used its budget up. It is measured further, but the verdict is in.
    pub fn overdue(&mut self, at: Duration, budget: Duration) -> Option<PredictedKill> {
        if budget < self.budget() {
            // It began under a smaller budget than the pod has by now, and may still pass.
            return None;
        }
        let mut phases = PhaseDurations::default();
        phases.set(Phase::Connect, budget);
        // In which phase does not matter to the verdict, and is measured when the attempt ends.
        let ending = Ending::Cut {
            phase: Phase::Connect,
        };
        self.sequence.decide(&Attempt {
            started_at: at,
            phases,
            ending,
        });
        self.judge()
    }

    /// An attempt ended.
    pub fn finished(&mut self, attempt: &Attempt) -> Option<PredictedKill> {
        self.measure(attempt);
        self.sequence.decide(attempt);
        self.judge()
    }

    fn measure(&mut self, attempt: &Attempt) {
        let failure = attempt.failure();
        if let Some((_, Reason::Local)) = failure {
            return;
        }
        self.window.push(Sample::from(attempt));
        self.durations.observe(attempt.total().as_secs_f64());
        for (phase, time) in attempt.phases.entered() {
            self.phases[phase as usize].observe(time.as_secs_f64());
        }
        self.censored += u64::from(attempt.is_cut());
        if let Some((phase, reason)) = failure {
            match self
                .failures
                .iter_mut()
                .find(|(p, r, _)| (*p, *r) == (phase, reason))
            {
                Some((_, _, count)) => *count += 1,
                None => self.failures.push((phase, reason, 1)),
            }
        }
        if self
            .last
            .is_none_or(|last| last.started_at < attempt.started_at)
        {
            self.last = Some(*attempt);
        }
    }

    /// Hands on what is in order by now.
    fn judge(&mut self) -> Option<PredictedKill> {
        let mut kill: Option<PredictedKill> = None;
        while let Some(attempt) = self.sequence.take() {
            for judged in &mut self.judged {
                if let Some(certain) = judged.record(&attempt) {
                    let at = attempt.started_at + attempt.total();
                    let certain = certain || kill.is_some_and(|kill| kill.certain);
                    kill = Some(PredictedKill { at, certain });
                }
            }
        }
        kill
    }
}

// === impl Judged ===

impl Judged {
    /// Type and numbers of the probe.
    pub fn probe(&self) -> &Probe {
        self.tracker.probe()
    }

    /// How many attempts were judged.
    pub fn judged(&self) -> u64 {
        self.successful + self.failed
    }

    /// Kills (readiness: times unready), at least and at most.
    pub fn consequences(&self) -> (u64, u64) {
        let bounds = if self.probe().probe_type.kills() {
            self.tracker.kills()
        } else {
            self.tracker.unready()
        };
        (bounds.lower, bounds.upper)
    }

    /// Whether it led to a kill, and whether in every phase.
    fn record(&mut self, attempt: &Attempt) -> Option<bool> {
        let progress = self.tracker.record(Sample::from(attempt));
        match progress.verdict {
            Verdict::Success => self.successful += 1,
            Verdict::Failure(_) => self.failed += 1,
            Verdict::Unknown | Verdict::Unmeasured => {}
        }
        let Bounds { lower, upper } = progress.kills;
        (upper > 0 || lower > 0).then_some(lower > 0)
    }
}
