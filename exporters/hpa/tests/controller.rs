//! The exporter beside the controller's own code: over the golden corpus that `tests/oracle/hpa` let the real `HorizontalController` write,
//! each status goes in as a watch would bring it, and the exporter's self-check says what it makes of it.
//!
//! In the corpus pods of any age are without a metric, metrics are of pods that are not there, and containers of metrics that no pod has, as
//! it comes: none of that can be seen in a status, and no cluster is like it. So the check may disagree now and then, and has to agree
//! nearly always.

#![expect(clippy::unwrap_used, reason = "a broken golden file is a failed test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hpa_engine::{ConditionKind, Controller, Moment, Scale};
use hpa_exporter::config::controller::Gate;
use hpa_exporter::config::{ControllerArgs, Seen};
use hpa_exporter::decide::Decider;
use hpa_exporter::decide::check::{Verdict, differences};
use hpa_exporter::decide::kept::Mismatch;
use hpa_exporter::model::Model;
use hpa_exporter::model::autoscaler::Observed;
use hpa_exporter::model::target::{Deployment, ReplicaSet, StatefulSet, Target};
use hpa_exporter::recording::{self, Film, Line};
use hpa_exporter::watch;
use hpa_oracle::corpus;
use hpa_oracle::play::START;
use hpa_oracle::scenario::{Metrics, Outcome, Scenario, Step};
use kube_watch::{Index, ObjectKey};
use serde_json::{Value, json};

const CORPUS: &[u8] =
    include_bytes!("../../../crates/hpa-engine/tests/golden/controller-1.36.jsonl.gz");
const NAMESPACE: &str = "default";

/// A cluster as a scenario describes it, as far as the exporter sees it.
struct Cluster {
    model: Model,
    decider: Decider,
    now: Moment,
    autoscalers: BTreeMap<String, Value>,
    scales: BTreeMap<String, Value>,
    metrics: Metrics,
    pods: Vec<Value>,
}

/// How often each verdict was reached.
#[derive(Debug, Default)]
struct Counts {
    verdicts: BTreeMap<&'static str, u64>,
    told: Vec<String>,
    /// Of the kept mismatches, those that do not come out again from what was kept.
    lost: Vec<String>,
    /// Syncs that were recorded, and those of them that begin anew.
    recorded: (usize, usize),
    /// Recorded syncs that a replay of the recording decides otherwise.
    astray: Vec<String>,
}

impl Cluster {
    fn new(scenario: &Scenario) -> Self {
        let flags = &scenario.settings;
        let duration = |nanoseconds| Some(Duration::from_nanos(nanoseconds));
        let gates = scenario.gates.iter();
        let args = ControllerArgs {
            tolerance: Some(flags.tolerance),
            downscale_stabilization: duration(flags.downscale_stabilization),
            cpu_initialization: duration(flags.cpu_initialization),
            initial_readiness: duration(flags.initial_readiness),
            // Syncs are as far apart as the scenario says: none is to be assumed.
            sync_period: Some(Duration::from_hours(10_000)),
            gates: gates.map(|(name, on)| Gate(name.clone(), *on)).collect(),
            ..ControllerArgs::default()
        };
        let mut model = Model::default();
        Index::<Observed>::reset(&mut model, None, Vec::new());
        Self {
            model,
            decider: Decider::new(args.known(Seen::default()).unwrap()).recording(),
            now: START,
            autoscalers: BTreeMap::new(),
            scales: BTreeMap::new(),
            metrics: Metrics::default(),
            pods: Vec::new(),
        }
    }

