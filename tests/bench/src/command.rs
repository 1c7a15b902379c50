//! The command line.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use tokio::runtime::Builder;

use crate::figures::Figures;
use crate::{grpc_health, hpa, netpol, process, reach_agent};

/// Measures an exporter beside its peer and prints `figure NAME VALUE UNIT` lines.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// grpc-health-exporter beside Debian's prometheus-blackbox-exporter.
    GrpcHealth(GrpcHealth),
    /// hpa-exporter and its engine beside the controller's own Go code.
    Hpa(Hpa),
    /// netpol-engine beside cyclonus' matcher.
    Netpol(netpol::Plan),
    /// reach-agent's size, and its memory while next to nothing happens.
    ReachAgent(Subject),
}

/// What is asked of any exporter.
#[derive(Debug, Args)]
struct Subject {
    /// Tries every part in seconds: figures without a verdict, from whatever profile this program was built with.
    #[arg(long)]
    quick: bool,
    /// The exporter (or agent) to measure; without it cargo builds it first, in the `dist` profile unless --quick.
    #[arg(long, visible_alias = "agent", value_name = "PATH")]
    exporter: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct GrpcHealth {
    #[command(flatten)]
    subject: Subject,
    /// Only these parts.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<grpc_health::Part>,
}

#[derive(Debug, Args)]
struct Hpa {
    #[command(flatten)]
    subject: Subject,
    /// The controller's code, as `tests/oracle/hpa/build` makes it; without it `hpa-oracle` is looked for where the tools are.
    #[arg(long, value_name = "PATH")]
    oracle: Option<PathBuf>,
    /// Only these parts.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<hpa::Part>,
}

/// Runs the command line. As `bench shop ...` this program is the shop, so that targets need no binary of their own.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|word| word == "shop") {
        return shop::command(arguments.into_iter().skip(1));
    }
    match measure(Arguments::parse_from(arguments).what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(what: What) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    match what {
        What::GrpcHealth(GrpcHealth { subject, only }) => {
            let (mut figures, quick) = (subject.figures(), subject.quick);
            let plan = grpc_health::Plan {
                exporter: subject.exporter("grpc-health-exporter")?,
                only,
                quick,
            };
            process::stay_aside()?;
            runtime.block_on(grpc_health::run(&plan, &mut figures))
        }
        What::Hpa(Hpa {
            subject,
            oracle,
            only,
        }) => {
            let (mut figures, quick) = (subject.figures(), subject.quick);
            let plan = hpa::Plan {
                exporter: subject.exporter("hpa-exporter")?,
                oracle,
                only,
                quick,
            };
            process::stay_aside()?;
            runtime.block_on(hpa::run(&plan, &mut figures))
        }
        What::Netpol(plan) => netpol::run(&plan),
        What::ReachAgent(subject) => {
            let (figures, quick) = (subject.figures(), subject.quick);
            let plan = reach_agent::Plan {
                agent: subject.exporter("reach-agent")?,
                quick,
            };
            process::stay_aside()?;
            runtime.block_on(reach_agent::run(&plan, &figures))
        }
    }
}

impl Subject {
    const fn figures(&self) -> Figures {
        Figures::new(!self.quick)
    }

    /// The binary to measure.
    fn exporter(self, package: &str) -> anyhow::Result<PathBuf> {
        let profile = match (self.quick, cfg!(debug_assertions)) {
            (false, _) => "dist",
            (true, true) => "dev",
            (true, false) => "release",
        };
        self.exporter.map_or_else(|| build(package, profile), Ok)
    }
}

/// Lets cargo build a package's binary, and asks it where that is.
fn build(package: &str, profile: &str) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--profile", profile, "--package", package])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo does not run")?;
    if !built.status.success() {
        bail!("cargo could not build {package}");
    }
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .next_back()
        .with_context(|| format!("cargo names no binary of {package}"))
}
