//! How long a sync takes, here and there, on the same scenarios.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use hpa_engine::{Minor, Rivals};

use crate::oracle::Oracle;
use crate::play::watch;
use crate::scenario::Scenario;

/// Microseconds of each sync.
#[derive(Debug, Default)]
pub struct Times {
    /// The controller's whole `reconcileKey`: listers, scale, metrics and status are answered from memory, and all of them, with the events,
    /// are in it.
    pub theirs: Vec<f64>,
    /// The engine's decision: objects and metrics are read beforehand, the pods are selected, and nothing is written.
    pub ours: Vec<f64>,
}

/// Plays scenarios on both sides, one after the other.
pub fn beside(oracle: &Oracle, scenarios: &[Scenario]) -> Result<Times> {
    let mut times = Times::default();
    for (scenario, outcome) in scenarios.iter().zip(oracle.time(scenarios)?) {
        // A step without an autoscaler is no sync to either.
        let syncs = outcome.records.iter().filter(|it| it.status.is_some());
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a sync")]
        times.theirs.extend(syncs.map(|it| it.took as f64 / 1e3));
        watch(scenario, Minor::V36, Some(&outcome), |seen, _| {
            let autoscaler = seen.sync.autoscaler;
            let (mut alone, mut memory) = (Rivals::default(), seen.memory.clone());
            alone.register(&autoscaler.namespace, &autoscaler.name);
            let start = Instant::now();
            black_box(seen.controller.sync(&seen.sync, &mut memory, &mut alone));
            times.ours.push(start.elapsed().as_secs_f64() * 1e6);
        })?;
    }
    Ok(times)
}
