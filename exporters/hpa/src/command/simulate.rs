//! `hpa-exporter simulate SPEC TRACE`: the replicas that a load would have had, sync by sync, decided by the controller's own rules.
//!
//! ```text
//! spec ──┐
//! trace ─┼─> play (pods) ─> table, lines, plot
//! flags ─┘
//! ```
//!
//! What is played is the controller; the pods are a model, and a plain one. There are as many as were asked for, at once. A new one is
//! ready when the start-up time is over, and until then does nothing and its metrics say so. All load is spread evenly over the pods that
//! are ready, whether they could bear it or not. Metrics are those of the instant. Whoever goes is the youngest.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chassis::parse_duration;
use clap::{Args, ValueEnum};

use self::trace::TraceFile;
use crate::config::ControllerArgs;

mod column;
mod lines;
mod play;
mod plot;
mod pods;
mod spec;
mod table;
mod trace;

/// Plays an autoscaler over a load.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// A manifest with the `HorizontalPodAutoscaler`. If the workload that it scales stands there as well, what its pods request is read from it.
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// The load over time: a CSV file whose first column is `time` (seconds) and whose others are called as the metrics are (`cpu`,
    /// `CONTAINER/cpu`, or a metric's name), or what Prometheus' `query_range` answers, as `METRIC=FILE` if there is more than one
    /// metric. Values are of all pods together: cores, bytes, requests. Each holds until the next.
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<TraceFile>,
    /// The autoscaler's name, if the manifest has several.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What each pod requests, such as `cpu=100m`; may be given more than once. It goes before what the workload says.
    #[arg(long = "request", value_name = "RESOURCE=QUANTITY", value_parser = spec::parse_request)]
    requests: Vec<spec::Request>,
    /// Replicas at the start [default: minReplicas].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    replicas: Option<i32>,
    /// How long a new pod takes until it is ready.
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = parse_duration)]
    startup: Duration,
    /// Two samples that are further apart are a gap, and refused.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    longest_gap: Duration,
    /// A table of what changed, a CSV line for each sync, or a plot.
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    /// Version, gates and flags.
    #[command(flatten)]
    controller: ControllerArgs,
}

/// How the answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Csv,
    Svg,
}

/// Runs the command: 0 with an answer, 2 when something could not be read.
pub fn run(args: &SimulateArgs) -> ExitCode {
    match answer(args) {
        Ok(text) => {
            // A reader that has seen enough is no error.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::from(2)
        }
    }
}

fn answer(args: &SimulateArgs) -> anyhow::Result<String> {
    let controller = args.controller.controller()?;
    let scale_to_zero = controller.profile.scale_to_zero;
    let subject = spec::read(&args.spec, args.name.as_deref(), scale_to_zero)?;
    let template = subject.template(&args.requests)?;
    let columns = column::of(&subject.autoscaler.spec)?;
    let trace = trace::read(&args.traces, &columns, args.longest_gap)?;
    let autoscaler = subject.autoscaler;
    let play = play::Setting {
        replicas: args
            .replicas
            .unwrap_or(autoscaler.spec.minimum.unwrap_or(1)),
        startup: args.startup,
        controller,
        autoscaler,
        columns,
        template,
        trace,
    };
    let rows = play::play(&play)?;
    Ok(match args.output {
        Output::Table => table::table(&play, &rows),
        Output::Csv => lines::lines(&play, &rows)?,
        Output::Svg => plot::svg(&play, &rows),
    })
}

#[cfg(test)]
mod tests;
