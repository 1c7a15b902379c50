//! The command line.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use tokio::runtime::Builder;

use crate::figures::Figures;
use crate::grpc_health::{self, Part, Plan};
use crate::process;

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
}

#[derive(Debug, Args)]
struct GrpcHealth {
    /// Tries every part in seconds: figures without a verdict, from whatever profile this program was built with.
    #[arg(long)]
    quick: bool,
    /// The exporter to measure; without it cargo builds it first, in the `dist` profile unless --quick.
    #[arg(long, value_name = "PATH")]
    exporter: Option<PathBuf>,
    /// Only these parts.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
}

/// Runs the command line. As `bench shop ...` this program is the shop, so that targets need no binary of their own.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|word| word == "shop") {
        return shop::command(arguments.into_iter().skip(1));
    }
    let What::GrpcHealth(asked) = Arguments::parse_from(arguments).what;
    match measure(asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(asked: GrpcHealth) -> anyhow::Result<()> {
    let profile = match (asked.quick, cfg!(debug_assertions)) {
        (false, _) => "dist",
        (true, true) => "dev",
        (true, false) => "release",
    };
    let exporter = match asked.exporter {
        Some(path) => path,
        None => build("grpc-health-exporter", profile)?,
    };
    let plan = Plan {
        exporter,
        only: asked.only,
        quick: asked.quick,
    };
    let mut figures = Figures::new(!asked.quick);
    process::stay_aside()?;
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(grpc_health::run(&plan, &mut figures))
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
