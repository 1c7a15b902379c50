//! Size, and memory while next to nothing happens: twelve targets, each probed every ten seconds, scraped now and then.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Exporter, Plan, pods};
use crate::figures::{Figures, Target};
use crate::http::Client;
use crate::page::Page;
use crate::targets::Many;

const TARGETS: usize = 12;
const PERIOD_SECONDS: u32 = 10;
const SCRAPE_EVERY: Duration = Duration::from_secs(15);
const MEGABYTE: f64 = 1e6;

pub(super) async fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let length = Duration::from_secs(if plan.quick { 3 } else { 180 });
    #[expect(clippy::cast_precision_loss, reason = "a file's length")]
    let binary = std::fs::metadata(&plan.exporter)?.len() as f64;
    figures.against(
        "grpc_health_binary",
        binary / MEGABYTE,
        "MB",
        Target::AtMost(12.0),
    )?;
    let many = Many::start(TARGETS, 0.0)?;
    let folder = tempfile::tempdir()?;
    pods::write(folder.path(), &many.addresses, PERIOD_SECONDS)?;
    let exporter = Exporter::start(&plan.exporter, folder.path(), &[])?;
    Page::await_targets(exporter.address, TARGETS).await?;
    let start = Instant::now();
    let before = exporter.process.cpu()?;
    while start.elapsed() < length {
        let page = Client::connect(exporter.address)
            .await?
            .get("/metrics", &[("accept-encoding", "gzip")])
            .await?;
        anyhow::ensure!(page.status.is_success(), "the page: {}", page.status);
        sleep(SCRAPE_EVERY.min(length.saturating_sub(start.elapsed()))).await;
    }
    let used = exporter.process.cpu()?.saturating_sub(before);
    let memory = exporter.process.memory()?;
    figures.against(
        "grpc_health_idle_resident",
        memory.resident / MEGABYTE,
        "MB",
        Target::AtMost(10.0),
    )?;
    figures.plain(
        "grpc_health_idle_resident_peak",
        memory.peak / MEGABYTE,
        "MB",
    )?;
    figures.plain(
        "grpc_health_idle_cpu",
        used.as_secs_f64() / start.elapsed().as_secs_f64() * 1000.0,
        "ms/s",
    )?;
    Ok(())
}
