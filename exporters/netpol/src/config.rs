//! Flags as typed, and what they mean once checked.

use std::path::PathBuf;
use std::time::Duration;

use chassis::parse_duration;
use clap::{Args, Parser, Subcommand};
use kube_watch::Source;
use netpol_engine::{ObjectKey, Profile};

use crate::command::{check, diff, explain, matrix, suggest};
use crate::observe;

/// From one dial of a pair to the next.
pub const DEFAULT_DIAL_INTERVAL: &str = "30s";
/// Two SYNs and a little: the kernel sends the second after one second.
pub const DEFAULT_DIAL_TIMEOUT: &str = "2s";
/// Dials a second over all agents: nobody's network notices.
pub const DEFAULT_DIAL_MAX_RATE: u32 = 100;
/// A few dials may be lost before a flow counts as no longer watched.
pub const DEFAULT_EVIDENCE_MAX_AGE: &str = "2m";
/// Twenty times the slowest median that is published for a plugin to follow a policy (116 ms).
pub const DEFAULT_EVIDENCE_SETTLE: &str = "2s";
/// The `ServiceAccount` of the agents on nodes.
pub const DEFAULT_NODE_ACCOUNT: &str = "monitoring/reach-agent";

/// Flows whose series are on the page, at most.
pub const DEFAULT_MAX_SERIES: usize = 5_000;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "netpol-exporter",
    about = "Which calls that the application needs do the NetworkPolicies forbid, does the network agree, and which policy is to blame?",
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
    /// What is watched and required.
    #[command(flatten)]
    pub exporter: ExporterArgs,
}

/// What the binary does besides exporting.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what policies forbid of what the application needs; exit 1 if they do.
    Check(check::CheckArgs),
    /// Say why a connection is allowed or not; exit 1 if it is not.
    Explain(explain::ExplainArgs),
    /// Print the smallest policies that would open what is required and blocked.
    Suggest(suggest::SuggestArgs),
    /// Say what a change of policies opens and closes, as Markdown; exit 1 if it blocks a required flow.
    Diff(diff::DiffArgs),
    /// Show who may dial whom.
    Matrix(matrix::MatrixArgs),
}

/// The exporter's flags, as typed.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is watched, required and dialled")]
pub struct ExporterArgs {
    /// Where policies, pods, namespaces, nodes and Services are read from: `cluster`, or `files:PATH` (manifests, or what
    /// `kubectl get -o yaml` prints; a file or a folder, re-read when it changes).
    #[arg(long, env = "SOURCE", default_value = "cluster")]
    pub source: Source,
    /// Files that list what the application needs, separated by commas; re-read when they change.
    #[arg(long, env = "FLOWS", value_delimiter = ',', value_name = "FILE")]
    pub flows: Vec<PathBuf>,
    /// Take what the pods' environments name (`CART_SERVICE_ADDR=cartservice:7070`) as required, too
    /// [default: true without --flows].
    #[arg(long = "flows.infer", env = "FLOWS_INFER", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub infer: Option<bool>,
    /// Take what agents see applications use (`reach-agent --learn`) as required, too, and as soft: what came through and leads to a Service
    /// or a workload. Without, it is suggested at /learnt.yaml and no more.
    #[arg(long = "flows.learn", env = "FLOWS_LEARN")]
    pub learn: bool,
    /// Which network plugin decides what the API leaves open: `specification` (nobody, so it is undefined), `conformance`,
    /// `calico`, `antrea`, `cilium`, `kube-router`, `aws` or `none`.
    #[arg(long, env = "PROFILE", default_value = "specification", value_parser = profile)]
    pub profile: Profile,
    /// Required flows that have series of their own; what is left out is counted.
    #[arg(long = "flows.max-series", env = "FLOWS_MAX_SERIES", default_value_t = DEFAULT_MAX_SERIES, value_name = "N")]
    pub max_series: usize,
    /// Let agents in that have the token in this file. In a cluster they need none: there the API server says whose token it is
    /// (audience `netpol-exporter`).
    #[arg(
        long = "agents.token-file",
        env = "AGENTS_TOKEN_FILE",
        value_name = "FILE"
    )]
    pub token_file: Option<PathBuf>,
    /// The `ServiceAccount` of agents on nodes, `NAMESPACE/NAME`: only its pods are believed about nodes.
    #[arg(long = "agents.node-account", env = "AGENTS_NODE_ACCOUNT", default_value = DEFAULT_NODE_ACCOUNT, value_name = "ACCOUNT", value_parser = account)]
    pub node_account: ObjectKey,
    /// Let agents on nodes dial from within pods that have no agent of their own (`reach-agent --enter`).
    #[arg(long = "agents.enter", env = "AGENTS_ENTER")]
    pub enter: bool,
    /// From one dial of a pair to the next.
    #[arg(long = "dial.interval", env = "DIAL_INTERVAL", default_value = DEFAULT_DIAL_INTERVAL, value_name = "DURATION", value_parser = parse_duration)]
    pub dial_interval: Duration,
    /// Patience of a dial.
    #[arg(long = "dial.timeout", env = "DIAL_TIMEOUT", default_value = DEFAULT_DIAL_TIMEOUT, value_name = "DURATION", value_parser = parse_duration)]
    pub dial_timeout: Duration,
    /// Dials a second over all agents; with more pairs than that each is dialled less often.
    #[arg(long = "dial.max-rate", env = "DIAL_MAX_RATE", default_value_t = DEFAULT_DIAL_MAX_RATE, value_name = "N")]
    pub max_rate: u32,
    /// What was observed longer ago than this is not known any more; never less than three intervals.
    #[arg(long = "evidence.max-age", env = "EVIDENCE_MAX_AGE", default_value = DEFAULT_EVIDENCE_MAX_AGE, value_name = "DURATION", value_parser = parse_duration)]
    pub max_age: Duration,
    /// How long after a change the network may still do what it did before.
    #[arg(long = "evidence.settle", env = "EVIDENCE_SETTLE", default_value = DEFAULT_EVIDENCE_SETTLE, value_name = "DURATION", value_parser = parse_duration)]
    pub settle: Duration,
    /// Call a flow unknown that nobody has observed, and not ok because the policies allow it.
    #[arg(long = "evidence.required", env = "EVIDENCE_REQUIRED")]
    pub required: bool,
}

