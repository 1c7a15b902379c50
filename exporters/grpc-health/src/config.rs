//! Flags as typed, and what they mean once checked.

use std::time::Duration;

use chassis::parse_duration;
use clap::{Args, Parser, Subcommand};
use kube_watch::{Scope, Source};

use crate::ask::allow::Allow;
use crate::command::{lint, replay};
use crate::probe::command as probe;

/// A budget may be passed by this much before an attempt is given up, at the least.
pub const DEFAULT_CAP: &str = "30s";
/// An attempt may last this many budgets, if that is longer than the cap.
pub const CAP_IN_BUDGETS: u32 = 10;
/// Attempts a second over all pods.
pub const DEFAULT_MAX_RATE: u32 = 500;
/// Attempts a second to one pod.
pub const DEFAULT_MAX_RATE_PER_POD: u32 = 2;
/// Four hours of a probe with the default period of 10 s.
pub const DEFAULT_WINDOW_SAMPLES: usize = 1440;
/// A recommendation on less is a guess: one slow answer in a thousand is what kills.
pub const DEFAULT_MIN_SAMPLES: usize = 1000;
/// Denser would load the target.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "grpc-health-exporter",
    about = "How near is each pod's gRPC health probe to its own budget, and which budget would be safe?",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct CommandLine {
    /// What to do instead of exporting.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The process: web server, logs, threads.
    #[command(flatten)]
    pub chassis: chassis::ChassisArgs,
    /// What is probed and how.
    #[command(flatten)]
    pub exporter: ExporterArgs,
}

/// What the binary does besides exporting.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Probe one server once, with `grpc_health_probe`'s flags and exit codes.
    Probe(probe::ProbeArgs),
    /// Say what the kubelet would have done under another budget.
    Replay(replay::ReplayArgs),
    /// Check the probes in manifests; exit 1 on findings.
    Lint(lint::LintArgs),
}

/// The exporter's flags, as typed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pods and probes")]
pub struct ExporterArgs {
    /// Where pods are read from: `cluster`, or `files:PATH` (what `kubectl get pods -o yaml` prints;
    /// a file or a folder, re-read when it changes).
    #[arg(long, env = "SOURCE", default_value = "cluster")]
    pub source: Source,
    /// Namespaces to look in, separated by commas [default: all].
    #[arg(long, env = "NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Only pods with these labels, e.g. `app=cartservice`.
    #[arg(long, env = "SELECTOR")]
    pub selector: Option<String>,
    /// Only pods on this node: for a `DaemonSet`, which then sees what the node's kubelet sees.
    #[arg(long, env = "NODE")]
    pub node: Option<String>,
    /// Probe this often instead of each pod's own period. Denser samples show every tick phase.
    #[arg(long = "probe.interval", env = "PROBE_INTERVAL", value_name = "DURATION", value_parser = parse_duration)]
    pub interval: Option<Duration>,
    /// Give an attempt up after this long or ten budgets, whichever is longer.
    #[arg(long = "probe.cap", env = "PROBE_CAP", default_value = DEFAULT_CAP, value_name = "DURATION", value_parser = parse_duration)]
    pub cap: Duration,
    /// Start at most this many attempts a second.
    #[arg(long = "probe.max-rate", env = "PROBE_MAX_RATE", default_value_t = DEFAULT_MAX_RATE, value_name = "N")]
    pub max_rate: u32,
    /// Start at most this many attempts a second to one pod.
    #[arg(long = "probe.max-rate-per-pod", env = "PROBE_MAX_RATE_PER_POD", default_value_t = DEFAULT_MAX_RATE_PER_POD, value_name = "N")]
    pub max_rate_per_pod: u32,
    /// Targets that `/probe` may reach beside the discovered pods: networks (`10.0.0.0/8`) and host
    /// names (`*.sre-demo.svc`), separated by commas.
    #[arg(
        long = "probe.allow",
        env = "PROBE_ALLOW",
        value_delimiter = ',',
        value_name = "PATTERN"
    )]
    pub allow: Vec<Allow>,
    /// Attempts kept for each handler to replay budgets over.
    #[arg(long = "window.samples", env = "WINDOW_SAMPLES", default_value_t = DEFAULT_WINDOW_SAMPLES, value_name = "N")]
    pub window_samples: usize,
    /// Recommend no timeout on fewer attempts.
    #[arg(long = "recommend.min-samples", env = "RECOMMEND_MIN_SAMPLES", default_value_t = DEFAULT_MIN_SAMPLES, value_name = "N")]
    pub min_samples: usize,
}

