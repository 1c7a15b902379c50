//! The controller's own Go code on the same scenarios, one after the other on one core.
//!
//! Go's figure is a whole `reconcileKey`: listers, scale, metrics and status are answered from memory, and all of them, with the events,
//! are in it. Ours is the decision: objects and metrics are read beforehand, the pods are selected, and
//! nothing is written. So the ratio is that of what a sync costs here and there, and not of the arithmetic alone.

use std::time::Instant;

use hpa_engine::{Memory, Minor, Rivals};
use hpa_oracle::generate::{self, Kind};
use hpa_oracle::oracle::Oracle;
use hpa_oracle::play::watch;

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
    let outcomes = Oracle { program }.time(&scenarios)?;
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for (scenario, outcome) in scenarios.iter().zip(&outcomes) {
        let mut spent = Vec::new();
        watch(scenario, Minor::V36, Some(outcome), |seen, _| {
            let mut alone = Rivals::default();
            let autoscaler = seen.sync.autoscaler;
            alone.register(&autoscaler.namespace, &autoscaler.name);
            let mut memory: Memory = seen.memory.clone();
            let start = Instant::now();
            std::hint::black_box(seen.controller.sync(&seen.sync, &mut memory, &mut alone));
            spent.push(start.elapsed().as_secs_f64() * 1e6);
        })?;
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a sync")]
        let took = outcome.records.iter().map(|it| it.took as f64 / 1e3);
        // A step without an autoscaler is no sync to either.
        theirs.extend(
            took.zip(&outcome.records)
                .filter_map(|(took, record)| record.status.is_some().then_some(took)),
        );
        ours.extend(spent);
    }
    figures.note(&format!(
        "{} syncs of {count} random scenarios; Go: reconcileKey, all clients answering from memory; ours: the decision, all inputs read",
        ours.len()
    ))?;
    let (theirs, ours) = (sum(&theirs) / length(&theirs), sum(&ours) / length(&ours));
    figures.plain("hpa_sync_go", theirs, "us")?;
    figures.plain("hpa_sync_ours", ours, "us")?;
    figures.plain("hpa_sync_share_of_go", ours / theirs, "ratio")?;
    Ok(())
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn length(values: &[f64]) -> f64 {
    values.len() as f64
}
