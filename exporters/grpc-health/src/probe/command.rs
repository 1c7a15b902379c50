//! `grpc-health-exporter probe HOST:PORT`: one attempt, with `grpc_health_probe`'s flags, messages and exit codes, and
//! with what that one does not tell: where the time went.

mod ask;
mod line;
mod report;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chassis::parse_duration;
use clap::{Args, FromArgMatches};
use tokio::runtime::Builder;

use ask::{Ask, ask};
use report::{Outcome, Report};

/// Flags of `grpc_health_probe` (`main.go` of v0.4.56), less ALTS, SPIFFE and gzip.
#[derive(Args, Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that was typed or not"
)]
pub struct ProbeArgs {
    /// The server, as HOST:PORT.
    #[arg(value_name = "HOST:PORT", conflicts_with = "addr")]
    pub target: Option<String>,
    /// The server, as HOST:PORT: `grpc_health_probe`'s way to name it.
    #[arg(long, value_name = "HOST:PORT")]
    pub addr: Option<String>,
    /// The service to ask for [default: the whole server].
    #[arg(long, default_value = "", hide_default_value = true)]
    pub service: String,
    /// The user agent to go by.
    #[arg(long, value_name = "NAME")]
    pub user_agent: Option<String>,
    /// How long to wait for a connection: name, TCP, TLS and HTTP/2.
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = parse_duration)]
    pub connect_timeout: Duration,
    /// How long to wait for the answer.
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = parse_duration)]
    pub rpc_timeout: Duration,
    /// Metadata to send, as `name: value`. Repeatable.
    #[arg(long, value_name = "NAME: VALUE", allow_hyphen_values = true)]
    pub rpc_header: Vec<String>,
    /// Speak TLS.
    #[arg(long)]
    pub tls: bool,
    /// Believe any certificate.
    #[arg(long, requires = "tls", conflicts_with_all = ["tls_ca_cert", "tls_server_name"])]
    pub tls_no_verify: bool,
    /// Authorities to verify the server by, in PEM [default: the machine's].
    #[arg(long, requires = "tls", value_name = "PATH")]
    pub tls_ca_cert: Option<PathBuf>,
    /// Certificate to show to the server, in PEM.
    #[arg(long, requires_all = ["tls", "tls_client_key"], value_name = "PATH")]
    pub tls_client_cert: Option<PathBuf>,
    /// Key of that certificate, in PEM.
    #[arg(long, requires_all = ["tls", "tls_client_cert"], value_name = "PATH")]
    pub tls_client_key: Option<PathBuf>,
    /// Name that the server's certificate has to be for [default: HOST].
    #[arg(long, requires = "tls", value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Accepted because `grpc_health_probe` has it: where the time went is always told.
    #[arg(short = 'v')]
    pub verbose: bool,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// `grpc_health_probe`'s exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// SERVING.
    Serving = 0,
    /// Flags that are unknown or contradict each other.
    Invalid = 1,
    /// No connection, or not in time.
    Connection = 2,
    /// No answer, or not in time.
    Rpc = 3,
    /// Any answer but SERVING.
    Unhealthy = 4,
}

/// Runs the command as typed: `arguments` are those after `probe`.
///
/// Go's flags take one dash as well as two, so both are understood here, which is why this does not go through the
/// program's own command line; and a wrong flag exits with 1, because 2 says that a server could not be reached.
pub fn run_typed(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut command = ProbeArgs::augment_args(clap::Command::new("grpc-health-exporter probe"))
        .about("Probe one server once; exits as grpc_health_probe does")
        .no_binary_name(true);
    let normal = line::normalise(&command, arguments);
    let parsed = command
        .try_get_matches_from_mut(normal)
        .and_then(|matches| ProbeArgs::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => run(&arguments),
        Err(error) => {
            // A closed pipe is not worth another message.
            let _ = error.print();
            if error.use_stderr() {
                Exit::Invalid.into()
            } else {
                ExitCode::SUCCESS
            }
        }
    }
}

/// Runs the command.
pub fn run(arguments: &ProbeArgs) -> ExitCode {
    let report = match Ask::try_from(arguments) {
        Ok(prepared) => match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(ask(&prepared)),
            Err(error) => Report::invalid(format!("error: no runtime: {error}")),
        },
        Err(error) => Report::invalid(format!("error: {error}")),
    };
    report.print(arguments.json);
    report.exit().into()
}

// === impl Exit ===

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
