//! What a case is told with: pods, attempts, time, and the page at the end.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use exposition::Histogram;
use grpc_health_exporter::decide::{self, Findings, decide};
use grpc_health_exporter::model::target::Target;
use grpc_health_exporter::model::{Event, Model, Settings, TargetId};
use grpc_health_exporter::probe::schedule::Statistics;
use grpc_health_exporter::{discover, metrics};
use kube_watch::{Index, Problem, Scope, WatchStatus, Watcher};
use parking_lot::RwLock;
use probe_engine::{Attempt, Ending, Phase, PhaseDurations, Reason, ServingStatus};
use prometheus_client::registry::Registry;

/// 2026-11-18T13:46:40Z: the moment at which every case begins.
const BEGIN: u64 = 1_795_009_600;
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How an attempt ended, and the milliseconds of its phases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) connect: u64,
    pub(crate) http2: u64,
    pub(crate) rpc: u64,
    pub(crate) ending: Ending,
}

/// One case: a model, and what was found in it so far.
pub(crate) struct Story {
    pub(crate) model: Arc<RwLock<Model>>,
    pub(crate) found: Arc<ArcSwap<Findings>>,
    min_samples: usize,
    now: Duration,
}

/// SERVING after so many milliseconds in the rpc.
pub(crate) const fn serving(rpc: u64) -> Ended {
    Ended {
        connect: 1,
        http2: 2,
        rpc,
        ending: Ending::Answered(ServingStatus::Serving),
    }
}

/// Nobody listens.
pub(crate) const REFUSED: Ended = Ended {
    connect: 1,
    http2: 0,
    rpc: 0,
    ending: Ending::Failed {
        phase: Phase::Connect,
        reason: Reason::Refused,
    },
};

/// A fixture's path.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// The settings of a cluster's exporter, which probes at each pod's own period.
pub(crate) const SETTINGS: Settings = Settings {
    window_samples: 1440,
    interval: None,
    kubelet: true,
};