/// The exporter's flags, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where pods come from.
    pub source: Source,
    /// Which pods.
    pub scope: Scope,
    /// Own interval instead of each pod's period.
    pub interval: Option<Duration>,
    /// Shortest cap of an attempt.
    pub cap: Duration,
    /// Attempts a second, all pods.
    pub max_rate: u32,
    /// Attempts a second, one pod.
    pub max_rate_per_pod: u32,
    /// Beyond discovered pods.
    pub allow: Vec<Allow>,
    /// Attempts kept per handler.
    pub window_samples: usize,
    /// Attempts needed for a recommendation.
    pub min_samples: usize,
}

/// What is wrong with flags that parse one by one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A rate of nothing would probe nothing.
    #[error("{flag} must be at least 1")]
    Zero {
        /// The flag as typed.
        flag: &'static str,
    },
    /// No recommendation could ever come.
    #[error(
        "--recommend.min-samples={min} is more than --window.samples={window} keeps: nothing would ever be recommended"
    )]
    WindowTooSmall {
        /// Samples asked for.
        min: usize,
        /// Samples kept.
        window: usize,
    },
    /// Intervals below this would be a load test.
    #[error("--probe.interval={0:?} is below 100ms: that is a load test, not a probe")]
    IntervalTooShort(Duration),
}

impl TryFrom<ExporterArgs> for Config {
    type Error = ConfigError;

    fn try_from(args: ExporterArgs) -> Result<Self, ConfigError> {
        for (flag, value) in [
            ("--probe.max-rate", args.max_rate as usize),
            ("--probe.max-rate-per-pod", args.max_rate_per_pod as usize),
            ("--window.samples", args.window_samples),
            ("--recommend.min-samples", args.min_samples),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { flag });
            }
        }
        if args.min_samples > args.window_samples {
            return Err(ConfigError::WindowTooSmall {
                min: args.min_samples,
                window: args.window_samples,
            });
        }
        if let Some(interval) = args
            .interval
            .filter(|interval| *interval < SHORTEST_INTERVAL)
        {
            return Err(ConfigError::IntervalTooShort(interval));
        }
        Ok(Self {
            source: args.source,
            scope: Scope {
                namespaces: args.namespaces,
                labels: args.selector,
                fields: args.node.map(|node| format!("spec.nodeName={node}")),
            },
            interval: args.interval,
            cap: args.cap,
            max_rate: args.max_rate,
            max_rate_per_pod: args.max_rate_per_pod,
            allow: args.allow,
            window_samples: args.window_samples,
            min_samples: args.min_samples,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(line: &[&str]) -> Result<Config, ConfigError> {
        let line = ["grpc-health-exporter"].iter().chain(line);
        let typed = CommandLine::try_parse_from(line).expect("flags parse");
        Config::try_from(typed.exporter)
    }

    #[test]
    fn a_node_becomes_a_field_selector() {
        let config = config(&["--node=sre-lab-agent-0"]).expect("valid");
        assert_eq!(
            config.scope.fields.as_deref(),
            Some("spec.nodeName=sre-lab-agent-0")
        );
    }

    #[test]
    fn contradictory_flags_are_named() {
        let too_small = config(&["--window.samples=10", "--recommend.min-samples=20"]);
        assert_eq!(
            too_small.unwrap_err(),
            ConfigError::WindowTooSmall {
                min: 20,
                window: 10
            }
        );
        let zero = config(&["--probe.max-rate=0"]).unwrap_err();
        assert_eq!(zero.to_string(), "--probe.max-rate must be at least 1");
        assert!(config(&["--probe.interval=1ms"]).is_err());
    }
}
