//! A scenario through our engine, into the same records as the oracle's.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use hpa_engine::{
    Architecture, Autoscaler, Controller, Decision, Gates, Memory, MetricIdentifier, MetricSource,
    Minor, Moment, ObjectReference, Path, Pod, Profile, Put, Quantity, Rivals, Samples, Scale,
    ScaleFailure, Selector, Settings, Status, Sync,
};
use serde_json::Value;

use crate::native::{read, write};
use crate::scenario::{Answer, Metrics, Outcome, Proposed, Record, Scenario, Step};

/// The namespace that all of it plays in.
const NAMESPACE: &str = "default";
/// When a scenario begins: the start of a bubble in Go's `testing/synctest`.
pub const START: Moment = Moment::from_seconds(946_684_800);
/// The attempts of `retry.DefaultRetry`.
const ATTEMPTS: usize = 5;

/// What the engine is handed at one step, for others to use.
pub struct Seen<'a> {
    /// The controller.
    pub controller: Controller,
    /// What it syncs.
    pub sync: Sync<'a>,
    /// The memory before.
    pub memory: &'a Memory,
}

/// The rules that a version plays a scenario by.
pub fn controller(scenario: &Scenario, minor: Minor) -> Controller {
    let gate = |name: &str| scenario.gates.get(name).copied();
    let gates = Gates {
        scale_to_zero: gate("HPAScaleToZero"),
        configurable_tolerance: gate("HPAConfigurableTolerance"),
        pod_level_resources: gate("PodLevelResources"),
        generation: gate("HPAGeneration"),
    };
    let flags = &scenario.settings;
    let duration = std::time::Duration::from_nanos;
    Controller {
        settings: Settings {
            downscale_stabilization: duration(flags.downscale_stabilization),
            tolerance: flags.tolerance,
            cpu_initialization: duration(flags.cpu_initialization),
            initial_readiness: duration(flags.initial_readiness),
            ..Settings::default()
        },
        profile: Profile::new(minor, Architecture::Amd64, gates),
    }
}

/// Plays a scenario. The oracle's outcome tells when the scale was written, as repeated attempts take a random time.
pub fn play(scenario: &Scenario, minor: Minor, oracle: Option<&Outcome>) -> Result<Vec<Record>> {
    watch(scenario, minor, oracle, |_, _| {})
}

/// The same, letting somebody look at each sync and its decision.
pub fn watch(
    scenario: &Scenario,
    minor: Minor,
    oracle: Option<&Outcome>,
    mut look: impl FnMut(&Seen<'_>, &Decision),
) -> Result<Vec<Record>> {
    let mut world = World {
        controller: controller(scenario, minor),
        now: START,
        ..World::default()
    };
    let mut records = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        let put_at = oracle.and_then(|outcome| {
            outcome
                .records
                .get(index)?
                .put
                .map(|_| outcome.records[index].put_at)
        });
        let record = world
            .step(step, scenario.follow, put_at, &mut look)
            .with_context(|| format!("{} step {index}", scenario.name))?;
        records.push(record);
    }
    Ok(records)
}

#[derive(Default)]
struct World {
    controller: Controller,
    now: Moment,
    autoscalers: BTreeMap<String, (Autoscaler, Status)>,
    memories: BTreeMap<String, Memory>,
    rivals: Rivals,
    scales: BTreeMap<String, Scale>,
    pods: Vec<Pod>,
    metrics: Metrics,
}

