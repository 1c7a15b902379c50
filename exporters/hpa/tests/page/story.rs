//! What a case is told with: objects, time, and the page at the end.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hpa_engine::Moment;
use hpa_exporter::config::{ControllerArgs, Seen};
use hpa_exporter::decide::{Decider, Findings};
use hpa_exporter::metrics;
use hpa_exporter::model::Model;
use hpa_exporter::watch;
use kube_watch::{Problem, Scope, Source, WatchStatus};
use parking_lot::RwLock;
use prometheus_client::registry::Registry;

/// 2026-11-18T13:46:40Z: the moment at which every case begins.
pub(crate) const BEGIN: Moment = Moment::from_seconds(1_795_009_600);
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// One case: a model, and what was found in it so far.
pub(crate) struct Story {
    pub(crate) model: Arc<RwLock<Model>>,
    pub(crate) found: Arc<ArcSwap<Findings>>,
    pub(crate) now: Moment,
    decider: Decider,
}

/// A fixture's path.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

impl Story {
    pub(crate) fn new() -> Self {
        Self {
            model: Arc::default(),
            found: Arc::default(),
            now: BEGIN,
            decider: Decider::new(ControllerArgs::default().known(Seen::default()).unwrap()),
        }
    }

    /// The objects are now those of this case, read as `--source=files:` reads them; returns what it complained about.
    pub(crate) async fn objects(&mut self, case: &str) -> Vec<Problem> {
        self.objects_at(fixture(case).join("objects.yaml")).await
    }

    /// The objects are now those of this YAML.
    pub(crate) async fn written(&mut self, yaml: &str) -> Vec<Problem> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects.yaml");
        fs::write(&path, yaml).unwrap();
        self.objects_at(path).await
    }

    async fn objects_at(&mut self, path: PathBuf) -> Vec<Problem> {
        let status = WatchStatus::new();
        let source = Source::Files(path);
        let everywhere = Scope::default();
        let watches = watch::open(&source, &everywhere, &self.model, &status);
        let mut watches = watches.await.unwrap().watches;
        let mut changes = status.changes();
        let first_list = async {
            while !status.ready() {
                changes.changed().await;
            }
        };
        let all = std::future::poll_fn(|context| {
            for (_, watching) in &mut watches {
                let _ = watching.as_mut().poll(context);
            }
            std::task::Poll::<()>::Pending
        });
        tokio::select! {
            () = all => {}
            listed = tokio::time::timeout(PATIENCE, first_list) => listed.expect("the fixture is read"),
        }
        status.problems()
    }

    /// Decides anew.
    pub(crate) fn decide(&mut self) -> Arc<Findings> {
        let mut found = self.decider.decide(&mut self.model.write(), self.now);
        // The only thing on the page that is not the same each time.
        found.took = 0.0;
        self.found.store(Arc::new(found));
        self.found.load_full()
    }

    /// The page in text 0.0.4, as it is scraped.
    pub(crate) fn scrape(&mut self) -> String {
        self.decide();
        let mut registry = Registry::default();
        let decisions = metrics::Decisions::new(Arc::clone(&self.found));
        registry.register_collector(Box::new(decisions));
        let page = exposition::render(&registry, Some("text/plain;version=0.0.4"), None);
        String::from_utf8(page.body.to_vec()).unwrap()
    }

    /// The series about autoscalers, sorted.
    pub(crate) fn series(&mut self) -> Vec<String> {
        let mut series: Vec<String> = self
            .scrape()
            .lines()
            .filter(|line| !line.starts_with('#') && line.contains("horizontalpodautoscaler="))
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