    fn play(&mut self, scenario: &Scenario, outcome: &Outcome) {
        for (step, record) in scenario.steps.iter().zip(&outcome.records) {
            self.now = self.now.after(Duration::from_nanos(step.after));
            self.change(step, scenario.follow);
            let Some(written) = &record.status else {
                continue;
            };
            let Some(object) = self.autoscalers.get_mut(&step.key) else {
                continue;
            };
            object["status"] = written.clone();
            self.observe(&step.key);
            let at = record
                .put
                .map_or(self.now, |_| Moment::from_nanoseconds(record.put_at));
            self.decider.settle(&mut self.model, self.now);
            self.now = at;
            let rescaled = written["lastScaleTime"].is_string() && record.put.is_some();
            if rescaled && !record.error.contains("failed to rescale") {
                self.scaled(&step.key, record.put.unwrap_or_default());
            }
        }
        // What is disputed is resolved once a second has passed.
        let later = self.now.after(Duration::from_secs(3));
        self.decider.decide(&mut self.model, later);
    }

    fn change(&mut self, step: &Step, follow: bool) {
        if step.delete {
            self.autoscalers.remove(&step.key);
            let key = ObjectKey::new(NAMESPACE, &*step.key);
            Index::<Observed>::delete(&mut self.model, &key);
        } else if let Some(object) = &step.hpa {
            let mut object = object.clone();
            object["metadata"] = json!({"name": step.key, "namespace": NAMESPACE, "generation": object["metadata"]["generation"]});
            if let Some(known) = self.autoscalers.get(&step.key) {
                object["status"] = known["status"].clone();
            }
            self.autoscalers.insert(step.key.clone(), object);
        }
        if let (Some(status), Some(object)) = (&step.status, self.autoscalers.get_mut(&step.key)) {
            object["status"] = status.clone();
        }
        if follow {
            for scale in self.scales.values_mut() {
                scale["status"]["replicas"] = scale["spec"]["replicas"].clone();
            }
        }
        if let Some(scale) = &step.scale {
            let name = scale["metadata"]["name"].as_str().unwrap_or_default();
            self.scales.insert(name.to_owned(), scale.clone());
        }
        if let Some(pods) = &step.pods {
            self.pods.clone_from(pods);
            let pods = pods.iter().cloned().map(|mut pod| {
                pod["metadata"]["namespace"] = json!(NAMESPACE);
                let mut placed = watch::pod(serde_json::from_value(pod).unwrap());
                // They came long before; only how they are counts here.
                placed.seen = START;
                Arc::new(placed)
            });
            Index::reset(&mut self.model, None, pods.collect());
        }
        if let Some(metrics) = &step.metrics {
            self.metrics = metrics.clone();
        }
        self.targets();
        if self.autoscalers.contains_key(&step.key) {
            self.observe(&step.key);
        }
        self.decider.hear(&mut self.model, self.now);
    }

