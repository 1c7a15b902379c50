//! The flags that every binary shares, as exporter-toolkit names them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, ValueEnum};
use thiserror::Error;

use crate::About;
use crate::duration::parse_duration;
use crate::web::listen::ListenAddress;

/// Requests answered at once unless `--web.max-requests` says otherwise; exporter-toolkit's figure.
const DEFAULT_MAX_REQUESTS: &str = "40";
/// Ten seconds less than Kubernetes waits before it kills.
const DEFAULT_GRACE: &str = "20s";
const MOST_THREADS: i64 = 1024;

/// The flags that every binary shares: flatten them into the binary's own `clap::Parser`.
///
/// Each has an environment variable: the flag's name in capitals with `_` for `.` and `-`, so `WEB_LISTEN_ADDRESS` for
/// `--web.listen-address`; lists are separated by commas there. A flag wins over its variable.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Process and web server")]
pub struct ChassisArgs {
    /// Address to serve on; repeatable. No host means all addresses, port 0 a free one
    #[arg(
        long = "web.listen-address",
        env = "WEB_LISTEN_ADDRESS",
        value_name = "[HOST]:PORT",
        value_delimiter = ','
    )]
    pub(crate) listen_addresses: Vec<ListenAddress>,

    /// Path of the metrics page
    #[arg(long = "web.telemetry-path", env = "WEB_TELEMETRY_PATH", value_name = "PATH", default_value = "/metrics", value_parser = parse_path)]
    pub(crate) telemetry_path: String,

    /// File with TLS, users, headers and rate limit, in exporter-toolkit's format; read again when it changes
    #[arg(long = "web.config.file", env = "WEB_CONFIG_FILE", value_name = "FILE")]
    pub(crate) web_config: Option<PathBuf>,

    /// Requests answered at once; 503 beyond, 0 for no limit. Health paths do not count
    #[arg(long = "web.max-requests", env = "WEB_MAX_REQUESTS", value_name = "COUNT", default_value = DEFAULT_MAX_REQUESTS)]
    pub(crate) max_requests: usize,

    /// Second address, always plain HTTP, for /livez, /readyz and /healthz only: a kubelet has no client certificate
    #[arg(
        long = "web.health-address",
        env = "WEB_HEALTH_ADDRESS",
        value_name = "[HOST]:PORT"
    )]
    pub(crate) health_address: Option<ListenAddress>,

    /// Leave out the metrics about the web server itself
    #[arg(long = "web.disable-exporter-metrics", env = "WEB_DISABLE_EXPORTER_METRICS", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) disable_exporter_metrics: bool,

    /// Least level that is logged
    #[arg(
        long = "log.level",
        env = "LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub(crate) log_level: LogLevel,

    /// Format of the log, which goes to standard error
    #[arg(
        long = "log.format",
        env = "LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "logfmt"
    )]
    pub(crate) log_format: LogFormat,

    /// Threads that run tasks; what keeps time has as many of its own
    #[arg(long = "threads", env = "THREADS", value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=MOST_THREADS))]
    pub(crate) threads: u16,

    /// Check flags and files, say what is wrong, and exit: 0 when all is well, 2 when not
    #[arg(long = "config.check", env = "CONFIG_CHECK", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) config_check: bool,

    /// Longest wait for open requests and unfinished work after SIGTERM or SIGINT
    #[arg(long = "shutdown.grace", env = "SHUTDOWN_GRACE", value_name = "DURATION", default_value = DEFAULT_GRACE, value_parser = parse_duration)]
    pub(crate) shutdown_grace: Duration,
}

/// `--log.level`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// `--log.format`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    Logfmt,
    Json,
}

/// Flags that are right one by one and wrong together.
#[derive(Debug, Error, Eq, PartialEq)]
pub(crate) enum FlagError {
    #[error("--web.listen-address={0} is given twice")]
    ListenTwice(ListenAddress),
    #[error(
        "--web.health-address={0} is also a --web.listen-address: the health listener needs an address of its own"
    )]
    HealthOnListen(ListenAddress),
    #[error(
        "--web.telemetry-path={0} is already taken: /livez, /readyz and /healthz tell the process' health"
    )]
    TelemetryOnHealth(String),
    #[error("--web.telemetry-path={0} is already taken by another page of this binary")]
    TelemetryOnRoute(String),
}

/// Reads a binary's command line: name, description, `--version` and the default address come from `about`. On `--help`, `--version`
/// and wrong flags it prints and exits, with 0, 0 and 2.
pub fn parse<A: Parser>(about: &About) -> A {
    let matches = command::<A>(about).get_matches();
    A::from_arg_matches(&matches)
        .unwrap_or_else(|error| error.format(&mut command::<A>(about)).exit())
}

fn command<A: CommandFactory>(about: &About) -> clap::Command {
    A::command()
        .name(about.name)
        .about(about.description)
        // A flattened struct would put its own documentation here.
        .long_about(about.description)
        .version(about.version)
        .long_version(about.long_version())
        .mut_arg("listen_addresses", |argument| {
            argument.default_value(format!(":{}", about.default_port))
        })
}

fn parse_path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%' | b'"' | b'<' | b'>')
    };
    if text.starts_with('/') && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not a path: it starts with `/` and has no spaces, `?`, `#` or `%`"
        ))
    }
}

// === impl ChassisArgs ===

impl ChassisArgs {
    /// What no single flag can know.
    pub(crate) fn check(&self) -> Result<(), FlagError> {
        for (index, address) in self.listen_addresses.iter().enumerate() {
            if address.port != 0 && self.listen_addresses[..index].contains(address) {
                return Err(FlagError::ListenTwice(address.clone()));
            }
            if address.port != 0 && self.health_address.as_ref() == Some(address) {
                return Err(FlagError::HealthOnListen(address.clone()));
            }
        }
        if crate::web::health::PATHS.contains(&self.telemetry_path.as_str()) {
            return Err(FlagError::TelemetryOnHealth(self.telemetry_path.clone()));
        }
        Ok(())
    }
}
