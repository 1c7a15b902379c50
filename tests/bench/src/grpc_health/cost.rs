//! Processor time per probe on a fresh connection, beside the peer's at the same rate: ours by schedule, theirs by
//! request, ours by request, and again. All of it counts, deciding and answering included.

use std::time::Duration;

use tokio::time::sleep;

use super::silent::connect;
use super::{Blackbox, Exporter, Plan, pods};
use crate::figures::{Figures, Target, median};
use crate::load::{self, Load};
use crate::page::Page;
use crate::process::Process;
use crate::targets::Many;

const STARTED: &str = "grpc_probe_exporter_start_lag_seconds";
const STARTED_COUNT: &str = "grpc_probe_exporter_start_lag_seconds_count";
const MICROSECONDS: f64 = 1e6;

/// How much is done in a round.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Each probed once a second.
    targets: usize,
    /// Before anything is counted.
    warm: Duration,
    length: Duration,
    rounds: usize,
}

impl Scale {
    const FULL: Self = Self {
        targets: 500,
        warm: Duration::from_secs(3),
        length: Duration::from_secs(8),
        rounds: 5,
    };
    const QUICK: Self = Self {
        targets: 20,
        warm: Duration::from_secs(1),
        length: Duration::from_secs(1),
        rounds: 1,
    };
}

pub(super) async fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let scale = if plan.quick {
        Scale::QUICK
    } else {
        Scale::FULL
    };
    let many = Many::start(scale.targets, 0.0)?;
    let folder = tempfile::tempdir()?;
    let nobody = tempfile::tempdir()?;
    let on_request = Exporter::start(
        &plan.exporter,
        nobody.path(),
        &["--probe.allow=127.0.0.0/8"],
    )?;
    let blackbox = Blackbox::start()?;
    let mut scheduled = Vec::new();
    let mut requested = Vec::new();
    let mut peers = Vec::new();
    for _ in 0..scale.rounds {
        pods::write(folder.path(), &many.addresses, 1)?;
        scheduled.push(by_schedule(plan, folder.path(), &many, scale).await?);
        if let Some(blackbox) = &blackbox {
            peers.push(by_request(&blackbox.process, blackbox.address, &many, scale).await?);
        }
        let Exporter { process, address } = &on_request;
        requested.push(by_request(process, *address, &many, scale).await?);
    }
    pods::write(folder.path(), &many.addresses, pods::NEVER)?;
    let waiting = waiting(plan, folder.path(), scale).await?;

    let microseconds = |name: &str, values: &[f64]| {
        figures.plain(name, median(values.to_vec()) * MICROSECONDS, "us")
    };
    microseconds("grpc_health_cpu_per_probe", &scheduled)?;
    microseconds("grpc_health_cpu_per_probe_on_request", &requested)?;
    figures.plain(
        "grpc_health_cpu_while_none_is_due",
        waiting * 1000.0,
        "ms/s",
    )?;
    if peers.is_empty() {
        return Ok(figures.note("no prometheus-blackbox-exporter: no ratio")?);
    }
    microseconds("blackbox_cpu_per_probe", &peers)?;
    let ratio = |ours: &[f64]| {
        let pairs = ours.iter().zip(&peers);
        median(pairs.map(|(ours, theirs)| ours / theirs).collect())
    };
    figures.against(
        "grpc_health_cpu_ratio",
        ratio(&scheduled),
        "of blackbox",
        Target::AtMost(1.0 / 6.0),
    )?;
    figures.against(
        "grpc_health_cpu_ratio_goal",
        ratio(&scheduled),
        "of blackbox",
        Target::AtMost(1.0 / 10.0),
    )?;
    figures.plain(
        "grpc_health_cpu_ratio_on_request",
        ratio(&requested),
        "of blackbox",
    )?;
    Ok(())
}

/// Seconds of processor time per attempt of the exporter's own schedule.
async fn by_schedule(
    plan: &Plan,
    pods: &std::path::Path,
    many: &Many,
    scale: Scale,
) -> anyhow::Result<f64> {
    let exporter = Exporter::start(&plan.exporter, pods, &["--probe.max-rate=20000"])?;
    Page::await_targets(exporter.address, many.addresses.len()).await?;
    sleep(scale.warm).await;
    let first = Page::scrape(exporter.address, &[STARTED]).await?;
    let before = exporter.process.cpu()?;
    sleep(scale.length).await;
    let used = exporter.process.cpu()?.saturating_sub(before);
    let last = Page::scrape(exporter.address, &[STARTED]).await?;
    let probes = last.sum(STARTED_COUNT)? - first.sum(STARTED_COUNT)?;
    anyhow::ensure!(probes > 0.0, "the exporter did not probe");
    Ok(used.as_secs_f64() / probes)
}

/// Processor time per second of an exporter that knows its targets and has nothing to do.
async fn waiting(plan: &Plan, pods: &std::path::Path, scale: Scale) -> anyhow::Result<f64> {
    let exporter = Exporter::start(&plan.exporter, pods, &[])?;
    Page::await_targets(exporter.address, scale.targets).await?;
    sleep(scale.warm).await;
    let before = exporter.process.cpu()?;
    sleep(scale.length).await;
    let used = exporter.process.cpu()?.saturating_sub(before);
    Ok(used.as_secs_f64() / scale.length.as_secs_f64())
}

/// Seconds of processor time per `/probe` request, at the rate of the schedule.
async fn by_request(
    process: &Process,
    prober: std::net::SocketAddr,
    many: &Many,
    scale: Scale,
) -> anyhow::Result<f64> {
    drop(connect(prober).await?);
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    let load = |length| Load {
        prober,
        targets: &many.addresses,
        rate: many.addresses.len() as f64,
        length,
    };
    load::run(load(scale.warm)).await?;
    let before = process.cpu()?;
    let outcome = load::run(load(scale.length)).await?;
    let used = process.cpu()?.saturating_sub(before);
    anyhow::ensure!(
        outcome.failures == 0 && outcome.successes > 0,
        "all targets answer, but {outcome:?}"
    );
    Ok(used.as_secs_f64() / f64::from(outcome.successes))
}
