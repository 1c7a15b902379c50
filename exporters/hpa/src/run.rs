//! The rooms put together: which task moves what from where to where.

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chassis::{About, Chassis};
use kube_watch::WatchStatus;
use parking_lot::RwLock;
use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep_until};

use crate::config::{Command, CommandLine, Config};
use crate::decide::{Decider, Findings};
use crate::model::Model;
use crate::{command, landing, metrics, watch};

/// Who we are.
const ABOUT: About = About {
    name: "hpa-exporter",
    description: "What did the autoscaler want, what cut the wish, when will it let go, and is this the controller's own answer?",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 9603,
};

/// How long changes are collected before the findings are computed anew.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// How often they are at the least: syncs that nobody hears of are assumed.
const TICK: Duration = Duration::from_secs(1);

/// The whole program, from the command line to the exit code.
pub fn run() -> ExitCode {
    let line: CommandLine = chassis::parse(&ABOUT);
    match line.command {
        Some(Command::Explain(args)) => command::explain::run(&args),
        Some(Command::Simulate(args)) => command::simulate::run(&args),
        Some(Command::Upgrade(args)) => command::upgrade::run(&args),
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
    let model = Arc::new(RwLock::new(Model::default()));
    let findings = Arc::new(ArcSwap::from_pointee(Findings::default()));
    let status = WatchStatus::new();
    for (name, watching) in watch::open(&config.source, &config.scope, &model, &status).await? {
        chassis.spawn(name, never(watching));
    }
    let decider = Decider::new(config.controller);
    let ready = chassis.readiness("the first list of autoscalers, targets and pods");
    chassis.spawn(
        "decide",
        never(keep_deciding(
            model,
            decider,
            status.clone(),
            Arc::clone(&findings),
            ready,
        )),
    );
    let mut registry = Registry::default();
    let decisions = metrics::Decisions::new(Arc::clone(&findings));
    registry.register_collector(Box::new(decisions));
    chassis.page().add("decisions", registry)?;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(status.clone()));
    chassis.page().add("watches", registry)?;

    let shown = Arc::clone(&findings);
    chassis.findings(move || landing::decisions(&shown.load()));
    chassis.findings(move || landing::problems(&findings.load(), &status));
    Ok(())
}

/// A task that ends is a bug, and the chassis treats it as one.
async fn never(task: impl Future<Output = Infallible>) -> Result<(), Infallible> {
    match task.await {}
}

/// Follows writes at once, and computes the findings a moment after a change and once a second.
async fn keep_deciding(
    model: Arc<RwLock<Model>>,
    mut decider: Decider,
    status: WatchStatus,
    findings: Arc<ArcSwap<Findings>>,
    ready: chassis::Ready,
) -> Infallible {
    let mut changes = status.changes();
    while !status.ready() {
        changes.changed().await;
    }
    tracing::info!("the first lists are in");
    let mut due = Instant::now();
    loop {
        tokio::select! {
            () = changes.changed() => {
                decider.settle(&mut model.write());
                due = due.min(Instant::now() + DEBOUNCE);
            }
            () = sleep_until(due) => {
                let found = decider.decide(&mut model.write(), watch::now());
                findings.store(Arc::new(found));
                ready.set();
                due = Instant::now() + TICK;
            }
        }
    }
}
