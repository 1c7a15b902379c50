//! A delay shows in its phase and in no other. What the delay came to, the server says: its timer is not exact either.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::Plan;
use crate::figures::{Figures, Target, quantile};
use crate::process::{self, Process};

const DELAY_MILLISECONDS: u64 = 300;
/// Within this much, and in no other phase more than it.
const ACCURACY_MILLISECONDS: f64 = 5.0;

pub(super) async fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let attempts = if plan.quick { 5 } else { 200 };
    for (phase, fault) in [("http2", "settings_delay_ms"), ("rpc", "rpc_delay_ms")] {
        let server = Server::start().await?;
        server.set(fault, DELAY_MILLISECONDS).await?;
        let (mut errors, mut others) = (Vec::new(), Vec::new());
        for _ in 0..attempts {
            let found = probe(&plan.exporter, server.listen).await?;
            let milliseconds = |name| found[name].as_f64().unwrap_or(0.0) * 1000.0;
            let injected = server.injected(phase).await?;
            errors.push((milliseconds(phase) - injected).abs());
            let rest = ["connect", "tls", "http2", "rpc"]
                .into_iter()
                .filter(|name| *name != phase);
            others.push(rest.map(milliseconds).fold(0.0, f64::max));
        }
        let target = Target::AtMost(ACCURACY_MILLISECONDS);
        figures.plain(
            &format!("grpc_health_phase_{phase}_error_p50"),
            quantile(errors.clone(), 0.5),
            "ms",
        )?;
        figures.against(
            &format!("grpc_health_phase_{phase}_error_p99"),
            quantile(errors, 0.99),
            "ms",
            target,
        )?;
        figures.against(
            &format!("grpc_health_phase_not_{phase}_p99"),
            quantile(others, 0.99),
            "ms",
            target,
        )?;
    }
    Ok(())
}

/// One of the shop's services, with its faults.
#[derive(Debug)]
pub(super) struct Server {
    _process: Process,
    pub(super) listen: SocketAddr,
    admin: shop::Remote,
}

impl Server {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let free = || process::free_address().map(|address| address.to_string());
        let arguments = [
            "--role".to_owned(),
            "adservice".to_owned(),
            "--listen".to_owned(),
            free()?,
            "--admin".to_owned(),
            free()?,
        ];
        let (process, lines) = process::shop(&arguments, 1)?;
        let said: Value = serde_json::from_str(&lines.concat())?;
        let address = |name: &str| -> anyhow::Result<SocketAddr> {
            Ok(said[name].as_str().context("no address")?.parse()?)
        };
        let server = Self {
            _process: process,
            listen: address("listen")?,
            admin: shop::Remote::new(address("admin")?),
        };
        server.admin.clear_faults().await?;
        Ok(server)
    }

    pub(super) async fn set(&self, fault: &str, value: impl Into<Value>) -> anyhow::Result<()> {
        let faults = Value::Object([(fault.to_owned(), value.into())].into_iter().collect());
        let faults = shop::Faults::from_json(faults.to_string().as_bytes())?;
        self.admin.set_faults(&faults).await?;
        Ok(())
    }

    /// What the latest delay in that phase came to, in milliseconds.
    async fn injected(&self, phase: &str) -> anyhow::Result<f64> {
        let stats = self.admin.stats().await?;
        let microseconds = match phase {
            "http2" => stats.settings_delay_us,
            _ => stats.rpc_delay_us,
        };
        let delay = Duration::from_micros(microseconds);
        ensure!(
            delay >= Duration::from_millis(DELAY_MILLISECONDS),
            "the server delayed by {delay:?} only"
        );
        Ok(delay.as_secs_f64() * 1000.0)
    }
}

/// Seconds by phase, of one attempt of the binary itself.
async fn probe(program: &Path, target: SocketAddr) -> anyhow::Result<Value> {
    let output = Command::new(program)
        .args(["probe", &target.to_string(), "--json"])
        .stdin(Stdio::null())
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "probe {target}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let mut report: Value = serde_json::from_slice(&output.stdout)?;
    Ok(report["phases_seconds"].take())
}
