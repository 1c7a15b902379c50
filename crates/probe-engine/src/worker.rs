//! The kubelet's probe worker, step by step: `worker.doProbe` in `pkg/kubelet/prober/worker.go`.
//!
//! One worker belongs to one (pod, container, probe type) and outlives the container's restarts. A step is split
//! at the probe itself: [`Worker::begin`] is what `doProbe` does before it, [`Worker::conclude`] what it does
//! with the result. With a prober that failed, `conclude` is simply not called: the kubelet throws the result away.
//!
//! Feature gates stand at their defaults in v1.36 (`ChangeContainerStatusOnKubeletRestart` off).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::spec::{ProbeSpec, ProbeType};

/// `results.Result` in `pkg/kubelet/prober/results/results_manager.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProbeResult {
    /// Not known yet: the initial value of a startup probe.
    Unknown,
    /// Passed.
    Success,
    /// Failed.
    Failure,
}

/// What the worker sees of its pod (`statusManager.GetPodStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodView {
    /// The pod's phase is Failed or Succeeded.
    pub finished: bool,
    /// Somebody asked for the pod's deletion.
    pub deleting: bool,
    /// The container's status, once it has an id.
    pub container: Option<ContainerView>,
}

/// What the worker sees of its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerView {
    /// A number that changes with every restart; stands for the container id.
    pub id: u64,
    /// Waiting, running or ended.
    pub state: ContainerState,
    /// `status.started`: the startup probe has passed, or there is none. A missing value reads as false.
    pub started: bool,
}

/// The state of a container, as far as a worker asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Not running, not known to have ended.
    Waiting,
    /// Running since then.
    Running {
        /// `state.running.startedAt`, since the Unix epoch; zero if it is not known.
        started_at: Duration,
    },
    /// Ended.
    Terminated {
        /// What `podutil.ContainerShouldRestart` says: by the restart policy, the restart rules and the exit code.
        restarts: bool,
    },
}

/// What a step comes to before the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The probe runs now; hand its result to [`Worker::conclude`].
    Probe,
    /// Nothing to probe on this tick.
    Skip(Skip),
    /// The worker is done for good.
    End,
}

/// Why nothing is probed, in the order in which `doProbe` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// No status of the pod yet, or no more.
    NoPod,
    /// The container has no id yet.
    NoContainer,
    /// On hold until there is a new container.
    OnHold,
    /// The container is not running.
    NotRunning,
    /// The initial delay is not over.
    InitialDelay,
    /// A startup probe of a container that has started.
    AlreadyStarted,
    /// A liveness or readiness probe of a container that has not.
    NotStarted,
}

/// One worker's state: the fields of `worker` that change, and the cached result of its current container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    probe_type: ProbeType,
    failure_threshold: u32,
    success_threshold: u32,
    initial_delay_seconds: u32,
    /// Containers that started before this were there before the kubelet.
    known_since: Duration,
    /// Whether the container is a restartable init container.
    sidecar: bool,
    container: Option<u64>,
    last_result: ProbeResult,
    result_run: u32,
    on_hold: bool,
    cached: Option<ProbeResult>,
}

/// `kubeletRestartGracePeriod` in `prober_manager.go`.
const KUBELET_RESTART_GRACE: Duration = Duration::from_secs(10);

// === impl Worker ===

impl Worker {
    /// A worker as `newWorker` makes it.
    pub const fn new(probe_type: ProbeType, spec: &ProbeSpec) -> Self {
        Self {
            probe_type,
            failure_threshold: spec.failure_threshold,
            success_threshold: spec.success_threshold,
            initial_delay_seconds: spec.initial_delay_seconds,
            known_since: Duration::ZERO,
            sidecar: false,
            container: None,
            // Go's zero value of results.Result is Success.
            last_result: ProbeResult::Success,
            result_run: 0,
            on_hold: false,
            cached: None,
        }
    }

    /// For a kubelet that started at that time: containers older by more than 10 s keep the state that they had.
    #[must_use]
    pub const fn under_kubelet_since(mut self, started_at: Duration) -> Self {
        self.known_since = started_at.saturating_sub(KUBELET_RESTART_GRACE);
        self
    }

