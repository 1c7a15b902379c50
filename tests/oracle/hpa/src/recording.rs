//! A recording of `hpa-exporter`, such as its `/mismatches`, as scenarios: what the controller's own code makes of what the exporter saw.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use hpa_engine::{
    Before, MetricSource, Profile, Put, Recorded, Samples, ScaleFailure, Settings, Status,
};
use serde::Deserialize;
use serde_json::Value;

use crate::native::{read, write};
use crate::play::{Build, START};
use crate::scenario::{Answer, Flags, Metrics, Record, Scenario, Step};

/// A head, as `exporters/hpa/src/recording.rs` writes it.
#[derive(Deserialize)]
struct Head {
    settings: Settings,
    profile: Profile,
}

/// A sync, as it is written there.
#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    sync: Recorded,
    before: Option<Before>,
    observed: Option<Status>,
}

/// Syncs of one autoscaler of which each follows from the one before.
#[derive(Debug)]
pub struct Film {
    /// `NAMESPACE/NAME`.
    pub autoscaler: String,
    /// What it was recorded of.
    pub build: Build,
    /// To be played.
    pub scenario: Scenario,
    /// What was written at each step, where that was seen.
    pub observed: Vec<Option<Status>>,
    /// The time of the last step.
    end: i64,
}

/// Reads a recording.
pub fn read(text: &str) -> Result<Vec<Film>> {
    let mut head: Option<Head> = None;
    let mut films: Vec<Film> = Vec::new();
    for (number, text) in (1..).zip(text.lines()) {
        let at = || format!("line {number}");
        let value: Value = serde_json::from_str(text).with_context(at)?;
        if value.get("recording").is_some() {
            ensure!(
                value["recording"] == "hpa-exporter" && value["version"] == 1,
                "line {number}: not the head of a recording that is known here"
            );
            head = Some(serde_json::from_value(value).with_context(at)?);
            films.iter_mut().for_each(Film::close);
            continue;
        }
        let line: Line = serde_json::from_value(value).with_context(at)?;
        let head = head.as_ref().context("line 1: no head")?;
        add(&mut films, head, line).with_context(at)?;
    }
    Ok(films)
}

fn add(films: &mut Vec<Film>, head: &Head, line: Line) -> Result<()> {
    let Line {
        sync,
        before,
        observed,
    } = line;
    let name = format!("{}/{}", sync.autoscaler.namespace, sync.autoscaler.name);
    let now = sync.now.nanoseconds();
    let last = films.iter().rev().find(|film| film.autoscaler == name);
    let goes_on = last.is_some_and(|film| before.is_none() && film.end != CLOSED);
    if !goes_on {
        films.push(Film::new(&name, head, now)?);
    }
    let last = films.iter_mut().rev().find(|film| film.autoscaler == name);
    let film = last.context("a film")?;
    let after = u64::try_from(now - film.end).context("before the time of the line before")?;
    film.end = now;
    film.scenario.steps.push(step(&sync, before, after)?);
    film.observed.push(observed);
    Ok(())
}

/// The end of a film that goes on no more.
const CLOSED: i64 = i64::MIN;

impl Film {
    /// One that begins at a time.
    fn new(autoscaler: &str, head: &Head, at: i64) -> Result<Self> {
        let begin = at - START.nanoseconds();
        Ok(Self {
            autoscaler: autoscaler.to_owned(),
            build: Build {
                minor: head.profile.minor,
                architecture: head.profile.architecture,
            },
            scenario: Scenario {
                name: autoscaler.to_owned(),
                begin: u64::try_from(begin).context("before the year 2000")?,
                settings: flags(&head.settings),
                gates: gates(&head.profile),
                ..Scenario::default()
            },
            observed: Vec::new(),
            end: at,
        })
    }

    fn close(&mut self) {
        self.end = CLOSED;
    }

