//! A scenario through our engine, into the same records as the oracle's.

mod answers;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use hpa_engine::{
    Architecture, Autoscaler, Controller, Decision, Gates, Memory, Minor, Moment, Path, Pod,
    Profile, Put, Rivals, Scale, ScaleFailure, Selector, Settings, Status, Sync,
};

use crate::native::{read, write};
use crate::scenario::{Metrics, Outcome, Proposed, Record, Scenario, Step};

/// The namespace that all of it plays in.
const NAMESPACE: &str = "default";
/// When a scenario begins: the start of a bubble in Go's `testing/synctest`.
pub const START: Moment = Moment::from_seconds(946_684_800);
/// The attempts of `retry.DefaultRetry`.
const ATTEMPTS: usize = 5;

/// A build of the controller: what it decides by besides its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// The version of Kubernetes that it was built from.
    pub minor: Minor,
    /// The processor that it was built for.
    pub architecture: Architecture,
}

/// For amd64.
impl From<Minor> for Build {
    fn from(minor: Minor) -> Self {
        Self {
            minor,
            architecture: Architecture::Amd64,
        }
    }
}

/// What the engine is handed at one step, for others to use.
pub struct Seen<'a> {
    /// The controller.
    pub controller: Controller,
    /// What it syncs.
    pub sync: Sync<'a>,
    /// The memory before.
    pub memory: &'a Memory,
}

/// The rules that a build plays a scenario by.
pub fn controller(scenario: &Scenario, build: Build) -> Controller {
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
        profile: Profile::new(build.minor, build.architecture, gates),
    }
}

/// Plays a scenario. The oracle's outcome tells when the scale was written, as repeated attempts take a random time.
pub fn play(
    scenario: &Scenario,
    build: impl Into<Build>,
    oracle: Option<&Outcome>,
) -> Result<Vec<Record>> {
    watch(scenario, build, oracle, |_, _| {})
}

/// The same, letting somebody look at each sync and its decision.
pub fn watch(
    scenario: &Scenario,
    build: impl Into<Build>,
    oracle: Option<&Outcome>,
    mut look: impl FnMut(&Seen<'_>, &Decision),
) -> Result<Vec<Record>> {
    let mut world = World {
        controller: controller(scenario, build.into()),
        now: START.after(std::time::Duration::from_nanos(scenario.begin)),
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
        let samples = answers::samples(autoscaler, &self.metrics)?;
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
        if let Some(remembered) = &step.memory {
            self.memories
                .insert(step.key.clone(), read::memory(remembered)?);
        }
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
        memory: write::memory(memory),
    }
}
