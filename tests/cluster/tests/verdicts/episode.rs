//! Budgets and scripts: what goes wrong with a pod, and for how long.

use std::thread::sleep;
use std::time::Duration;

use cluster_tests::page::Page;
use cluster_tests::set_faults;
use serde_json::{Value, json};

/// `timeoutSeconds`, `periodSeconds`, `failureThreshold`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) timeout: u32,
    pub(crate) period: u32,
    pub(crate) threshold: u32,
}

/// Which probe a pod has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Liveness,
    Readiness,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// Answers take longer than usual, and less than half of the budget: a busy machine adds some.
    Below,
    /// Silent for one failure less than the threshold.
    NearMiss,
    /// Answers take longer than the budget.
    SlowAnswer,
    /// SETTINGS take longer than the budget.
    SlowSettings,
    /// Silent.
    Hang,
    /// Another answer than SERVING.
    NotServing,
    /// Nothing listens.
    Refused,
    /// Answers take the budget, give or take: each attempt is a toss.
    AtBudget,
    /// Silent for nearly a threshold's worth of periods: whether that is enough depends on the phase of the tick.
    AtThreshold,
}

/// One pod's fate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Episode {
    pub(crate) budget: Budget,
    pub(crate) probe: Probe,
    pub(crate) script: Script,
}

/// What is known of a pod at one time.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    restarts: f64,
    ready_since: String,
    lower: f64,
    upper: f64,
}

/// Kills or turns to unready: the kubelet's, and the exporter's bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) observed: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

const BUDGETS: [Budget; 6] = [
    Budget::new(1, 1, 3),
    Budget::new(1, 2, 2),
    Budget::new(1, 2, 3),
    Budget::new(2, 2, 2),
    Budget::new(1, 3, 1),
    Budget::new(2, 3, 3),
];

const LIVENESS: [Script; 9] = [
    Script::Below,
    Script::NearMiss,
    Script::SlowAnswer,
    Script::SlowSettings,
    Script::Hang,
    Script::NotServing,
    Script::Refused,
    Script::AtBudget,
    Script::AtThreshold,
];

const READINESS: [Script; 3] = [Script::Below, Script::NearMiss, Script::NotServing];

/// All of them.
pub(crate) fn episodes() -> Vec<Episode> {
    let of = |probe, scripts: &'static [Script]| {
        BUDGETS.into_iter().flat_map(move |budget| {
            scripts.iter().map(move |&script| Episode {
                budget,
                probe,
                script,
            })
        })
    };
    of(Probe::Liveness, &LIVENESS)
        .chain(of(Probe::Readiness, &READINESS))
        // With a threshold of one there is no failure short of it.
        .filter(|episode| episode.budget.threshold > 1 || episode.script != Script::NearMiss)
        .collect()
}

impl Budget {
    const fn new(timeout: u32, period: u32, threshold: u32) -> Self {
        Self {
            timeout,
            period,
            threshold,
        }
    }
}

impl Script {
    /// Whether no exporter can know what the kubelet's own attempts gave, or where its ticks are.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::AtBudget | Self::AtThreshold)
    }

    fn faults(self, timeout: u32) -> Value {
        let milliseconds = timeout * 1000;
        match self {
            Self::Below => json!({"rpc_delay_ms": milliseconds * 3 / 10}),
            Self::NearMiss | Self::Hang | Self::AtThreshold => json!({"silent": true}),
            Self::SlowAnswer => json!({"rpc_delay_ms": milliseconds + 300}),
            Self::SlowSettings => json!({"settings_delay_ms": milliseconds + 300}),
            Self::NotServing => json!({"health": "not_serving"}),
            Self::Refused => json!({"refuse": true}),
            Self::AtBudget => json!({"rpc_delay_ms": milliseconds - 2}),
        }
    }

    fn length(self, budget: Budget) -> Duration {
        let period = Duration::from_secs(budget.period.into());
        let grain = Duration::from_millis(300);
        match self {
            Self::NearMiss => (period * (budget.threshold - 1)).saturating_sub(grain),
            Self::AtThreshold => (period * budget.threshold).saturating_sub(grain),
            _ => period * (budget.threshold + 3),
        }
    }
}

impl Episode {
    /// The pod's name.
    pub(crate) fn name(&self) -> String {
        let Budget {
            timeout,
            period,
            threshold,
        } = self.budget;
        format!(
            "{:?}-{:?}-{timeout}-{period}-{threshold}",
            self.probe, self.script
        )
        .to_lowercase()
    }

    /// The pod.
    pub(crate) fn pod(&self) -> Value {
        let Budget {
            timeout,
            period,
            threshold,
        } = self.budget;
        let probe = json!({
            "grpc": {"port": 50051},
            "initialDelaySeconds": 2,
            "timeoutSeconds": timeout,
            "periodSeconds": period,
            "failureThreshold": threshold,
        });
        let which = match self.probe {
            Probe::Liveness => "livenessProbe",
            Probe::Readiness => "readinessProbe",
        };
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name(), "namespace": "sre-demo", "labels": {"app": "episode"}},
            "spec": {
                "terminationGracePeriodSeconds": 2,
                "containers": [{
                    "name": "server",
                    "image": "sidelights/shop:lab",
                    "imagePullPolicy": "Never",
                    "args": ["--role=paymentservice", "--listen=0.0.0.0:50051", "--admin=0.0.0.0:9610"],
                    which: probe,
                }],
            },
        })
    }

    /// Lets it go wrong, and then well again. A container that was killed meanwhile is new and has nothing wrong with it.
    pub(crate) fn play(&self, address: &str) {
        let faults = self.script.faults(self.budget.timeout).to_string();
        set_faults(address, &faults).unwrap_or_else(|error| panic!("{}: {error:#}", self.name()));
        sleep(self.script.length(self.budget));
        // Refused while a container is being replaced, and then there is nothing to clear.
        let _ = set_faults(address, "{}");
    }
}

impl Seen {
    /// What has become of a pod so far.
    pub(crate) fn read(episode: &Episode, pod: &Value, page: &Page) -> Self {
        let name = episode.name();
        let metric = match episode.probe {
            Probe::Liveness => "grpc_probe_predicted_kills_total",
            Probe::Readiness => "grpc_probe_predicted_unready_total",
        };
        let count = |bound| {
            page.sum(metric, &[("pod", &name), ("bound", bound)])
                .unwrap_or_default()
        };
        let conditions = pod["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        let ready = conditions.find(|condition| condition["type"] == "Ready");
        Self {
            restarts: pod["status"]["containerStatuses"][0]["restartCount"]
                .as_f64()
                .unwrap_or_default(),
            ready_since: ready
                .map(|ready| ready["lastTransitionTime"].to_string())
                .unwrap_or_default(),
            lower: count("lower"),
            upper: count("upper"),
        }
    }
}

impl Outcome {
    /// What came of an episode between two looks.
    pub(crate) fn between(episode: &Episode, before: &Seen, after: &Seen) -> Self {
        Self {
            observed: match episode.probe {
                Probe::Liveness => after.restarts - before.restarts,
                // The API keeps the time of the last turn only: there and back again look like one, and an episode has no more.
                Probe::Readiness => f64::from(u8::from(after.ready_since != before.ready_since)),
            },
            lower: after.lower - before.lower,
            upper: after.upper - before.upper,
        }
    }
}
