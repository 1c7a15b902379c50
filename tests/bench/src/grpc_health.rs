//! The parts of the bench for grpc-health-exporter.

mod cost;
mod crowd;
mod idle;
mod phases;
mod pods;
mod silent;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::figures::Figures;
use crate::process::{self, Place, Process};

/// One part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Size and memory while next to nothing happens.
    Idle,
    /// A server that is silent: who answers, and when.
    Silent,
    /// Delays show in their phase and in no other.
    Phases,
    /// Processor time per probe, beside the peer's.
    Cost,
    /// Thousands of targets on one core.
    Crowd,
}

/// What is to be measured.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The exporter's binary.
    pub(crate) exporter: PathBuf,
    /// Only these parts; all if none is named.
    pub(crate) only: Vec<Part>,
    /// In seconds instead of minutes.
    pub(crate) quick: bool,
}

/// An exporter at work.
#[derive(Debug)]
struct Exporter {
    process: Process,
    address: SocketAddr,
}

/// The peer at work.
#[derive(Debug)]
struct Blackbox {
    process: Process,
    address: SocketAddr,
    _config: tempfile::TempDir,
}

/// Runs the parts, one after the other.
pub(crate) async fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    figures.note(&format!("exporter {}", plan.exporter.display()))?;
    for part in Part::value_variants() {
        if !plan.only.is_empty() && !plan.only.contains(part) {
            continue;
        }
        match part {
            Part::Idle => idle::run(plan, figures).await?,
            Part::Silent => silent::run(plan, figures).await?,
            Part::Phases => phases::run(plan, figures).await?,
            Part::Cost => cost::run(plan, figures).await?,
            Part::Crowd => crowd::run(plan, figures).await?,
        }
    }
    Ok(())
}

// === impl Exporter ===

impl Exporter {
    /// Starts it on the pods in a folder.
    fn start(program: &Path, pods: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let address = process::free_address()?;
        let mut source = OsString::from("--source=files:");
        source.push(pods);
        let arguments = [format!("--web.listen-address={address}").into(), source]
            .into_iter()
            .chain(more.iter().map(OsString::from));
        Ok(Self {
            process: Process::start(program, arguments, Place::Measured)?,
            address,
        })
    }
}

// === impl Blackbox ===

impl Blackbox {
    /// Starts it, if it is to be had. Without, the figures beside ours are missing and no others.
    fn start() -> anyhow::Result<Option<Self>> {
        const MODULES: &str = "modules:\n  grpc:\n    prober: grpc\n    grpc:\n      tls: false\n      preferred_ip_protocol: ip4\n";
        let Some(program) = tools::program("prometheus-blackbox-exporter") else {
            return Ok(None);
        };
        let config = tempfile::tempdir()?;
        let file = config.path().join("blackbox.yml");
        std::fs::write(&file, MODULES)?;
        let address = process::free_address()?;
        let arguments = [
            format!("--web.listen-address={address}"),
            format!("--config.file={}", file.display()),
        ];
        Ok(Some(Self {
            process: Process::start(&program, arguments, Place::Measured)?,
            address,
            _config: config,
        }))
    }
}
