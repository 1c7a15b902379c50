//! The rooms put together: which task moves what from where to where.

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use chassis::{About, Chassis};
use exposition::Histogram;
use futures_util::FutureExt;
use kube_watch::{Scope, Source, State, WatchStatus, Watcher};
use parking_lot::RwLock;
use prometheus_client::collector::Collector;
use prometheus_client::registry::Registry;
use tokio::time::{MissedTickBehavior, interval};

use crate::ask::Prober;
use crate::config::{Command, CommandLine, Config};
use crate::decide::{self, Findings, decide};
use crate::discover;
use crate::metrics;
use crate::model::{self, Model};
use crate::probe::schedule::scheduler;
use crate::reports::Reports;
use crate::{command, landing, plan};

/// Who we are.
const ABOUT: About = About {
    name: "grpc-health-exporter",
    description: "How near is each pod's gRPC health probe to its own budget, and which budget would be safe?",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 9601,
};

/// How often findings are computed anew. Attempts are a second apart at the least, on the whole.
const DECIDE_EVERY: Duration = Duration::from_millis(500);

/// The whole program, from the command line to the exit code.
pub fn run() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == "probe") {
        // It takes Go's flags with one dash as well, and has exit codes of its own for wrong ones.
        return crate::probe::command::run_typed(arguments);
    }
    let line: CommandLine = chassis::parse(&ABOUT);
    match line.command {
        Some(Command::Probe(args)) => crate::probe::command::run(&args),
        Some(Command::Replay(args)) => command::replay::run(&args),
        Some(Command::Lint(args)) => command::lint::run(&args),
        None => {
            let exporter = line.exporter;
            chassis::run(&ABOUT, line.chassis, async |chassis| {
                let config = Config::try_from(exporter)?;
                anyhow::Ok(set_up(chassis, config).await?)
            })
        }
    }
}

async fn set_up(chassis: &mut Chassis, config: Config) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let model = Arc::new(RwLock::new(Model::new(model::Settings {
        window_samples: config.window_samples,
        interval: config.interval,
        kubelet: config.source == Source::Cluster,
    })));
    let findings = Arc::new(ArcSwap::from_pointee(Findings::default()));
    let status = WatchStatus::new();
    watch(chassis, &config, &model, &status).await?;

    let start_lag = Histogram::new(metrics::BOUNDS);
    let reports = Reports::default();
    let (handle, scheduler) = scheduler(plan::settings(&config), reports.sink());
    let statistics = Arc::clone(handle.statistics());
    let plan = plan::follow(Arc::clone(&model), config.cap, handle, status.changes());
    chassis.spawn("plan", never(plan));
    chassis.spawn_ahead("probe", never(scheduler.run()));
    let listening = reports.hand_over(Arc::clone(&model), start_lag.clone());
    chassis.spawn("reports", never(listening));
    let settings = decide::Settings {
        min_samples: config.min_samples,
    };
    chassis.spawn(
        "decide",
        never(keep_deciding(
            Arc::clone(&model),
            settings,
            Arc::clone(&findings),
        )),
    );

    let ready = chassis.readiness("the first list of pods");
    chassis.spawn("readiness", never(await_first_list(status.clone(), ready)));
    for (name, part) in metrics::Part::ALL {
        add(
            chassis,
            name,
            metrics::Probes::new(part, Arc::clone(&findings)),
        )?;
    }
    add(
        chassis,
        "prober",
        metrics::Exporter::new(Arc::clone(&findings), statistics, start_lag),
    )?;
    add(chassis, "watches", status.clone())?;

    let prober = Prober::new(&config.allow, Arc::clone(&model));
    chassis.route("/probe", move |request| prober.answer(request));
    let windows = Arc::clone(&model);
    chassis.route("/recording", move |request| {
        let answer = command::replay::recording(&windows.read(), request.uri().query());
        std::future::ready(answer).boxed()
    });
    chassis.link("/recording", "recorded attempts, for replay");
    chassis.findings(move || landing::probes(&findings.load()));
    chassis.findings(move || landing::problems(&status));
    Ok(())
}

async fn watch(
    chassis: &mut Chassis,
    config: &Config,
    model: &Arc<RwLock<Model>>,
    status: &WatchStatus,
) -> anyhow::Result<()> {
    let watcher = Watcher::open(&config.source).await?;
    let pods = watcher.watch(&config.scope, discover::pod, Arc::clone(model), status)?;
    chassis.spawn("watch pods", never(pods));
    if config.source == Source::Cluster {
        let scope = Scope {
            namespaces: config.scope.namespaces.clone(),
            labels: None,
            fields: Some("reason=Killing".to_owned()),
        };
        let events = watcher.watch(&scope, discover::killing, Arc::clone(model), status)?;
        chassis.spawn("watch events", never(events));
    }
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

/// Ready with the pods alone: without the right to read events there is less evidence, but nothing to wait for.
async fn await_first_list(status: WatchStatus, ready: chassis::Ready) -> Infallible {
    let mut changes = status.changes();
    loop {
        let mut pods = status.watches();
        pods.retain(|watched| watched.kind == "Pod");
        if pods.iter().all(|watched| watched.state != State::Starting) {
            let pods: usize = pods.iter().map(|watched| watched.objects).sum();
            tracing::info!(pods, "the first list is in");
            break;
        }
        changes.changed().await;
    }
    ready.set();
    std::future::pending().await
}

async fn keep_deciding(
    model: Arc<RwLock<Model>>,
    settings: decide::Settings,
    findings: Arc<ArcSwap<Findings>>,
) -> Infallible {
    let mut ticks = interval(DECIDE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = since_epoch();
        model.write().settle(now);
        let before = findings.load();
        let decided = decide(&model.read(), settings, now, &before);
        findings.store(Arc::new(decided));
    }
}

/// The wall clock: the only place outside of an attempt that reads it.
fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Each probe needs a descriptor, and the soft limit of 1,024 is there for programs that use `select(2)`.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}
