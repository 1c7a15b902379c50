//! The rooms put together: which task moves what from where to where.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chassis::{About, Chassis};
use kube_watch::{WatchStatus, Watcher};
use parking_lot::RwLock;
use prometheus_client::collector::Collector;
use prometheus_client::registry::Registry;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::config::{CommandLine, Config};
use crate::decide::{decide, survey};
use crate::metrics::{self, Latest};
use crate::model::Model;
use crate::{flows, landing, watch};

/// Who we are.
const ABOUT: About = About {
    name: "netpol-exporter",
    description: "Which calls that the application needs do the NetworkPolicies forbid, does the network agree, and which policy is to blame?",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 9602,
};

/// How often files are looked at: a policy that is written down is to show within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often the files of required flows are read. They are small, and mounted ones change behind a link.
const READ_FLOWS_EVERY: Duration = Duration::from_secs(1);
/// How long a change waits for others to come with it.
const GATHERING: Duration = Duration::from_millis(20);
/// A survey looks at everything: it may take this share of the time at most.
const SURVEY_REST: u32 = 20;

/// The whole program, from the command line to the exit code.
pub fn run() -> ExitCode {
    let line: CommandLine = chassis::parse(&ABOUT);
    let exporter = line.exporter;
    chassis::run(&ABOUT, line.chassis, async |chassis| {
        set_up(chassis, Config::from(exporter)).await
    })
}

async fn set_up(chassis: &mut Chassis, config: Config) -> anyhow::Result<()> {
    let model = Arc::new(RwLock::new(Model::new(config.profile)));
    let latest = Latest::default();
    let status = WatchStatus::new();

    let read = flows::read(&config.flows);
    if let Some(problem) = read.problems.first().filter(|_| read.flows.is_empty()) {
        anyhow::bail!("no required flow can be read: {problem}");
    }
    model.write().require(read.flows, config.infer);
    latest.flow_problems.store(Arc::new(read.problems));
    if !config.flows.is_empty() {
        let reading = keep_reading(
            config.flows.clone(),
            config.infer,
            Arc::clone(&model),
            latest.clone(),
        );
        chassis.spawn("flows", never(reading));
    }

    let watcher = Watcher::open(&config.source).await?.poll_every(LOOK_EVERY);
    for (name, watching) in watch::watch(&watcher, &config.source, &model, &status)? {
        chassis.spawn(name, never(watching));
    }
    let ready = chassis.readiness("the first findings");
    let deciding = keep_deciding(Arc::clone(&model), latest.clone(), status.clone(), ready);
    chassis.spawn("decide", never(deciding));

    add(
        chassis,
        "flows",
        metrics::Page::new(latest.clone(), config.max_series),
    )?;
    add(chassis, "watches", status.clone())?;
    let shown = latest.clone();
    chassis.findings(move || landing::flows(&shown.findings.load(), since_epoch()));
    let shown = latest.clone();
    chassis.findings(move || landing::policies(&shown.findings.load(), &shown.survey.load()));
    chassis.findings(move || landing::problems(&status, &latest.flow_problems.load()));
    Ok(())
}

/// A task that ends is a bug, and the chassis treats it as one.
async fn never(task: impl Future<Output = Infallible>) -> Result<(), Infallible> {
    match task.await {}
}

fn add(chassis: &mut Chassis, name: &'static str, collector: impl Collector) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    Ok(chassis.page().add(name, registry)?)
}

/// Reads the files of required flows again and again. A file that cannot be read any more takes its flows with it only if all do:
/// nothing required would read as nothing wrong.
async fn keep_reading(
    paths: Vec<PathBuf>,
    infer: bool,
    model: Arc<RwLock<Model>>,
    latest: Latest,
) -> Infallible {
    let mut ticks = interval(READ_FLOWS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let paths = paths.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || flows::read(&paths)).await else {
            continue;
        };
        if read.problems.is_empty() || !read.flows.is_empty() {
            model.write().require(read.flows, infer);
        }
        latest.flow_problems.store(Arc::new(read.problems));
    }
}

async fn keep_deciding(
    model: Arc<RwLock<Model>>,
    latest: Latest,
    status: WatchStatus,
    ready: chassis::Ready,
) -> Infallible {
    let mut changes = status.changes();
    let mut ready = Some(ready);
    let mut next_survey = Instant::now();
    let mut stale_survey = true;
    loop {
        if status.ready() {
            stale_survey |= evaluate(&model, &latest);
            if stale_survey && Instant::now() >= next_survey {
                let begun = Instant::now();
                latest.survey.store(Arc::new(survey(&model.read())));
                next_survey = Instant::now() + begun.elapsed() * SURVEY_REST;
                stale_survey = false;
            }
            if let Some(ready) = ready.take() {
                tracing::info!(
                    flows = model.read().required().len(),
                    "the first findings are in"
                );
                ready.set();
            }
        }
        tokio::select! {
            () = changes.changed() => sleep(GATHERING).await,
            () = sleep(READ_FLOWS_EVERY) => {}
        }
    }
}

/// Judges what may have changed; whether anything had.
fn evaluate(model: &RwLock<Model>, latest: &Latest) -> bool {
    let begun = Instant::now();
    let changes = model.write().take_changes();
    let before = latest.findings.load();
    let found = decide(&model.read(), &changes, since_epoch(), &before);
    latest.findings.store(Arc::new(found));
    if !changes.is_empty() {
        latest.durations.observe(begun.elapsed().as_secs_f64());
    }
    !changes.is_empty()
}

/// The wall clock: nothing else reads it.
fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
