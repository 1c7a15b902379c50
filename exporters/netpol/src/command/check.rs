//! `netpol-exporter check --flows F PATH...`: what the policies forbid of what the application needs, before anything runs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::print;
use super::read::{ReadArgs, read};

mod json;
mod junit;
mod report;
mod sarif;
mod text;

use report::Report;

/// Checks policies against required flows.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Files or folders of manifests: workloads, Services, policies.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
    /// How to answer.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: every flow, and everything found.
    Json,
    /// SARIF 2.1.0, as code hosts show it beside the lines.
    Sarif,
    /// JUnit's XML, a test a flow.
    Junit,
}

/// Runs the command: 1 if a required flow is blocked or the API server would refuse a policy.
pub fn run(args: &CheckArgs) -> ExitCode {
    let scene = match read(&args.paths, &args.read) {
        Ok(scene) => scene,
        Err(error) => return print::refuse(&error),
    };
    let report = Report::new(&scene);
    print::answer(&match args.format {
        Format::Text => text::render(&report),
        Format::Json => json::render(&report),
        Format::Sarif => sarif::render(&report),
        Format::Junit => junit::render(&report),
    });
    print::exit([&scene], report.fails())
}
