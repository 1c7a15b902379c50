//! The parts of the bench for hpa-exporter.

mod beside;
mod crowd;
mod decide;
mod held;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::figures::Figures;

/// One part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Ten thousand autoscalers decided by the engine, in this process.
    Decide,
    /// The controller's own Go code on the same scenarios.
    Beside,
    /// The exporter with all of them and their pods: memory, and how soon a change is on the page.
    Held,
}

/// What is to be measured.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The exporter's binary.
    pub(crate) exporter: PathBuf,
    /// The controller's code, as `tests/oracle/hpa/build` makes it.
    pub(crate) oracle: Option<PathBuf>,
    /// Only these parts; all if none is named.
    pub(crate) only: Vec<Part>,
    /// In seconds instead of minutes.
    pub(crate) quick: bool,
}

impl Plan {
    /// Autoscalers in the crowd.
    const fn autoscalers(&self) -> usize {
        if self.quick { 200 } else { 10_000 }
    }
}

/// Runs the parts, one after the other.
pub(crate) async fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    figures.note(&format!("exporter {}", plan.exporter.display()))?;
    for part in Part::value_variants() {
        if !plan.only.is_empty() && !plan.only.contains(part) {
            continue;
        }
        match part {
            Part::Decide => decide::run(plan, figures)?,
            Part::Beside => beside::run(plan, figures)?,
            Part::Held => held::run(plan, figures).await?,
        }
    }
    Ok(())
}
