//! The exporter over files: memory with everything held, the time of a pass, and how soon a change is on the page.
//!
//! A change is on the page once the findings that a scrape shows hold it: the page itself says when they were computed. When a scrape
//! that brings it has ended is a figure of its own, for the whole page has 100 MB, and each scrape takes the exporter's
//! processor for as long as it takes to write that.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Plan;
use super::crowd::Member;
use crate::figures::{Figures, Target, median};
use crate::page::Page;
use crate::process::{self, Place, Process};

const MEGABYTE: f64 = 1e6;
/// Autoscalers in a file, with their targets and pods in files beside it.
const IN_FILE: usize = 100;
/// The files may take long to read on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(20);
/// Between two scrapes, so that they are not all that the exporter does.
const PAUSE: Duration = Duration::from_millis(250);
const AUTOSCALERS: &str = "hpa_decision_exporter_autoscalers";
const EVALUATION: &str = "hpa_decision_evaluation_duration_seconds";
const FINDINGS: &str = "hpa_decision_exporter_findings_timestamp_seconds";
/// Only those have it whose controller was seen to write: the one that changes.
const LAST_WRITE: &str = "hpa_decision_last_sync_timestamp_seconds";
/// Syncs that nobody hears of are assumed within that time: then every autoscaler was looked at more than once.
const SETTLING: Duration = Duration::from_secs(45);

pub(super) async fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let count = plan.autoscalers();
    let folder = tempfile::tempdir()?;
    for first in (0..count).step_by(IN_FILE) {
        let members = || (first..(first + IN_FILE).min(count)).map(Member);
        let autoscalers = members().map(|it| it.autoscaler(it.used()));
        write(folder.path(), &format!("autoscalers-{first}"), autoscalers)?;
        let targets = members().map(Member::deployment);
        write(folder.path(), &format!("targets-{first}"), targets)?;
        let pods = members().flat_map(Member::pods);
        write(folder.path(), &format!("pods-{first}"), pods)?;
    }
    // One that changes, in a file of its own.
    let one = Member(count);
    write(folder.path(), "one-target", [one.deployment()])?;
    write(folder.path(), "one-pods", one.pods())?;
    write(folder.path(), "one", [one.autoscaler(64)])?;

    let address = process::free_address()?;
    let mut source = OsString::from("--source=files:");
    source.push(folder.path());
    let arguments = [format!("--web.listen-address={address}").into(), source];
    let exporter = Process::start(&plan.exporter, arguments, Place::Measured)?;
    await_autoscalers(address, count + 1).await?;
    sleep(if plan.quick { POLL } else { SETTLING }).await;
    let memory = exporter.memory()?;
    let before = exporter.cpu()?;
    let start = Instant::now();
    let (mut found, mut scraped) = (Vec::new(), Vec::new());
    for round in 0..if plan.quick { 1 } else { 15 } {
        // Out of step with whoever looks at files.
        sleep(POLL * 7).await;
        let change = change(address, folder.path(), one, 55 + round % 5).await?;
        found.push(change.found);
        scraped.push(change.scraped);
    }
    let used = exporter.cpu()?.saturating_sub(before);
    let page = Page::scrape(address, &[EVALUATION]).await?;
    figures.note(&format!(
        "{count} autoscalers, ten times as many pods, from files; the change is of one of them"
    ))?;
    figures.against(
        "hpa_held_resident",
        memory.resident / MEGABYTE,
        "MB",
        Target::AtMost(150.0),
    )?;
    figures.plain("hpa_held_resident_peak", memory.peak / MEGABYTE, "MB")?;
    figures.plain("hpa_pass", page.sum(EVALUATION)? * 1e3, "ms")?;
    figures.against(
        "hpa_change_on_the_page",
        median(found),
        "s",
        Target::AtMost(1.0),
    )?;
    figures.plain("hpa_change_scraped", median(scraped), "s")?;
    figures.plain(
        "hpa_held_cpu",
        used.as_secs_f64() / start.elapsed().as_secs_f64() * 1e3,
        "ms/s",
    )?;
    Ok(())
}

/// How long a change took, in seconds.
struct Change {
    /// Until the findings that a scrape shows held it, or those of a later pass: not sooner than it was so.
    found: f64,
    /// Until a scrape that brought it had ended.
    scraped: f64,
}

/// Has its controller write another status, and waits until that is on the page.
async fn change(
    address: SocketAddr,
    folder: &Path,
    one: Member,
    percent: usize,
) -> anyhow::Result<Change> {
    let families = [LAST_WRITE, FINDINGS, EVALUATION];
    let written = |page: &Page| page.sum(LAST_WRITE).ok();
    let before = written(&Page::scrape(address, &families).await?);
    let (began, start) = (SystemTime::now(), Instant::now());
    write(folder, "one", [one.autoscaler(percent)])?;
    loop {
        sleep(PAUSE).await;
        let page = Page::scrape(address, &families).await?;
        if written(&page) > before {
            let began = began.duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
            return Ok(Change {
                found: page.sum(FINDINGS)? + page.sum(EVALUATION)? - began,
                scraped: start.elapsed().as_secs_f64(),
            });
        }
        ensure!(
            start.elapsed() < PATIENCE,
            "{LAST_WRITE} stayed {before:?}: the change never was on the page"
        );
    }
}

async fn await_autoscalers(address: SocketAddr, count: usize) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = match Page::scrape(address, &[AUTOSCALERS]).await {
            Ok(page) => page.sum(AUTOSCALERS).unwrap_or(-1.0),
            // It does not listen yet.
            Err(_) => -1.0,
        };
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        if (seen - count as f64).abs() < 0.5 {
            return Ok(());
        }
        ensure!(
            Instant::now() < until,
            "the exporter has {seen} autoscalers and not {count} (-1: it does not answer)"
        );
        sleep(POLL).await;
    }
}

fn write(folder: &Path, name: &str, items: impl IntoIterator<Item = Value>) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.json"));
    let half = folder.join(format!(".{name}.half"));
    let items: Vec<Value> = items.into_iter().collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    fs::write(&half, list.to_string())
        .and_then(|()| fs::rename(&half, &path))
        .with_context(|| path.display().to_string())
}
