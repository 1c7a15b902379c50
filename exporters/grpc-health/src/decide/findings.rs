//! What was found, ready to be shown: the page reads nothing else.

use std::sync::Arc;
use std::time::Duration;

use exposition::Histogram;
use probe_engine::{Attempt, Phase, ProbeSpec, Reason};

use crate::model::agreement::Agreed;
use crate::model::target::Mode;

/// Everything that a page shows, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// When this was decided, since the epoch.
    pub at: Duration,
    /// One for each measured handler.
    pub handlers: Vec<HandlerFinding>,
    /// One for each probe.
    pub probes: Vec<ProbeFinding>,
    /// One for each container with a probe of ours.
    pub containers: Vec<ContainerFinding>,
    /// From which probe on the next decision looks at other budgets: each looks at so many only.
    pub next_look: usize,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerName {
    /// The pod's namespace.
    pub namespace: Arc<str>,
    /// The pod.
    pub pod: Arc<str>,
    /// The container.
    pub container: Arc<str>,
}

/// What was measured of one handler.
#[derive(Clone, Debug)]
pub struct HandlerFinding {
    /// Whose.
    pub name: ContainerName,
    /// Its port.
    pub port: u16,
    /// The service asked for; empty for the server as a whole.
    pub service: Arc<str>,
    /// All durations, in seconds.
    pub durations: Histogram,
    /// Durations by phase, in seconds, in the order of [`Phase::ALL`].
    pub phases: [Histogram; Phase::ALL.len()],
    /// The last attempt that ended.
    pub last: Option<Attempt>,
    /// How often it failed, and why.
    pub failures: Vec<(Phase, Reason, u64)>,
    /// How often we gave up.
    pub censored: u64,
}

/// What the kubelet would have made of it for one probe.
#[derive(Clone, Debug)]
pub struct ProbeFinding {
    /// Whose.
    pub name: ContainerName,
    /// Where its handler is among [`Findings::handlers`].
    pub handler: usize,
    /// Liveness, readiness or startup.
    pub probe_type: probe_engine::ProbeType,
    /// The handler's port.
    pub port: u16,
    /// The handler's service.
    pub service: Arc<str>,
    /// Native or exec.
    pub mode: Mode,
    /// The budget.
    pub spec: ProbeSpec,
    /// Attempts within the budget and SERVING.
    pub successful: u64,
    /// All others.
    pub failed: u64,
    /// Share of the budget that the last attempt left; negative when over.
    pub headroom: Option<f64>,
    /// Failures in a row by now.
    pub consecutive_failures: u32,
    /// Runs of failures that ended in time.
    pub near_misses: u64,
    /// Kills (readiness: times unready) over all tick phases: at least, at most.
    pub consequences: (u64, u64),
    /// What other budgets would have done.
    pub outlook: Arc<Outlook>,
    /// Rules that the specification breaks.
    pub lint: Vec<&'static str>,
}

/// What other budgets would have done over the recorded window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// How many attempts this rests on.
    pub samples: usize,
    /// How many had been judged when it was computed; tells when to compute it again.
    pub judged: u64,
    /// Timeout in seconds, and the most kills (times unready) it would have led to.
    pub what_if: Vec<(u32, u64)>,
    /// The smallest safe timeout, in seconds, or why there is none.
    pub recommended: Option<Result<u32, String>>,
    /// Worst detection of a hang under the recommendation.
    pub detection: Option<Duration>,
}

/// What concerns a container as a whole.
#[derive(Clone, Debug)]
pub struct ContainerFinding {
    /// Which.
    pub name: ContainerName,
    /// Why it cannot be measured.
    pub problems: Vec<&'static str>,
    /// Kills by the kubelet that were seen.
    pub observed_kills: u64,
    /// How predictions met observations.
    pub agreed: Agreed,
}