    /// Where what was written is not what the controller's own code decides by what was recorded: each field with both.
    pub fn unlike(&self, records: &[Record]) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (observed, record) in self.observed.iter().zip(records) {
            let (Some(observed), Some(decided)) = (observed, &record.status) else {
                continue;
            };
            let decided = read::status(decided)?;
            let told = |status: &Status| {
                let conditions = status.conditions.iter();
                let conditions: Vec<_> = conditions
                    .map(|it| format!("{:?} {:?} {}", it.kind, it.status, it.reason))
                    .collect();
                format!("{} ({})", status.desired_replicas, conditions.join(", "))
            };
            let (written, decided) = (told(observed), told(&decided));
            if written != decided {
                found.push(format!("written {written}, decided {decided}"));
            }
        }
        Ok(found)
    }
}

fn flags(settings: &Settings) -> Flags {
    let nanoseconds =
        |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    Flags {
        tolerance: settings.tolerance,
        downscale_stabilization: nanoseconds(settings.downscale_stabilization),
        cpu_initialization: nanoseconds(settings.cpu_initialization),
        initial_readiness: nanoseconds(settings.initial_readiness),
    }
}

fn gates(profile: &Profile) -> BTreeMap<String, bool> {
    let gates = [
        ("HPAConfigurableTolerance", profile.configurable_tolerance),
        ("HPAGeneration", profile.observed_generation),
        ("HPAScaleToZero", profile.scale_to_zero),
        ("PodLevelResources", profile.pod_level_requests),
    ];
    gates.map(|(name, on)| (name.to_owned(), on)).into()
}

fn step(sync: &Recorded, before: Option<Before>, after: u64) -> Result<Step> {
    let target = &sync.autoscaler.spec.target;
    let (scale, get_error) = match &sync.scale {
        Ok(scale) => (Some(write::scale(&target.name, scale)), String::new()),
        Err(ScaleFailure::Get(text)) => (None, text.clone()),
        // The oracle knows no kind but its own, so that it fails there by itself.
        Err(ScaleFailure::Kind(_)) => (None, String::new()),
    };
    let put_errors = match &sync.put {
        Put::Failed(_, text) => vec![text.clone()],
        Put::Done(_) | Put::Withheld => Vec::new(),
    };
    Ok(Step {
        after,
        key: sync.autoscaler.name.clone(),
        hpa: Some(write::autoscaler(&sync.autoscaler)),
        status: before
            .as_ref()
            .map(|before| write::whole_status(&before.status)),
        scale,
        pods: Some(sync.pods.iter().map(write::pod).collect()),
        metrics: Some(metrics(sync)?),
        memory: before.map(|before| write::memory(&before.memory)),
        get_error,
        put_errors,
        ..Step::default()
    })
}

/// The answers by name: two metrics that only their selectors tell apart are more than a scenario can hold.
fn metrics(sync: &Recorded) -> Result<Metrics> {
    let mut names: Vec<&str> = Vec::new();
    for spec in &sync.autoscaler.spec.metrics {
        if let MetricSource::Pods { metric }
        | MetricSource::Object { metric, .. }
        | MetricSource::External { metric } = &spec.source
        {
            ensure!(
                !names.contains(&&*metric.name),
                "two metrics are called {}",
                metric.name
            );
            names.push(&metric.name);
        }
    }
    let Samples {
        resource,
        pods,
        objects,
        external,
    } = &sync.samples;
    Ok(Metrics {
        resource: resource
            .as_ref()
            .map(|answered| answer(answered, write::pod_usage)),
        pods: pods
            .iter()
            .map(|(metric, answered)| (metric.name.clone(), answer(answered, write::pod_value)))
            .collect(),
        objects: objects
            .iter()
            .map(|(metric, _, answered)| {
                let one = answered.clone().map(|it| vec![it]);
                (metric.name.clone(), answer(&one, write::value))
            })
            .collect(),
        external: external
            .iter()
            .map(|(metric, answered)| (metric.name.clone(), answer(answered, write::value)))
            .collect(),
    })
}

