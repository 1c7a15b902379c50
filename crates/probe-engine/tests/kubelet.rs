//! The worker and its ticker against the kubelet's own: `tests/oracle/kubelet` let the real `worker.run` of
//! k8s.io/kubernetes v1.36.3 play made-up scenarios in fake time and wrote down each `doProbe`. Here ours plays the
//! same, and has to be in the same state at the same millisecond each time.
#![expect(clippy::unwrap_used, reason = "a broken golden file is a failed test")]

use std::time::Duration;

use probe_engine::{
    ContainerState, ContainerView, PodView, ProbeResult, ProbeSpec, ProbeType, Step, Ticker, Worker,
};
use serde::Deserialize;

const GOLDEN: &str = include_str!("golden/kubelet-worker.jsonl");
/// Where the worker starts; the golden file counts from there.
const START: Duration = Duration::from_secs(1_000_000);

#[derive(Deserialize)]
struct Scenario {
    probe_type: ProbeType,
    period_seconds: u32,
    failure_threshold: u32,
    success_threshold: u32,
    initial_delay_seconds: u32,
    kubelet_started: i64,
    sidecar: bool,
    restart_policy: String,
    deleted_at: Option<i64>,
    containers: Vec<Container>,
    probes: Vec<String>,
    #[serde(default)]
    triggers: Vec<i64>,
    until: i64,
    steps: Vec<String>,
    ended_at: Option<i64>,
}

#[derive(Deserialize)]
struct Container {
    from: i64,
    #[serde(default)]
    id: u64,
    state: String,
    #[serde(default)]
    started_at: i64,
    started: bool,
}

/// One probe: `F120` is a failure after 120 ms, `E0` an error of the prober at once.
struct Scripted {
    busy: Duration,
    result: Option<ProbeResult>,
}

/// The worker's state when a step began, and whether the step came to probing: `3000 S2 F hold probe`.
#[derive(Debug, PartialEq)]
struct Seen {
    at: i64,
    last: Option<ProbeResult>,
    run: u32,
    cached: Option<ProbeResult>,
    hold: bool,
    probed: bool,
}

impl From<&str> for Scripted {
    fn from(text: &str) -> Self {
        let (letter, busy) = text.split_at(1);
        Self {
            busy: Duration::from_millis(busy.parse().unwrap()),
            result: result(letter),
        }
    }
}

impl From<&str> for Seen {
    fn from(text: &str) -> Self {
        let mut words = text.split(' ');
        let at = words.next().unwrap().parse().unwrap();
        let (last, run) = words.next().unwrap().split_at(1);
        let cached = words.next().unwrap();
        let flags: Vec<_> = words.collect();
        Self {
            at,
            last: result(last),
            run: run.parse().unwrap(),
            cached: result(cached),
            hold: flags.contains(&"hold"),
            probed: flags.contains(&"probe"),
        }
    }
}

fn result(letter: &str) -> Option<ProbeResult> {
    match letter {
        "U" => Some(ProbeResult::Unknown),
        "S" => Some(ProbeResult::Success),
        "F" => Some(ProbeResult::Failure),
        _ => None,
    }
}

fn moment(milliseconds: i64) -> Duration {
    let distance = Duration::from_millis(milliseconds.unsigned_abs());
    if milliseconds < 0 {
        START.saturating_sub(distance)
    } else {
        START + distance
    }
}

fn milliseconds(moment: Duration) -> i64 {
    i64::try_from(moment.checked_sub(START).unwrap().as_millis()).unwrap()
}

impl Scenario {
    fn view(&self, now: i64) -> PodView {
        let current = self
            .containers
            .iter()
            .rfind(|container| container.from <= now);
        let container = current.filter(|container| container.id != 0);
        PodView {
            finished: false,
            deleting: self.deleted_at.is_some_and(|deleted| now >= deleted),
            container: container.map(|container| ContainerView {
                id: container.id,
                state: match container.state.as_str() {
                    "running" => ContainerState::Running {
                        started_at: moment(container.started_at),
                    },
                    "waiting" => ContainerState::Waiting,
                    "terminated" => ContainerState::Terminated {
                        restarts: self.sidecar || self.restart_policy == "Always",
                    },
                    other => panic!("no such state: {other}"),
                },
                started: container.started,
            }),
        }
    }

    fn worker(&self) -> Worker {
        let spec = ProbeSpec {
            period_seconds: self.period_seconds,
            failure_threshold: self.failure_threshold,
            success_threshold: self.success_threshold,
            initial_delay_seconds: self.initial_delay_seconds,
            ..ProbeSpec::default()
        };
        let worker =
            Worker::new(self.probe_type, &spec).under_kubelet_since(moment(self.kubelet_started));
        if self.sidecar {
            worker.of_sidecar()
        } else {
            worker
        }
    }

    /// Ours, through the same surroundings.
    fn play(&self) -> (Vec<Seen>, Option<i64>) {
        let mut worker = self.worker();
        let mut ticker = Ticker::new(START, Duration::from_secs(self.period_seconds.into()));
        let mut probes = self.probes.iter().map(|text| Scripted::from(text.as_str()));
        let mut triggers = self.triggers.iter().copied().peekable();
        let mut steps = Vec::new();
        loop {
            if let Some(trigger) = triggers.next_if(|trigger| moment(*trigger) < ticker.due()) {
                ticker.trigger(moment(trigger));
            }
            let at = milliseconds(ticker.due());
            if at > self.until {
                return (steps, None);
            }
            let mut seen = Seen {
                at,
                last: Some(worker.last_result()),
                run: worker.result_run(),
                hold: worker.on_hold(),
                cached: worker.result(),
                probed: false,
            };
            let step = worker.begin(Some(&self.view(at)), ticker.due());
            let mut busy = Duration::ZERO;
            if step == Step::Probe {
                seen.probed = true;
                // The golden file has no more probes than the kubelet made: one too many is told by `probed`.
                if let Some(probe) = probes.next() {
                    busy = probe.busy;
                    if let Some(result) = probe.result {
                        worker.conclude(result);
                    }
                }
            }
            steps.push(seen);
            if step == Step::End {
                return (steps, Some(at));
            }
            ticker.advance(busy);
        }
    }
}

#[test]
fn the_worker_is_the_kubelets_step_by_step() {
    let (mut scenarios, mut steps, mut probes, mut holds, mut ends) = (0, 0, 0, 0, 0);
    for (line, text) in (1..).zip(GOLDEN.lines()) {
        let scenario: Scenario = serde_json::from_str(text).unwrap();
        let (ours, ended_at) = scenario.play();
        for (ours, theirs) in ours.iter().zip(&scenario.steps) {
            assert_eq!(*ours, Seen::from(theirs.as_str()), "scenario {line}");
        }
        assert_eq!(ours.len(), scenario.steps.len(), "scenario {line}");
        assert_eq!(ended_at, scenario.ended_at, "scenario {line}");
        scenarios += 1;
        steps += ours.len();
        probes += ours.iter().filter(|step| step.probed).count();
        holds += ours.iter().filter(|step| step.hold).count();
        ends += usize::from(ended_at.is_some());
    }
    println!(
        "{scenarios} scenarios, {steps} steps, {probes} probes, {holds} on hold, {ends} ended"
    );
    // A corpus in which nothing happens would prove nothing.
    assert!(scenarios >= 200 && probes > 1000 && holds > 500 && ends > 10);
}
