//! The controller's own Go code on the same scenarios, one after the other on one core.
//!
//! Go's figure is a whole `reconcileKey`: listers, scale, metrics and status are answered from memory, and all of them, with the events,
//! are in it. Ours is the decision: objects and metrics are read beforehand, the pods are selected, and
//! nothing is written. So the ratio is that of what a sync costs here and there, and not of the arithmetic alone.

use hpa_oracle::generate::{self, Kind};
use hpa_oracle::oracle::Oracle;
use hpa_oracle::timing::beside;

use super::Plan;
use crate::figures::Figures;

/// Scenarios, of six syncs or so each.
const SCENARIOS: u64 = 4_000;
const FEW: u64 = 100;

pub(super) fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let Some(program) = plan.oracle.clone().or_else(|| tools::program("hpa-oracle")) else {
        return Ok(());
    };
    let count = if plan.quick { FEW } else { SCENARIOS };
    let scenarios: Vec<_> = (0..count)
        .map(|seed| generate::scenario(Kind::Random, seed))
        .collect();
    let times = beside(&Oracle::new(program), &scenarios)?;
    figures.note(&format!(
        "{} syncs of {count} random scenarios; Go: reconcileKey, all clients answering from memory; ours: the decision, all inputs read",
        times.ours.len()
    ))?;
    let (theirs, ours) = (mean(&times.theirs), mean(&times.ours));
    figures.plain("hpa_sync_go", theirs, "us")?;
    figures.plain("hpa_sync_ours", ours, "us")?;
    figures.plain("hpa_sync_share_of_go", ours / theirs, "ratio")?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
