//! Flags as typed, and what they mean once checked.

use std::path::PathBuf;

use clap::{Args, Parser};
use kube_watch::Source;
use netpol_engine::Profile;

/// Flows whose series are on the page, at most.
pub const DEFAULT_MAX_SERIES: usize = 5_000;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "netpol-exporter",
    about = "Which calls that the application needs do the NetworkPolicies forbid, does the network agree, and which policy is to blame?",
    disable_help_subcommand = true
)]
pub struct CommandLine {
    /// The process: web server, logs, threads.
    #[command(flatten)]
    pub chassis: chassis::ChassisArgs,
    /// What is watched and required.
    #[command(flatten)]
    pub exporter: ExporterArgs,
}

/// The exporter's flags, as typed.
#[derive(Debug, Args)]
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
    /// Which network plugin decides what the API leaves open: `specification` (nobody, so it is undefined), `conformance`,
    /// `calico`, `antrea`, `cilium`, `kube-router`, `aws` or `none`.
    #[arg(long, env = "PROFILE", default_value = "specification", value_parser = profile)]
    pub profile: Profile,
    /// Required flows that have series of their own; what is left out is counted.
    #[arg(long = "flows.max-series", env = "FLOWS_MAX_SERIES", default_value_t = DEFAULT_MAX_SERIES, value_name = "N")]
    pub max_series: usize,
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
    /// How what the API leaves open is decided.
    pub profile: Profile,
    /// Flows with series of their own, at most.
    pub max_series: usize,
}

fn profile(name: &str) -> Result<Profile, String> {
    Profile::named(name).ok_or_else(|| {
        let names = Profile::ALL.map(|it| it.name);
        format!("no such profile: it is one of {}", names.join(", "))
    })
}

// === impl Config ===

impl From<ExporterArgs> for Config {
    fn from(args: ExporterArgs) -> Self {
        Self {
            infer: args.infer.unwrap_or(args.flows.is_empty()),
            source: args.source,
            flows: args.flows,
            profile: args.profile,
            max_series: args.max_series,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(line: &[&str]) -> Result<Config, String> {
        let line = ["netpol-exporter"].iter().chain(line);
        let typed = CommandLine::try_parse_from(line).map_err(|error| error.to_string())?;
        Ok(Config::from(typed.exporter))
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
}