    fn targets(&mut self) {
        let now = self.now;
        let scale = |value: &Value| Scale {
            replicas: value["spec"]["replicas"]
                .as_i64()
                .unwrap_or(0)
                .try_into()
                .unwrap(),
            reported_replicas: value["status"]["replicas"]
                .as_i64()
                .unwrap_or(0)
                .try_into()
                .unwrap(),
            selector: value["status"]["selector"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        let all = || {
            self.scales
                .iter()
                .map(|(name, value)| (ObjectKey::new(NAMESPACE, name), scale(value)))
        };
        Index::<Target<Deployment>>::reset(
            &mut self.model,
            None,
            all()
                .map(|(key, scale)| Target::new(now, key, scale, false))
                .collect(),
        );
        Index::<Target<StatefulSet>>::reset(
            &mut self.model,
            None,
            all()
                .map(|(key, scale)| Target::new(now, key, scale, false))
                .collect(),
        );
        Index::<Target<ReplicaSet>>::reset(
            &mut self.model,
            None,
            all()
                .map(|(key, scale)| Target::new(now, key, scale, false))
                .collect(),
        );
    }

    fn observe(&mut self, key: &str) {
        let object = self.autoscalers[key].clone();
        let mut observed = watch::autoscaler(serde_json::from_value(object).unwrap());
        observed.seen = self.now;
        self.model.apply(observed);
    }

    fn scaled(&mut self, key: &str, replicas: i32) {
        let target = &self.autoscalers[key]["spec"]["scaleTargetRef"]["name"];
        let target = target.as_str().unwrap_or_default();
        if let Some(scale) = self.scales.get_mut(target) {
            scale["spec"]["replicas"] = json!(replicas);
        }
    }
}

fn count() -> Counts {
    let mut counts = Counts::default();
    for (scenario, outcome) in corpus::read(CORPUS).unwrap() {
        let mut cluster = Cluster::new(&scenario);
        cluster.play(&scenario, &outcome);
        let found = cluster.decider.decide(&mut cluster.model, cluster.now);
        for finding in &found.autoscalers {
            for (verdict, times) in Verdict::ALL.iter().zip(finding.tally.checks) {
                *counts.verdicts.entry(verdict.as_str()).or_default() += times;
            }
        }
        let lines = cluster.decider.take_recorded();
        let anew = lines.iter().filter(|(_, line)| line.before.is_some());
        counts.recorded.0 += lines.len();
        counts.recorded.1 += anew.count();
        counts.astray.extend(astray(&lines));
        for mismatch in found.mismatches.iter() {
            if !comes_out_again(mismatch) {
                counts.lost.push(scenario.name.clone());
            }
            counts.told.push(format!(
                "{}: {:?}",
                scenario.name, mismatch.line.differences
            ));
        }
    }
    counts
}

/// Writes a recording and reads it back: every sync that is decided otherwise by a replay.
fn astray(lines: &[(Controller, Line)]) -> Vec<String> {
    let text = recording::write(lines.iter().map(|(controller, line)| (controller, line)));
    let text = text.unwrap();
    let Ok(recording) = recording::read(&text) else {
        assert!(lines.is_empty(), "{text}");
        return Vec::new();
    };
    let replay = |film: &Film| film.controller.replay(&film.before, &film.syncs);
    let mut decisions: BTreeMap<_, _> = recording
        .autoscalers
        .iter()
        .map(|(name, films)| (name.clone(), films.iter().flat_map(replay)))
        .collect();
    let mut astray = Vec::new();
    for (_, line) in lines {
        let autoscaler = &line.sync.autoscaler;
        let key = format!("{}/{}", autoscaler.namespace, autoscaler.name);
        let decision = decisions.get_mut(&key).and_then(Iterator::next).unwrap();
        let written = line.observed.as_ref().unwrap();
        // Rivals are in no recording.
        let active = written.condition(ConditionKind::ScalingActive);
        let rivals = active.is_some_and(|it| it.reason == "AmbiguousSelector");
        let found = differences(written, &decision.status);
        if found != line.differences && !rivals {
            astray.push(format!("{key}: {found:?}, not {:?}", line.differences));
        }
    }
    astray
}

/// Whether a mismatch, written down and read back, is decided again with the same differences.
fn comes_out_again(mismatch: &Mismatch) -> bool {
    let Mismatch { controller, line } = mismatch;
    let written = recording::write([(controller, line)]).unwrap();
    let read = recording::read(&written).unwrap();
    let [film] = read.autoscalers.values().next().unwrap().as_slice() else {
        return false;
    };
    let decisions = film.controller.replay(&film.before, &film.syncs);
    let again = differences(line.observed.as_ref().unwrap(), &decisions[0].status);
    again == line.differences && !again.is_empty()
}

#[test]
fn the_self_check_agrees_with_the_controllers_own_statuses() {
    let all = count();
    println!("{:#?}", all.verdicts);
    assert_eq!(all.lost, [""; 0], "of {}", all.told.len());
    let (recorded, anew) = all.recorded;
    println!("recorded {recorded}, of which {anew} begin anew");
    assert_eq!(all.astray, [""; 0], "of {recorded}");
    assert!(
        recorded > 4900 && anew * 2 < recorded,
        "{anew} of {recorded} begin anew"
    );
    for told in all.told.iter().take(40) {
        println!("{told}");
    }
    let (agreed, disagreed) = (all.verdicts["match"], all.verdicts["mismatch"]);
    assert!(
        agreed > 4900 && disagreed * 18 < agreed,
        "{agreed} {disagreed}"
    );
}
