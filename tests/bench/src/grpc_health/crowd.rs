//! Thousands of targets, a fifth of them silent, each probed once a second, on one core.
//!
//! In the end the pods' period becomes as good as endless, and when all is quiet the books have to balance: every
//! attempt that was begun has been judged.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Exporter, Plan, pods};
use crate::figures::{Figures, Target};
use crate::http::Client;
use crate::page::Page;
use crate::targets::Many;

const LAG: &str = "grpc_probe_exporter_start_lag_seconds";
const LAG_COUNT: &str = "grpc_probe_exporter_start_lag_seconds_count";
const IN_FLIGHT: &str = "grpc_probe_exporter_in_flight";
const SKIPPED: &str = "grpc_probe_exporter_skipped_total";
const JUDGED: &str = "grpc_probe_attempts_total";
const FAMILIES: [&str; 4] = [LAG, IN_FLIGHT, SKIPPED, JUDGED];
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
const SILENT_SHARE: f64 = 0.2;
const MEGABYTE: f64 = 1e6;
/// Within this much of its time each probe has to begin, 99 in 100 of them, in seconds.
const LAG_BOUND: f64 = 0.05;
/// A budget of a second, the findings' age, and what a busy machine adds.
const QUIET_AFTER: Duration = Duration::from_secs(5);

/// How much is done.
#[derive(Clone, Copy, Debug)]
struct Scale {
    targets: usize,
    /// Until silent targets hold as many sockets as they ever will: the cap of 30 s.
    warm: Duration,
    length: Duration,
    /// Whole pages in that time.
    scrapes: u32,
}

impl Scale {
    const FULL: Self = Self {
        targets: 5000,
        warm: Duration::from_secs(35),
        length: Duration::from_mins(1),
        scrapes: 4,
    };
    const QUICK: Self = Self {
        targets: 200,
        warm: Duration::from_secs(2),
        length: Duration::from_secs(3),
        scrapes: 1,
    };
}

pub(super) async fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let scale = if plan.quick {
        Scale::QUICK
    } else {
        Scale::FULL
    };
    let many = Many::start(scale.targets, SILENT_SHARE)?;
    let folder = tempfile::tempdir()?;
    pods::write(folder.path(), &many.addresses, 1)?;
    let exporter = Exporter::start(&plan.exporter, folder.path(), &["--probe.max-rate=20000"])?;
    Page::await_targets(exporter.address, scale.targets).await?;
    sleep(scale.warm).await;

    begin_to_end(&exporter, scale, figures, "", 0).await?;
    let memory = exporter.process.memory()?;
    let most = Target::AtMost(64.0);
    let peak = memory.peak / MEGABYTE;
    figures.plain(
        "grpc_health_crowd_resident",
        memory.resident / MEGABYTE,
        "MB",
    )?;
    figures.against("grpc_health_crowd_resident_peak", peak, "MB", most)?;

    begin_to_end(&exporter, scale, figures, "_scraped", scale.scrapes).await?;
    let peak = exporter.process.memory()?.peak / MEGABYTE;
    figures.against("grpc_health_crowd_scraped_resident_peak", peak, "MB", most)?;

    let accept = [("accept", PROTOBUF), ("accept-encoding", "gzip")];
    let page = Client::connect(exporter.address)
        .await?
        .get("/metrics", &accept)
        .await?;
    anyhow::ensure!(page.status.is_success(), "the page: {}", page.status);
    let peak = exporter.process.memory()?.peak / MEGABYTE;
    figures.plain("grpc_health_crowd_protobuf_resident_peak", peak, "MB")?;

    pods::write(folder.path(), &many.addresses, pods::NEVER)?;
    let page = await_quiet(&exporter).await?;
    let none = Target::AtMost(0.0);
    figures.plain("grpc_health_crowd_begun", page.sum(LAG_COUNT)?, "probes")?;
    let lost = page.sum(LAG_COUNT)? - page.sum(JUDGED)?;
    figures.against("grpc_health_crowd_lost", lost, "probes", none)?;
    figures.against(
        "grpc_health_crowd_skipped",
        page.sum(SKIPPED)?,
        "probes",
        none,
    )?;
    Ok(())
}

/// Lag, rate and processor time over one stretch, during which whole pages may be scraped as Prometheus does it.
async fn begin_to_end(
    exporter: &Exporter,
    scale: Scale,
    figures: &Figures,
    suffix: &str,
    scrapes: u32,
) -> anyhow::Result<()> {
    let first = Page::scrape(exporter.address, &[LAG]).await?;
    let (start, before) = (Instant::now(), exporter.process.cpu()?);
    for _ in 0..scrapes {
        let asked = Instant::now();
        let page = Client::connect(exporter.address)
            .await?
            .get("/metrics", &[("accept-encoding", "gzip")])
            .await?;
        anyhow::ensure!(page.status.is_success(), "the page: {}", page.status);
        sleep((scale.length / scrapes).saturating_sub(asked.elapsed())).await;
    }
    sleep(scale.length.saturating_sub(start.elapsed())).await;
    let used = exporter.process.cpu()?.saturating_sub(before);
    let elapsed = start.elapsed().as_secs_f64();
    let last = Page::scrape(exporter.address, &[LAG]).await?;
    let lag = last.since(&first, LAG)?;
    let name = |figure: &str| format!("grpc_health_crowd{suffix}_{figure}");
    figures.plain(&name("rate"), lag.count() / elapsed, "probes/s")?;
    figures.plain(&name("cpu"), used.as_secs_f64() / elapsed * 1000.0, "ms/s")?;
    figures.against(
        &name("start_lag_p99"),
        lag.quantile(0.99) * 1000.0,
        "ms (interpolated within a classic bucket)",
        Target::AtMost(LAG_BOUND * 1000.0),
    )?;
    figures.against(
        &name("started_within_50ms"),
        lag.share_within(LAG_BOUND),
        "of all (exact)",
        Target::AtLeast(0.99),
    )?;
    Ok(())
}

/// The page once nothing has begun for a while, which is longer than anything can still be undecided.
async fn await_quiet(exporter: &Exporter) -> anyhow::Result<Page> {
    let until = Instant::now() + Duration::from_mins(2);
    let mut before = f64::NAN;
    loop {
        let page = Page::scrape(exporter.address, &FAMILIES).await?;
        let begun = page.sum(LAG_COUNT)?;
        if (begun - before).abs() < 0.5 {
            return Ok(page);
        }
        anyhow::ensure!(Instant::now() < until, "the exporter goes on probing");
        before = begun;
        sleep(QUIET_AFTER).await;
    }
}
