//! What several tests ask of the gRPC health exporter.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::page::Page;
use crate::{Lab, eventually, page_of};

/// Its pod, in `monitoring`.
pub const SELECTOR: &str = "app.kubernetes.io/name=grpc-health-exporter";
const PORT: u16 = 9601;

/// Where it listens, as soon as it is one pod and has an address.
pub fn exporter(lab: &Lab) -> String {
    eventually("the exporter is one pod", Duration::from_mins(1), || {
        lab.address("monitoring", SELECTOR, PORT)
    })
}

/// Its page, if all of its watches are in step.
pub fn in_step(exporter: &str) -> Result<Page> {
    let page = page_of(exporter)?;
    let behind: Vec<_> = page
        .series("kube_watch_synced", &[])
        .filter(|(_, synced)| *synced < 0.5)
        .collect();
    ensure!(behind.is_empty(), "not in step: {behind:?}");
    Ok(page)
}

/// Its page, if it shows those pods of one of the shop's Deployments that there are, and no others.
pub fn in_step_with(lab: &Lab, exporter: &str, deployment: &str) -> Result<Page> {
    let pods = lab.pods("sre-demo", &format!("app={deployment}"))?;
    let there: BTreeSet<&str> = pods.iter().map(|(name, _)| name.as_str()).collect();
    let page = in_step(exporter)?;
    let prefix = format!("{deployment}-");
    let mut shown = page.values("grpc_probe_info", "pod");
    shown.retain(|pod| pod.starts_with(&prefix));
    ensure!(shown == there, "shown {shown:?}, there {there:?}");
    Ok(page)
}