impl Story {
    pub(crate) fn new() -> Self {
        Self::with(SETTINGS)
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            model: Arc::new(RwLock::new(Model::new(settings))),
            found: Arc::default(),
            min_samples: 1000,
            now: Duration::from_secs(BEGIN),
        }
    }

    pub(crate) fn recommending_on(mut self, min_samples: usize) -> Self {
        self.min_samples = min_samples;
        self
    }

    /// The pods are now those of this fixture, read as `--source=files:` reads them; returns what it complained about.
    pub(crate) async fn pods(&mut self, name: &str) -> Vec<Problem> {
        self.pods_at(fixture(name)).await
    }

    /// The pods are now those of this YAML.
    pub(crate) async fn written(&mut self, yaml: &str) -> Vec<Problem> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pods.yaml");
        fs::write(&path, yaml).unwrap();
        self.pods_at(path).await
    }

    async fn pods_at(&mut self, path: PathBuf) -> Vec<Problem> {
        let status = WatchStatus::new();
        let watching = Watcher::files(path)
            .watch(
                &Scope::default(),
                discover::pod,
                Arc::clone(&self.model),
                &status,
            )
            .unwrap();
        let mut changes = status.changes();
        let first_list = async {
            while !status.ready() {
                changes.changed().await;
            }
        };
        tokio::select! {
            never = watching => match never {},
            listed = tokio::time::timeout(PATIENCE, first_list) => listed.expect("the fixture is read"),
        }
        status.problems()
    }

    /// The pod is deleted, as a watch tells it.
    pub(crate) fn deleted(&mut self, namespace: &str, name: &str) {
        let key = kube_watch::ObjectKey::new(namespace, name);
        let mut model = self.model.write();
        Index::<grpc_health_exporter::model::pod::Pod>::delete(&mut *model, &key);
    }

    /// The handlers there are: `pod/container:port/service`, and whether there is anybody to ask.
    pub(crate) fn handlers(&self) -> Vec<(String, bool)> {
        let model = self.model.read();
        let handlers = model.targets().map(|(_, key, target)| {
            let name = format!("{}/{}:{}/{}", key.pod, key.container, key.port, key.service);
            (name, target.address.is_some())
        });
        handlers.collect()
    }

    /// The ids of the handlers, in the same order.
    pub(crate) fn ids(&self) -> Vec<TargetId> {
        self.model.read().targets().map(|(id, ..)| id).collect()
    }

    /// Attempts at the handler with this port, each `every` seconds after the one before.
    pub(crate) fn attempts(
        &mut self,
        port: u16,
        every: u64,
        attempts: impl IntoIterator<Item = Ended>,
    ) {
        for ended in attempts {
            self.attempt(port, ended);
            self.now += Duration::from_secs(every);
        }
    }

    /// One attempt now, told as the scheduler tells it: begun, over its budget, ended.
    pub(crate) fn attempt(&mut self, port: u16, ended: Ended) {
        let (id, budget) = {
            let model = self.model.read();
            let mut targets = model.targets();
            let (id, _, target) = targets
                .find(|(_, key, _)| key.port == port)
                .unwrap_or_else(|| panic!("nothing is measured on port {port}"));
            (id, Target::budget(target))
        };
        let mut phases = PhaseDurations::default();
        for (phase, time) in [
            (Phase::Connect, ended.connect),
            (Phase::Http2, ended.http2),
            (Phase::Rpc, ended.rpc),
        ] {
            if time > 0 {
                phases.set(phase, Duration::from_millis(time));
            }
        }
        let attempt = Attempt {
            started_at: self.now,
            phases,
            ending: ended.ending,
        };
        let mut model = self.model.write();
        model.record(id, Event::Started(self.now));
        if attempt.total() > budget {
            model.record(
                id,
                Event::Overdue {
                    at: self.now,
                    budget,
                },
            );
        }
        model.record(id, Event::Finished(attempt));
    }

    /// Decides anew.
    pub(crate) fn decide(&mut self) -> Arc<Findings> {
        self.model.write().settle(self.now);
        let settings = decide::Settings {
            min_samples: self.min_samples,
        };
        let found = decide(&self.model.read(), settings, self.now, &self.found.load());
        self.found.store(Arc::new(found));
        self.found.load_full()
    }

    /// The page about probes in text 0.0.4, as it is scraped.
    pub(crate) fn scrape(&mut self) -> String {
        self.decide();
        let mut registry = Registry::default();
        for (_, part) in metrics::Part::ALL {
            let findings = Arc::clone(&self.found);
            registry.register_collector(Box::new(metrics::Probes::new(part, findings)));
        }
        registry.register_collector(Box::new(metrics::Exporter::new(
            Arc::clone(&self.found),
            Arc::new(Statistics::default()),
            Histogram::new(metrics::BOUNDS),
        )));
        let page = exposition::render(&registry, Some("text/plain;version=0.0.4"), None);
        String::from_utf8(page.body.to_vec()).unwrap()
    }

    /// The series about probes, sorted; without the classic buckets, which say little beside count and sum.
    pub(crate) fn series(&mut self) -> Vec<String> {
        let mut series: Vec<String> = self
            .scrape()
            .lines()
            .filter(|line| !line.starts_with('#') && !line.starts_with("grpc_probe_exporter_"))
            .filter(|line| !line.contains("_bucket{"))
            .map(plain)
            .collect();
        series.sort();
        series
    }

    /// The value of the one series that begins so.
    pub(crate) fn value(&mut self, series: &str) -> Option<f64> {
        let all = self.series();
        let mut found = all.iter().filter(|line| line.starts_with(series));
        let line = found.next()?;
        assert_eq!(found.next(), None, "more than one series is {series}");
        line.rsplit(' ').next().and_then(|value| value.parse().ok())
    }

    /// Compares the series with the case's golden page.
    pub(crate) fn is_golden(&mut self, case: &str) {
        let series = self.series();
        let path = fixture(case).join("page.prom");
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
