//! Flags as typed, and what they mean once checked.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser};
use http::Uri;
use http::uri::{Authority, Scheme};
use ipnet::IpNet;
use reach::{Agent, PodName};

use crate::dial::Allow;

/// Dials a second, all together.
pub const DEFAULT_MAX_RATE: u16 = 10;
/// Whoever asks for more wants a load test.
const HIGHEST_MAX_RATE: i64 = 1_000;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "reach-agent")]
pub struct CommandLine {
    /// The process: web server, logs, threads.
    #[command(flatten)]
    pub chassis: chassis::ChassisArgs,
    /// Whom it asks, who it is, and what it may dial.
    #[command(flatten)]
    pub agent: AgentArgs,
}

/// The agent's flags, as typed.
#[derive(Args, Clone, Debug)]
pub struct AgentArgs {
    /// Where netpol-exporter is, e.g. `http://netpol-exporter.monitoring:9602`.
    #[arg(long = "exporter.url", env = "EXPORTER_URL", value_name = "URL")]
    pub url: Uri,
    /// Authorities that the exporter's certificate has to come from, in PEM; for `https`.
    #[arg(
        long = "exporter.ca-file",
        env = "EXPORTER_CA_FILE",
        value_name = "FILE"
    )]
    pub ca_file: Option<PathBuf>,
    /// The token to show to the exporter, read anew for each report: a projected `ServiceAccount` token, or a secret that
    /// both sides know.
    #[arg(
        long = "exporter.token-file",
        env = "EXPORTER_TOKEN_FILE",
        value_name = "FILE"
    )]
    pub token_file: Option<PathBuf>,
    /// The namespace of this pod.
    #[arg(
        long = "pod.namespace",
        env = "POD_NAMESPACE",
        value_name = "NAME",
        required_unless_present = "node"
    )]
    pub pod_namespace: Option<String>,
    /// The name of this pod.
    #[arg(
        long = "pod.name",
        env = "POD_NAME",
        value_name = "NAME",
        required_unless_present = "node"
    )]
    pub pod_name: Option<String>,
    /// The UID of this pod.
    #[arg(long = "pod.uid", env = "POD_UID", value_name = "UID")]
    pub pod_uid: Option<String>,
    /// This is the agent of a node, on the node's own network: the control, which every policy lets through to the node's
    /// own pods. Wins over the pod.
    #[arg(long, env = "NODE", value_name = "NAME")]
    pub node: Option<String>,
    /// Enter the networks of the node's pods to dial from there. Needs the host's process namespace and the capabilities
    /// `SYS_ADMIN` and `SYS_PTRACE`.
    #[arg(long, env = "ENTER", requires = "node", value_parser = clap::builder::BoolishValueParser::new())]
    pub enter: bool,
    /// Make at most this many dials a second.
    #[arg(long = "dial.max-rate", env = "DIAL_MAX_RATE", value_name = "N", default_value_t = DEFAULT_MAX_RATE,
        value_parser = clap::value_parser!(u16).range(1..=HIGHEST_MAX_RATE))]
    pub max_rate: u16,
    /// Networks that may be dialled, separated by commas [default: all but loopback and link-local addresses].
    #[arg(
        long = "dial.allow",
        env = "DIAL_ALLOW",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    pub allow: Vec<IpNet>,
    /// Look whom the application of this pod dials, and tell the exporter, which suggests these flows as required ones.
    #[arg(long, env = "LEARN", conflicts_with = "node", value_parser = clap::builder::BoolishValueParser::new())]
    pub learn: bool,
    /// Dial from this address of the own network [default: what the route says].
    #[arg(long = "dial.from", env = "DIAL_FROM", value_name = "ADDRESS")]
    pub from: Option<IpAddr>,
}

/// The agent's flags, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where reports go.
    pub exporter: Exporter,
    /// Who reports.
    pub agent: Agent,
    /// Whether pods' networks may be entered.
    pub enter: bool,
    /// Dials a second.
    pub max_rate: u16,
    /// What may be dialled.
    pub allow: Allow,
    /// The address to dial from.
    pub from: Option<IpAddr>,
    /// Whether to look whom the application dials.
    pub learn: bool,
}

/// Where the exporter is and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Exporter {
    /// Its host and port.
    pub authority: Authority,
    /// The authorities behind its certificate; none for plain HTTP.
    pub ca_file: Option<PathBuf>,
    /// Where the token is.
    pub token_file: Option<PathBuf>,
}