    /// For a restartable init container.
    #[must_use]
    pub const fn of_sidecar(mut self) -> Self {
        self.sidecar = true;
        self
    }

    /// The value a new container's result starts from (`newWorker`).
    pub const fn initial_value(&self) -> ProbeResult {
        match self.probe_type {
            ProbeType::Liveness => ProbeResult::Success,
            ProbeType::Readiness => ProbeResult::Failure,
            ProbeType::Startup => ProbeResult::Unknown,
        }
    }

    /// The cached result of the current container (`results.Manager.Get`), by which the kubelet acts.
    pub const fn result(&self) -> Option<ProbeResult> {
        self.cached
    }

    /// The last result of a probe, which is not the cached one while it is below its threshold.
    pub const fn last_result(&self) -> ProbeResult {
        self.last_result
    }

    /// How many times in a row the last result came.
    pub const fn result_run(&self) -> u32 {
        self.result_run
    }

    /// Whether it waits for a new container.
    pub const fn on_hold(&self) -> bool {
        self.on_hold
    }

    /// The step up to the probe. `now` is compared with the container's start only.
    pub fn begin(&mut self, pod: Option<&PodView>, now: Duration) -> Step {
        let Some(pod) = pod else {
            return Step::Skip(Skip::NoPod);
        };
        if pod.finished {
            return Step::End;
        }
        let Some(container) = &pod.container else {
            return Step::Skip(Skip::NoContainer);
        };
        if self.container != Some(container.id) {
            self.meet(container);
        }
        if self.on_hold {
            return Step::Skip(Skip::OnHold);
        }
        let started_at = match container.state {
            ContainerState::Running { started_at } => started_at,
            ContainerState::Waiting => {
                self.cached = Some(ProbeResult::Failure);
                return Step::Skip(Skip::NotRunning);
            }
            ContainerState::Terminated { restarts } => {
                self.cached = Some(ProbeResult::Failure);
                return if restarts {
                    Step::Skip(Skip::NotRunning)
                } else {
                    Step::End
                };
            }
        };
        if pod.deleting && self.probe_type.kills() {
            self.cached = Some(ProbeResult::Success);
            return Step::End;
        }
        if whole_seconds_between(started_at, now) < i128::from(self.initial_delay_seconds) {
            return Step::Skip(Skip::InitialDelay);
        }
        match (container.started, self.probe_type) {
            (true, ProbeType::Startup) => Step::Skip(Skip::AlreadyStarted),
            (false, ProbeType::Liveness | ProbeType::Readiness) => Step::Skip(Skip::NotStarted),
            _ => Step::Probe,
        }
    }

    /// The step after the probe. Gives the new result if the cached one changed: what is sent on the `Updates`
    /// channel (`setInternal` in `results_manager.go`), and so what the kubelet acts on.
    pub fn conclude(&mut self, result: ProbeResult) -> Option<ProbeResult> {
        if self.last_result == result {
            self.result_run = self.result_run.saturating_add(1);
        } else {
            self.last_result = result;
            self.result_run = 1;
        }
        let threshold = match result {
            ProbeResult::Failure => self.failure_threshold,
            ProbeResult::Success => self.success_threshold,
            ProbeResult::Unknown => 0,
        };
        if self.result_run < threshold {
            return None;
        }
        let changed = self.cached != Some(result);
        self.cached = Some(result);
        let killed = self.probe_type == ProbeType::Liveness && result == ProbeResult::Failure;
        if killed || self.probe_type == ProbeType::Startup {
            self.on_hold = true;
            // Only the count: the last result stays.
            self.result_run = 0;
        }
        changed.then_some(result)
    }

    /// Another container than last time. The run of results goes on: a container that crashed by itself hands its
    /// failures to the next one.
    fn meet(&mut self, container: &ContainerView) {
        self.container = Some(container.id);
        self.cached = None;
        if self.sidecar && self.probe_type == ProbeType::Startup && container.started {
            self.cached = Some(ProbeResult::Success);
        }
        let older_than_kubelet = matches!(
            container.state,
            ContainerState::Running { started_at }
                if !started_at.is_zero() && started_at < self.known_since
        );
        if !older_than_kubelet {
            self.cached = Some(self.initial_value());
        }
        self.on_hold = false;
    }