/// The exporter's flags, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where objects come from.
    pub source: Source,
    /// Files of required flows.
    pub flows: Vec<PathBuf>,
    /// Whether to read more from environments.
    pub infer: bool,
    /// Whether what agents learn is required.
    pub learn: bool,
    /// How what the API leaves open is decided.
    pub profile: Profile,
    /// Flows with series of their own, at most.
    pub max_series: usize,
    /// The token that agents share.
    pub token_file: Option<PathBuf>,
    /// The `ServiceAccount` of agents on nodes.
    pub node_account: ObjectKey,
    /// How the network is tried.
    pub observe: observe::Settings,
}

/// What is wrong with flags that parse one by one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Agents would not take it.
    #[error("{flag}={value:?} is not between {least:?} and {most:?}")]
    OutOfBounds {
        /// The flag as typed.
        flag: &'static str,
        /// As typed.
        value: Duration,
        /// At least.
        least: Duration,
        /// At most.
        most: Duration,
    },
    /// Nothing would ever be dialled.
    #[error("--dial.max-rate must be at least 1")]
    NoRate,
}

pub(crate) fn profile(name: &str) -> Result<Profile, String> {
    Profile::named(name).ok_or_else(|| {
        let names = Profile::ALL.map(|it| it.name);
        format!("no such profile: it is one of {}", names.join(", "))
    })
}

fn account(text: &str) -> Result<ObjectKey, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok(ObjectKey::new(namespace, name))
        }
        _ => Err("has to be NAMESPACE/NAME".to_owned()),
    }
}

fn within(
    flag: &'static str,
    value: Duration,
    bounds: &std::ops::RangeInclusive<f64>,
) -> Result<(), ConfigError> {
    if bounds.contains(&value.as_secs_f64()) {
        return Ok(());
    }
    Err(ConfigError::OutOfBounds {
        flag,
        value,
        least: Duration::from_secs_f64(*bounds.start()),
        most: Duration::from_secs_f64(*bounds.end()),
    })
}

// === impl Config ===

impl TryFrom<ExporterArgs> for Config {
    type Error = ConfigError;

    fn try_from(args: ExporterArgs) -> Result<Self, ConfigError> {
        within("--dial.interval", args.dial_interval, &reach::Dial::EVERY)?;
        within("--dial.timeout", args.dial_timeout, &reach::Dial::TIMEOUT)?;
        if args.max_rate == 0 {
            return Err(ConfigError::NoRate);
        }
        Ok(Self {
            infer: args.infer.unwrap_or(args.flows.is_empty()),
            learn: args.learn,
            source: args.source,
            flows: args.flows,
            profile: args.profile,
            max_series: args.max_series,
            token_file: args.token_file,
            node_account: args.node_account,
            observe: observe::Settings {
                every: args.dial_interval,
                timeout: args.dial_timeout,
                max_rate: args.max_rate.into(),
                max_age: args.max_age,
                settle: args.settle,
                enter: args.enter,
                required: args.required,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(line: &[&str]) -> Result<Config, String> {
        let line = ["netpol-exporter"].iter().chain(line);
        let typed = CommandLine::try_parse_from(line).map_err(|error| error.to_string())?;
        Config::try_from(typed.exporter).map_err(|error| error.to_string())
    }

    #[test]
    fn environments_are_read_where_nothing_is_written_or_somebody_asks_for_it() {
        let infer = |line: &[&str]| config(line).unwrap().infer;
        assert!(infer(&[]));
        assert!(!infer(&["--flows=a.yaml"]));
        assert!(infer(&["--flows=a.yaml", "--flows.infer"]));
        assert!(!infer(&["--flows.infer=false"]));
    }

    #[test]
    fn an_unknown_profile_is_refused_with_those_there_are() {
        let message = config(&["--profile=flannel"]).unwrap_err();
        assert!(message.contains("kube-router"), "{message}");
    }

    #[test]
    fn what_agents_would_not_take_is_refused_by_its_flag() {
        for (flag, named) in [
            ("--dial.interval=500ms", "--dial.interval"),
            ("--dial.timeout=2m", "--dial.timeout"),
            ("--dial.max-rate=0", "--dial.max-rate"),
            ("--agents.node-account=reach-agent", "NAMESPACE/NAME"),
        ] {
            let message = config(&[flag]).unwrap_err();
            assert!(message.contains(named), "{message}");
        }
    }
}