/// What is wrong with flags that parse one by one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Neither `http://` nor `https://`, or more than a host and a port.
    #[error("--exporter.url={0}: it is http:// or https://, a host and a port, and nothing behind")]
    Url(String),
    /// Nobody to believe.
    #[error(
        "--exporter.url is https, and no --exporter.ca-file says whose certificates are believed"
    )]
    NoAuthority,
    /// A file that would go unread.
    #[error("--exporter.ca-file is for https, and --exporter.url is http")]
    IdleAuthority,
    /// No name of anything.
    #[error("{flag}={name:?} cannot be the name of an object")]
    Name {
        /// Where it was given.
        flag: &'static str,
        /// What was given.
        name: String,
    },
}

// === impl Config ===

impl TryFrom<AgentArgs> for Config {
    type Error = ConfigError;

    fn try_from(args: AgentArgs) -> Result<Self, ConfigError> {
        Ok(Self {
            exporter: exporter(&args)?,
            agent: agent(&args)?,
            enter: args.enter,
            max_rate: args.max_rate,
            allow: Allow::new(args.allow),
            from: args.from,
            learn: args.learn,
        })
    }
}

fn exporter(args: &AgentArgs) -> Result<Exporter, ConfigError> {
    let url = &args.url;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none();
    let wrong = || ConfigError::Url(url.to_string());
    let authority = url.authority().filter(|_| bare).ok_or_else(wrong)?;
    if authority.as_str().contains('@') {
        return Err(wrong());
    }
    let encrypted = match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        _ => return Err(wrong()),
    };
    match (encrypted, &args.ca_file) {
        (true, None) => Err(ConfigError::NoAuthority),
        (false, Some(_)) => Err(ConfigError::IdleAuthority),
        _ => Ok(Exporter {
            authority: authority.clone(),
            ca_file: args.ca_file.clone(),
            token_file: args.token_file.clone(),
        }),
    }
}

fn agent(args: &AgentArgs) -> Result<Agent, ConfigError> {
    let named = |flag, name: &Option<String>| {
        let name = name.clone().unwrap_or_default();
        if reach::is_name(&name) {
            Ok(name)
        } else {
            Err(ConfigError::Name { flag, name })
        }
    };
    if args.node.is_some() {
        return named("--node", &args.node).map(Agent::Node);
    }
    Ok(Agent::Pod(PodName {
        namespace: named("--pod.namespace", &args.pod_namespace)?,
        name: named("--pod.name", &args.pod_name)?,
        uid: match args.pod_uid {
            Some(_) => named("--pod.uid", &args.pod_uid)?,
            None => String::new(),
        },
    }))
}

// === impl Exporter ===

impl Exporter {
    /// The port, or the scheme's own.
    pub fn port(&self) -> u16 {
        let default = if self.ca_file.is_some() { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    /// The host as names are looked up: an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Result<Config, String> {
        let pod = ["reach-agent", "--pod.namespace=a", "--pod.name=b"];
        let line = CommandLine::try_parse_from(pod.iter().chain(flags));
        let line = line.map_err(|error| error.to_string())?;
        Config::try_from(line.agent).map_err(|error| error.to_string())
    }

    #[test]
    fn the_exporter_is_a_scheme_a_host_and_a_port() {
        let at = |url: &str| config(&[&format!("--exporter.url={url}")]);
        let plain = at("http://netpol-exporter.monitoring:9602")
            .unwrap()
            .exporter;
        assert_eq!(
            (plain.host(), plain.port()),
            ("netpol-exporter.monitoring", 9602)
        );
        let six = at("http://[::1]").unwrap().exporter;
        assert_eq!((six.host(), six.port()), ("::1", 80));
        for wrong in [
            "netpol-exporter:9602",
            "/metrics",
            "ftp://a",
            "http://a/b",
            "http://a?b",
            "http://user@a",
            "https://a",
        ] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn encryption_and_its_authorities_come_together() {
        let both = config(&["--exporter.url=https://a", "--exporter.ca-file=/ca"]).unwrap();
        assert_eq!(both.exporter.port(), 443);
        let idle = config(&["--exporter.url=http://a", "--exporter.ca-file=/ca"]);
        assert_eq!(idle.unwrap_err(), ConfigError::IdleAuthority.to_string());
    }

    #[test]
    fn a_node_wins_over_a_pod_and_only_a_node_enters() {
        let node = config(&["--exporter.url=http://a", "--node=server-0", "--enter"]).unwrap();
        assert_eq!(node.agent, Agent::Node("server-0".to_owned()));
        assert!(config(&["--exporter.url=http://a", "--enter"]).is_err());
        assert!(config(&["--exporter.url=http://a", "--node=a b"]).is_err());
    }
}