    /// Forgets how often the last result came, and nothing else. No step of the kubelet's: it is how a lane reads
    /// a tick of which nothing is known at best, as one that may have ended the run.
    pub(crate) const fn break_run(&mut self) {
        self.result_run = 0;
    }
}

/// `int32(time.Since(startedAt).Seconds())`: cut towards zero, so a delay of 15 passes at 15.0 s, and a container
/// whose start lies less than a second ahead is zero seconds old.
fn whole_seconds_between(started_at: Duration, now: Duration) -> i128 {
    let nanoseconds = |time: Duration| {
        i128::from(time.as_secs()) * 1_000_000_000 + i128::from(time.subsec_nanos())
    };
    (nanoseconds(now) - nanoseconds(started_at)) / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::ProbeResult::{Failure, Success, Unknown};
    use super::*;

    const START: Duration = Duration::from_secs(1_000_000);

    fn running(id: u64) -> PodView {
        PodView {
            finished: false,
            deleting: false,
            container: Some(ContainerView {
                id,
                state: ContainerState::Running { started_at: START },
                started: true,
            }),
        }
    }

    fn worker(probe_type: ProbeType) -> Worker {
        Worker::new(probe_type, &ProbeSpec::default())
    }

    /// Probes with these results, one a tick; gives the updates.
    fn probe(
        worker: &mut Worker,
        pod: &PodView,
        results: &[ProbeResult],
    ) -> Vec<Option<ProbeResult>> {
        results
            .iter()
            .map(|result| {
                assert_eq!(worker.begin(Some(pod), START), Step::Probe);
                worker.conclude(*result)
            })
            .collect()
    }

    #[test]
    fn three_failures_in_a_row_kill_and_two_do_not() {
        let mut worker = worker(ProbeType::Liveness);
        let pod = running(1);
        let updates = probe(
            &mut worker,
            &pod,
            &[Failure, Failure, Success, Failure, Failure, Failure],
        );
        assert_eq!(updates, [None, None, None, None, None, Some(Failure)]);
        assert_eq!(worker.begin(Some(&pod), START), Step::Skip(Skip::OnHold));
        assert_eq!(worker.begin(Some(&running(2)), START), Step::Probe);
        assert_eq!(worker.result(), Some(Success));
    }

    #[test]
    fn a_crash_hands_its_failures_to_the_next_container() {
        let mut worker = worker(ProbeType::Liveness);
        probe(&mut worker, &running(1), &[Failure, Failure]);
        assert_eq!(probe(&mut worker, &running(2), &[Failure]), [Some(Failure)]);
    }

    #[test]
    fn a_kill_does_not() {
        let mut worker = worker(ProbeType::Liveness);
        probe(&mut worker, &running(1), &[Failure; 3]);
        assert_eq!(
            probe(&mut worker, &running(2), &[Failure; 3]),
            [None, None, Some(Failure)]
        );
    }

    #[test]
    fn readiness_starts_unready_and_never_holds() {
        let mut worker = worker(ProbeType::Readiness);
        let updates = probe(
            &mut worker,
            &running(1),
            &[
                Failure, Failure, Failure, Success, Failure, Failure, Failure, Failure,
            ],
        );
        assert_eq!(
            updates,
            [
                None,
                None,
                None,
                Some(Success),
                None,
                None,
                Some(Failure),
                None
            ]
        );
        assert!(!worker.on_hold());
    }

    #[test]
    fn startup_holds_after_either_result() {
        for result in [Success, Failure] {
            let spec = ProbeSpec {
                failure_threshold: 1,
                ..ProbeSpec::default()
            };
            let mut worker = Worker::new(ProbeType::Startup, &spec);
            let mut pod = running(1);
            pod.container.as_mut().unwrap().started = false;
            assert_eq!(worker.begin(Some(&pod), START), Step::Probe);
            assert_eq!(worker.result(), Some(Unknown));
            assert_eq!(worker.conclude(result), Some(result));
            assert_eq!(worker.begin(Some(&pod), START), Step::Skip(Skip::OnHold));
        }
    }

    #[test]
    fn the_startup_gate_shuts_the_others_out_and_lets_startup_in() {
        let mut pod = running(1);
        for (started, probe_type, expected) in [
            (true, ProbeType::Liveness, Step::Probe),
            (true, ProbeType::Readiness, Step::Probe),
            (true, ProbeType::Startup, Step::Skip(Skip::AlreadyStarted)),
            (false, ProbeType::Liveness, Step::Skip(Skip::NotStarted)),
            (false, ProbeType::Readiness, Step::Skip(Skip::NotStarted)),
            (false, ProbeType::Startup, Step::Probe),
        ] {
            pod.container.as_mut().unwrap().started = started;
            assert_eq!(worker(probe_type).begin(Some(&pod), START), expected);
        }
    }

    #[test]
    fn the_initial_delay_is_cut_to_whole_seconds() {
        let spec = ProbeSpec {
            initial_delay_seconds: 15,
            ..ProbeSpec::default()
        };
        let mut worker = Worker::new(ProbeType::Liveness, &spec);
        for (milliseconds, expected) in [
            (0, Step::Skip(Skip::InitialDelay)),
            (14_999, Step::Skip(Skip::InitialDelay)),
            (15_000, Step::Probe),
        ] {
            let now = START + Duration::from_millis(milliseconds);
            assert_eq!(
                worker.begin(Some(&running(1)), now),
                expected,
                "{milliseconds}"
            );
        }
    }

    #[test]
    fn a_start_ahead_of_our_clock_waits_for_its_second() {
        let mut worker = worker(ProbeType::Liveness);
        let before = |milliseconds| {
            START
                .checked_sub(Duration::from_millis(milliseconds))
                .unwrap()
        };
        assert_eq!(
            worker.begin(Some(&running(1)), before(1000)),
            Step::Skip(Skip::InitialDelay)
        );
        assert_eq!(worker.begin(Some(&running(1)), before(999)), Step::Probe);
    }

    #[test]
    fn a_deleted_pod_ends_all_but_readiness_quietly() {
        let pod = PodView {
            deleting: true,
            ..running(1)
        };
        for (probe_type, step, result) in [
            (ProbeType::Liveness, Step::End, Success),
            (ProbeType::Readiness, Step::Probe, Failure),
            (ProbeType::Startup, Step::End, Success),
        ] {
            let mut worker = worker(probe_type);
            assert_eq!(worker.begin(Some(&pod), START), step);
            assert_eq!(worker.result(), Some(result));
        }
    }

    #[test]
    fn a_container_that_is_not_running_has_failed() {
        for (state, step) in [
            (ContainerState::Waiting, Step::Skip(Skip::NotRunning)),
            (
                ContainerState::Terminated { restarts: true },
                Step::Skip(Skip::NotRunning),
            ),
            (ContainerState::Terminated { restarts: false }, Step::End),
        ] {
            let mut worker = worker(ProbeType::Liveness);
            let mut pod = running(1);
            pod.container.as_mut().unwrap().state = state;
            assert_eq!(worker.begin(Some(&pod), START), step);
            assert_eq!(worker.result(), Some(Failure));
        }
    }

    #[test]
    fn a_restarted_kubelet_leaves_older_containers_as_they_were() {
        let eleven = START + Duration::from_secs(11);
        let mut older = worker(ProbeType::Readiness).under_kubelet_since(eleven);
        assert_eq!(older.begin(Some(&running(1)), eleven), Step::Probe);
        assert_eq!(older.result(), None);
        let ten = START + Duration::from_secs(10);
        let mut younger = worker(ProbeType::Readiness).under_kubelet_since(ten);
        assert_eq!(younger.begin(Some(&running(1)), ten), Step::Probe);
        assert_eq!(younger.result(), Some(Failure));
    }
}