impl World {
    fn step(
        &mut self,
        step: &Step,
        follow: bool,
        put_at: Option<i64>,
        look: &mut impl FnMut(&Seen<'_>, &Decision),
    ) -> Result<Record> {
        self.now = self.now.after(std::time::Duration::from_nanos(step.after));
        self.change(step, follow)?;
        let Some((autoscaler, status)) = self.autoscalers.get(&step.key) else {
            self.memories.remove(&step.key);
            return Ok(Record::default());
        };
        let samples = samples(autoscaler, &self.metrics)?;
        let scale = self.scale(autoscaler, &step.get_error);
        let selector = scale
            .as_ref()
            .ok()
            .map(|scale| scale.selector.parse::<Selector>());
        let selector = selector.and_then(Result::ok);
        let pods: Vec<&Pod> = self
            .pods
            .iter()
            .filter(|pod| selector.as_ref().is_some_and(|it| it.matches(&pod.labels)))
            .collect();
        let at = put_at.map_or(self.now, Moment::from_nanoseconds);
        let put = self.put(autoscaler, &step.put_errors, at);
        let sync = Sync {
            autoscaler,
            status,
            scale: scale.as_ref(),
            pods: &pods,
            samples: &samples,
            put: &put,
            now: self.now,
        };
        let memory = self.memories.entry(step.key.clone()).or_default();
        let before = memory.clone();
        let decision = self.controller.sync(&sync, memory, &mut self.rivals);
        let seen = Seen {
            controller: self.controller,
            sync,
            memory: &before,
        };
        look(&seen, &decision);
        let record = record(&decision, memory, at);
        if let Some(rescale) = &decision.rescale {
            self.now = at;
            let target = autoscaler.spec.target.name.clone();
            if rescale.done
                && let Some(scale) = self.scales.get_mut(&target)
            {
                scale.replicas = rescale.to;
            }
        }
        if let Some((_, status)) = self.autoscalers.get_mut(&step.key) {
            *status = decision.status;
        }
        Ok(record)
    }

    fn change(&mut self, step: &Step, follow: bool) -> Result<()> {
        if step.delete {
            self.autoscalers.remove(&step.key);
            self.rivals.forget(NAMESPACE, &step.key);
        } else if let Some(value) = &step.hpa {
            let autoscaler = read::autoscaler(NAMESPACE, &step.key, value)?;
            self.rivals.register(NAMESPACE, &step.key);
            let status = self.autoscalers.remove(&step.key).map(|(_, status)| status);
            let status = match status {
                Some(status) => status,
                None => read::status(&value["status"])?,
            };
            self.autoscalers
                .insert(step.key.clone(), (autoscaler, status));
        }
        if let (Some(value), Some((_, status))) =
            (&step.status, self.autoscalers.get_mut(&step.key))
        {
            *status = read::status(value)?;
        }
        if follow {
            for scale in self.scales.values_mut() {
                scale.reported_replicas = scale.replicas;
            }
        }
        if let Some(value) = &step.scale {
            let name = value["metadata"]["name"].as_str().unwrap_or_default();
            self.scales.insert(name.to_owned(), read::scale(value)?);
        }
        if let Some(pods) = &step.pods {
            self.pods = pods.iter().map(read::pod).collect::<Result<_>>()?;
        }
        if let Some(metrics) = &step.metrics {
            self.metrics = metrics.clone();
        }
        Ok(())
    }

    /// As the oracle's mapper and its scales answer.
    fn scale(&self, autoscaler: &Autoscaler, error: &str) -> Result<Scale, ScaleFailure> {
        let target = &autoscaler.spec.target;
        let group = target
            .api_version
            .split_once('/')
            .map_or("", |(group, _)| group);
        let known = matches!(
            (group, &*target.kind),
            ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") | ("", "ReplicationController")
        );
        if !known {
            let kind = &target.kind;
            let text = format!("no matches for {group}/, Resource={kind}");
            return Err(ScaleFailure::Kind(text));
        }
        if !error.is_empty() {
            return Err(ScaleFailure::Get(error.to_owned()));
        }
        let scale = self.scales.get(&target.name).cloned();
        scale.ok_or_else(|| {
            ScaleFailure::Get(format!("deployments.apps {:?} not found", target.name))
        })
    }

    /// What comes of writing the scale, tried as often as the version tries.
    fn put(&self, autoscaler: &Autoscaler, errors: &[String], at: Moment) -> Put {
        let attempts = if self.controller.profile.put_retried {
            ATTEMPTS
        } else {
            1
        };
        let conflict = || {
            let name = &autoscaler.spec.target.name;
            let resource = match &*autoscaler.spec.target.kind {
                "ReplicationController" => "replicationcontrollers".to_owned(),
                kind => format!("{}s.apps", kind.to_lowercase()),
            };
            let text = "the object has been modified";
            format!("Operation cannot be fulfilled on {resource} {name:?}: {text}")
        };
        let mut tries = errors.iter().take(attempts).enumerate();
        let ending = tries.find(|(index, error)| *error != "conflict" || index + 1 == attempts);
        match ending {
            None => Put::Done(at),
            Some((_, error)) if error == "conflict" => Put::Failed(at, conflict()),
            Some((_, error)) => Put::Failed(at, error.clone()),
        }
    }
}

fn answered<T>(
    answer: &Answer,
    of: impl Fn(&Value) -> Result<T>,
) -> Result<Result<Vec<T>, String>> {
    if !answer.error.is_empty() {
        return Ok(Err(answer.error.clone()));
    }
    let items = answer.items.iter().map(of).collect::<Result<_>>()?;
    Ok(Ok(items))
}

fn the_only(mut values: Vec<Quantity>) -> Result<Quantity, String> {
    let count = values.len();
    values.pop().filter(|_| count == 1).ok_or_else(|| {
        format!(
            "the custom metrics API server returned {count} results when we asked for exactly one"
        )
    })
}

fn no_object_metric(metric: &MetricIdentifier, described: &ObjectReference) -> String {
    let ObjectReference {
        api_version,
        kind,
        name,
        ..
    } = described;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let dot = if group.is_empty() { "" } else { "." };
    // The controller asks for its own namespace, whichever is named.
    let name = match (group, &**kind) {
        ("", "Namespace") => NAMESPACE,
        _ => name,
    };
    let metric = &metric.name;
    format!("the server could not find the metric {metric} for {kind}{dot}{group} {name}")
}

/// What the autoscaler's metrics are answered, in the oracle's words where there is no answer.
fn samples(autoscaler: &Autoscaler, metrics: &Metrics) -> Result<Samples> {
    let mut samples = Samples::default();
    for spec in &autoscaler.spec.metrics {
        match &spec.source {
            MetricSource::Resource { .. } | MetricSource::ContainerResource { .. } => {
                samples.resource = Some(match &metrics.resource {
                    Some(answer) => answered(answer, read::pod_usage)?,
                    None => Err("the server could not find the requested resource".to_owned()),
                });
            }
            MetricSource::Pods { metric } => {
                let answer = match metrics.pods.get(&metric.name) {
                    Some(answer) => answered(answer, read::pod_value)?,
                    None => Err(format!(
                        "the server could not find the metric {} for Pod",
                        metric.name
                    )),
                };
                samples.pods.push((metric.clone(), answer));
            }
            MetricSource::Object { metric, described } => {
                let answer = match metrics.objects.get(&metric.name) {
                    Some(answer) => answered(answer, read::value)?.and_then(the_only),
                    None => Err(no_object_metric(metric, described)),
                };
                samples
                    .objects
                    .push((metric.clone(), described.clone(), answer));
            }
            MetricSource::External { metric } => {
                let answer = match metrics.external.get(&metric.name) {
                    Some(answer) => answered(answer, read::value)?,
                    None => Err(format!(
                        "the server could not find the metric {}",
                        metric.name
                    )),
                };
                samples.external.push((metric.clone(), answer));
            }
            MetricSource::Unknown { .. } => {}
        }
    }
    Ok(samples)
}

fn record(decision: &Decision, memory: &Memory, at: Moment) -> Record {
    let selected = decision
        .selected
        .and_then(|index| decision.proposals.get(index));
    // The controller tells its wish only when it goes on with it.
    let told = decision.path == Path::Metrics;
    let proposals = decision.proposals.iter().map(|proposal| match proposal {
        Ok(proposal) => Proposed {
            replicas: proposal.replicas,
            name: proposal.name.clone(),
            error: String::new(),
        },
        Err(failure) => Proposed {
            error: failure.error.clone(),
            ..Proposed::default()
        },
    });
    let events = decision.events.iter().map(|event| {
        let kind = if event.warning { "Warning" } else { "Normal" };
        [
            kind.to_owned(),
            event.reason.to_string(),
            event.message.clone(),
        ]
    });
    let scaled = |events: &[hpa_engine::ScaleEvent]| {
        let events = events.iter();
        events
            .map(|it| [it.change.into(), it.at.nanoseconds(), it.outdated.into()])
            .collect()
    };
    Record {
        error: decision.error.clone().unwrap_or_default(),
        wish: decision.wish.filter(|_| told),
        metric: match selected {
            Some(Ok(proposal)) if told => proposal.name.clone(),
            _ => String::new(),
        },
        proposals: proposals.filter(|_| told).collect(),
        took: 0,
        put: decision.rescale.as_ref().map(|rescale| rescale.to),
        put_at: decision.rescale.as_ref().map_or(0, |_| at.nanoseconds()),
        written: decision.written,
        status: Some(write::status(&decision.status)),
        events: events.collect(),
        recommendations: memory
            .recommendations
            .iter()
            .map(|it| [it.replicas.into(), it.at.nanoseconds()])
            .collect(),
        ups: scaled(&memory.ups),
        downs: scaled(&memory.downs),
    }
}
