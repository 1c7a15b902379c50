//! What a case is told with: manifests, what is required, time, and the page at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube_watch::{Index, ObjectKey};
use netpol_engine::{NetworkPolicy, Profile};
use netpol_exporter::decide::{FlowFinding, decide, survey};
use netpol_exporter::metrics::{Latest, Page};
use netpol_exporter::model::Model;
use netpol_exporter::model::policy::Checked;
use netpol_exporter::observe::{Observer, Settings};
use netpol_exporter::{flows, watch};
use prometheus_client::registry::Registry;
use reach::{Agent, Outcome, Report, Sighting};
use serde_json::Value;

/// 2026-11-18T13:46:40Z: the moment at which every case begins.
pub(crate) const BEGIN: u64 = 1_795_009_600;

const SETTINGS: Settings = Settings {
    every: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    max_rate: 100.0,
    max_age: Duration::from_mins(1),
    settle: Duration::from_secs(2),
    enter: false,
    required: false,
};

/// One case: a model, and what was found in it so far.
pub(crate) struct Story {
    pub(crate) model: Model,
    observer: Observer,
    latest: Latest,
    now: Duration,
}

/// A fixture's path.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A path below the platform's manifests.
pub(crate) fn platform(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../manifests/platform")
        .join(name)
}

impl Story {
    pub(crate) fn new() -> Self {
        Self {
            model: Model::new(Profile::SPECIFICATION),
            observer: Observer::new(SETTINGS),
            latest: Latest::default(),
            now: Duration::from_secs(BEGIN),
        }
    }

    /// The shop, the cluster's DNS, and what the shop needs; no policies.
    pub(crate) fn shop() -> Self {
        let mut story = Self::new();
        story.apply(&platform("shop-base/shop.yaml"));
        story.apply(&fixture("dns.yaml"));
        let read = flows::read(&[platform("flows.yaml")]);
        assert!(read.problems.is_empty(), "{:?}", read.problems);
        story.model.require(read.flows, false);
        story
    }

    /// Takes in all objects of a file or folder.
    pub(crate) fn apply(&mut self, path: &Path) {
        let (manifests, problems) = kube_watch::manifests(path).unwrap();
        assert_eq!(problems, []);
        for mut manifest in manifests {
            // As `kubectl apply --namespace=sre-demo` and kustomize do.
            let metadata = &mut manifest.object["metadata"];
            if metadata.get("namespace").is_none() {
                metadata["namespace"] = "sre-demo".into();
            }
            watch::take(&mut self.model, &manifest.object).unwrap();
        }
    }

    /// Takes in the objects of this YAML; gives what was wrong with any.
    pub(crate) fn written(&mut self, yaml: &str) -> Vec<String> {
        let objects: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
        let taken = objects.iter().map(|it| watch::take(&mut self.model, it));
        taken
            .filter_map(Result::err)
            .map(|it| it.to_string())
            .collect()
    }

    /// The policy is deleted, as a watch tells it.
    pub(crate) fn without_policy(&mut self, name: &str) {
        let key = ObjectKey::new("sre-demo", name);
        Index::<Checked<NetworkPolicy>>::delete(&mut self.model, &key);
    }

    /// An agent reports that all its dials came out so.
    pub(crate) fn reports(&mut self, agent: &Agent, outcome: Outcome) {
        let report = |sightings| Report {
            agent: agent.clone(),
            revision: None,
            sightings,
            peers: Vec::new(),
        };
        let (answer, joined) = self
            .observer
            .exchange(&report(Vec::new()), &self.model, self.now)
            .unwrap();
        if joined {
            self.model.agents_changed();
            self.decide();
            self.after(5);
            return self.reports(agent, outcome);
        }
        let dials = answer.plan.unwrap().dials;
        let sightings = dials.iter().map(|dial| Sighting {
            dial: dial.id,
            generation: dial.generation,
            outcome,
            took_seconds: 0.0,
            age_seconds: 0.0,
        });
        let report = report(sightings.collect());
        self.observer
            .exchange(&report, &self.model, self.now)
            .unwrap();
    }

    /// Lets time pass.
    pub(crate) fn after(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Decides anew.
    pub(crate) fn decide(&mut self) -> Vec<Arc<FlowFinding>> {
        let changes = self.model.take_changes();
        let before = self.latest.findings.load();
        let found = decide(&self.model, &changes, &mut self.observer, self.now, &before);
        self.latest.survey.store(Arc::new(survey(&self.model)));
        self.latest.findings.store(Arc::new(found));
        self.latest.findings.load().flows.clone()
    }

    /// Every required flow with its state.
    pub(crate) fn states(&mut self) -> Vec<(String, &'static str)> {
        let found = self.decide();
        let named = found
            .iter()
            .map(|it| (it.flow.to_string(), it.state.as_str()));
        named.collect()
    }

    /// The flows that are in a state.
    pub(crate) fn in_state(&mut self, state: &str) -> Vec<String> {
        let mut states = self.states();
        states.retain(|it| it.1 == state);
        states.into_iter().map(|it| it.0).collect()
    }

    /// The finding about the one flow of this name.
    pub(crate) fn flow(&mut self, name: &str) -> Arc<FlowFinding> {
        let found = self.decide();
        let mut found = found.iter().filter(|it| it.flow.to_string() == name);
        let one = found.next().unwrap_or_else(|| panic!("no flow is {name}"));
        Arc::clone(one)
    }

    /// The page in text 0.0.4, as it is scraped.
    pub(crate) fn scrape(&mut self) -> String {
        self.scrape_at_most(1_000)
    }

    /// The same, with series for so many flows.
    pub(crate) fn scrape_at_most(&mut self, flows: usize) -> String {
        self.decide();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Page::new(self.latest.clone(), flows)));
        let page = exposition::render(&registry, Some("text/plain;version=0.0.4"), None);
        String::from_utf8(page.body.to_vec()).unwrap()
    }

    /// The series, sorted; without how long anything took.
    pub(crate) fn series(&mut self) -> Vec<String> {
        let page = self.scrape();
        let lines = page.lines().filter(|it| !it.starts_with('#'));
        let lines = lines.filter(|it| {
            // Of a histogram that nothing was put into there is nothing to say.
            !(it.contains("_seconds_bucket{")
                || it.starts_with("netpol_evaluation_duration_seconds"))
        });
        let mut series: Vec<String> = lines.map(plain).collect();
        series.sort();
        series
    }

    /// Compares the series with the case's golden page.
    pub(crate) fn is_golden(&mut self, case: &str) {
        let series = self.series();
        let path = fixture(case).with_extension("prom");
        if std::env::var_os("REWRITE_PAGES").is_some() {
            fs::write(&path, series.join("\n") + "\n").unwrap();
            return;
        }
        let golden = fs::read_to_string(&path).unwrap();
        let golden: Vec<&str> = golden.lines().collect();
        let missing: Vec<_> = golden
            .iter()
            .filter(|line| !series.iter().any(|other| other == *line))
            .collect();
        let unexpected: Vec<_> = series
            .iter()
            .filter(|line| !golden.contains(&line.as_str()))
            .collect();
        assert!(
            missing.is_empty() && unexpected.is_empty(),
            "{}: missing {missing:#?}, unexpected {unexpected:#?}",
            path.display()
        );
        assert_eq!(series, golden, "no series twice");
    }
}

/// The series with its value as Rust writes it: how a format writes numbers is no business of these cases.
fn plain(line: &str) -> String {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let value: f64 = value.parse().unwrap();
    format!("{series} {value}")
}
