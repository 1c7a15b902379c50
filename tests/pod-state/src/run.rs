//! The rooms put together.

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;

use chassis::{About, Chassis, Ready};
use clap::Parser;
use kube_watch::{Scope, Source, WatchStatus, Watcher};
use parking_lot::RwLock;
use prometheus_client::collector::Collector;
use prometheus_client::registry::Registry;

use crate::metrics::PodState;
use crate::model::Model;
use crate::watch;

const ABOUT: About = About {
    name: "pod-state",
    description: "A stand-in for kube-state-metrics in the lab: two of its series, in its words.",
    version: env!("CARGO_PKG_VERSION"),
    // kube-state-metrics' own.
    default_port: 8080,
};

#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    chassis: chassis::ChassisArgs,
    /// Where pods are read from: `cluster`, or `files:PATH` (what `kubectl get pods -o yaml` prints).
    #[arg(long, env = "SOURCE", default_value = "cluster")]
    source: Source,
    /// Namespaces to look in, separated by commas [default: all].
    #[arg(long, env = "NAMESPACES", value_delimiter = ',')]
    namespaces: Vec<String>,
}

/// The whole program, from the command line to the exit code.
pub fn run() -> ExitCode {
    let line: CommandLine = chassis::parse(&ABOUT);
    let scope = Scope {
        namespaces: line.namespaces,
        ..Scope::default()
    };
    chassis::run(&ABOUT, line.chassis, async |chassis| {
        set_up(chassis, &line.source, &scope).await
    })
}

async fn set_up(chassis: &mut Chassis, source: &Source, scope: &Scope) -> anyhow::Result<()> {
    let model = Arc::new(RwLock::new(Model::default()));
    let status = WatchStatus::new();
    let watcher = Watcher::open(source).await?;
    let pods = watcher.watch(scope, watch::pod, Arc::clone(&model), &status)?;
    chassis.spawn("watch pods", never(pods));
    let ready = chassis.readiness("the first list of pods");
    chassis.spawn("readiness", never(await_first_list(status.clone(), ready)));
    add(chassis, "pods", PodState::new(model))?;
    add(chassis, "watches", status)
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

async fn await_first_list(status: WatchStatus, ready: Ready) -> Infallible {
    let mut changes = status.changes();
    while !status.ready() {
        changes.changed().await;
    }
    ready.set();
    std::future::pending().await
}