fn answer<T>(answered: &Result<Vec<T>, String>, written: impl Fn(&T) -> Value) -> Answer {
    match answered {
        Ok(items) => Answer {
            items: items.iter().map(written).collect(),
            error: String::new(),
        },
        Err(error) => Answer {
            items: Vec::new(),
            error: error.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use hpa_engine::{Controller, Minor};
    use serde_json::json;

    use super::*;
    use crate::corpus;
    use crate::play::{play, watch};
    use crate::scenario::Outcome;

    const CORPUS: &[u8] =
        include_bytes!("../../../../crates/hpa-engine/tests/golden/controller-1.36.jsonl.gz");

    fn head(controller: &Controller) -> String {
        let Controller { settings, profile } = controller;
        json!({"recording": "hpa-exporter", "version": 1, "settings": settings, "profile": profile})
            .to_string()
    }

    /// Syncs of the corpus, each as an exporter that saw all of it would have recorded it by itself, and what came of it.
    fn syncs() -> Vec<(String, Record)> {
        let mut all = Vec::new();
        // Those at boundaries have quantities that overflow: these are not the same after a way through JSON.
        let corpus = corpus::read(CORPUS).unwrap().into_iter();
        let random = corpus.filter(|(scenario, _)| scenario.name.starts_with("random"));
        for (scenario, outcome) in random.step_by(2) {
            let mut seen_lines = Vec::new();
            let records = watch(&scenario, Minor::V36, Some(&outcome), |seen, _| {
                let sync = &seen.sync;
                let recorded = Recorded {
                    now: sync.now,
                    autoscaler: sync.autoscaler.clone(),
                    scale: sync.scale.cloned().map_err(Clone::clone),
                    pods: sync.pods.iter().map(|pod| (*pod).clone()).collect(),
                    samples: sync.samples.clone(),
                    put: sync.put.clone(),
                };
                let mut line = json!(recorded);
                line["before"] = json!({"memory": seen.memory, "status": sync.status});
                seen_lines.push(format!("{}\n{line}\n", head(&seen.controller)));
            });
            let records = records.unwrap().into_iter();
            let decided = records.filter(|record| record.status.is_some());
            all.extend(seen_lines.into_iter().zip(decided));
        }
        all
    }

    #[test]
    fn a_recorded_sync_is_played_as_it_was() {
        let (mut played, mut twice) = (0, 0);
        for (line, record) in syncs() {
            // Rivals are not in a recording.
            if record.error.contains("multiple HPAs") {
                continue;
            }
            let film = match read(&line) {
                Ok(mut films) => films.remove(0),
                Err(error) => {
                    let told = format!("{error:#}");
                    assert!(told.contains("two metrics are called"), "{told}");
                    twice += 1;
                    continue;
                }
            };
            // When the scale is written, only the oracle tells.
            let outcome = Outcome {
                records: vec![record.clone()],
                ..Outcome::default()
            };
            let again = play(&film.scenario, film.build, Some(&outcome)).unwrap();
            assert_eq!(again, [record], "{line}");
            played += 1;
        }
        assert!(played > 700, "{played}, and {twice} that cannot be");
    }

    #[test]
    fn a_film_goes_on_until_something_is_remembered_and_no_further_than_its_head() {
        let (line, _) = syncs().swap_remove(0);
        let (head, first) = line.split_once('\n').unwrap();
        let mut next: Value = serde_json::from_str(first).unwrap();
        next["now"] = json!(next["now"].as_i64().unwrap() + 15_000_000_000);
        next.as_object_mut().unwrap().remove("before");
        let lengths = |text: &str| -> Vec<usize> {
            let films = read(text).unwrap();
            films.iter().map(|it| it.scenario.steps.len()).collect()
        };
        assert_eq!(lengths(&format!("{head}\n{first}{next}\n")), [2]);
        assert_eq!(lengths(&format!("{head}\n{first}{first}{next}\n")), [1, 2]);
        assert_eq!(lengths(&format!("{head}\n{first}{head}\n{next}\n")), [1, 1]);
        let told = |text: &str| format!("{:#}", read(text).unwrap_err());
        assert!(told(first).contains("no head"));
        assert!(
            told(&head.replace("\"version\":1", "\"version\":2")).contains("line 1: not the head")
        );
        let backwards = format!(
            "{head}\n{next}\n{}",
            first.replace("\"before\"", "\"after\"")
        );
        assert!(
            told(&backwards).contains("line 3: before the time"),
            "{}",
            told(&backwards)
        );
    }
}
