//! The engine of the NetworkPolicy prober: every verdict of a cluster, from nothing and after an event, beside cyclonus' matcher.
//!
//! Each part runs in a process of its own, so that what one leaves behind in memory is not another's.

mod clock;
mod cold;
mod events;
mod objects;
mod peer;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::figures::Figures;
use crate::process;

use cold::Cold;
use objects::Objects;

/// One part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// 10,000 pods in 100 namespaces with 1,000 policies: from nothing, and then events and questions.
    Usual,
    /// The same cluster, beside cyclonus.
    Peer,
    /// 100,000 pods in 25,000 namespaces with 75,000 policies.
    ManyNamespaces,
    /// 10,000 pods, each of its own kind, with 10,000 policies that select all of them.
    AllSelectAll,
}

/// What is to be measured.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Tries every part in seconds, on a hundredth of the pods: figures without a verdict.
    #[arg(long)]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// What `go build` makes of tests/oracle/netpol; without it, it is built first.
    #[arg(long, value_name = "PATH")]
    oracle: Option<PathBuf>,
    /// Measure in this process.
    #[arg(long, hide = true)]
    here: bool,
}

/// Runs the parts, one after the other.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    let figures = Figures::new(!plan.quick);
    for part in Part::value_variants() {
        if !plan.only.is_empty() && !plan.only.contains(part) {
            continue;
        }
        if plan.here {
            part.measure(plan, &figures)?;
        } else {
            part.run_apart(plan)?;
        }
    }
    Ok(())
}

// === impl Part ===

impl Part {
    fn run_apart(self, plan: &Plan) -> anyhow::Result<()> {
        let name = self.to_possible_value();
        let name = name.as_ref().map_or("", |it| it.get_name());
        let mut arguments = vec![
            "netpol".into(),
            "--here".into(),
            "--only".into(),
            name.into(),
        ];
        if plan.quick {
            arguments.push("--quick".into());
        }
        if let Some(oracle) = &plan.oracle {
            arguments.extend(["--oracle".into(), oracle.into()]);
        }
        let ended = process::run_measured(&std::env::current_exe()?, &arguments)?;
        if !ended.success() {
            bail!("{name}: {ended}");
        }
        Ok(())
    }

    fn measure(self, plan: &Plan, figures: &Figures) -> anyhow::Result<()> {
        let of = |number| if plan.quick { number / 50 } else { number };
        let cold = match self {
            Self::Usual => Cold {
                name: "usual",
                objects: Objects::usual(of(100)),
                ports: &[8000, 8001, 8002, 8003, 9090, 53],
                time: Duration::from_millis(100),
                bytes: 200e6,
            },
            Self::ManyNamespaces => Cold {
                name: "many_namespaces",
                objects: Objects::many_namespaces(of(25_000)),
                ports: &[],
                time: Duration::from_secs(2),
                bytes: 1.5e9,
            },
            Self::AllSelectAll => Cold {
                name: "all_select_all",
                objects: Objects::all_select_all(of(10_000)),
                ports: &[8080],
                time: Duration::from_secs(2),
                bytes: 1.5e9,
            },
            Self::Peer => {
                let objects = Objects::usual(of(100));
                return peer::run(&objects, plan.oracle.as_deref(), plan.quick, figures);
            }
        };
        let mut matrix = cold.run(plan.quick, figures)?;
        match self {
            Self::Usual => events::run(&mut matrix, plan.quick, figures),
            _ => Ok(()),
        }
    }
}
