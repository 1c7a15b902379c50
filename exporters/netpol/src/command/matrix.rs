//! `netpol-exporter matrix PATH...`: all workloads beside each other.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::print;
use super::read::{ReadArgs, read};
use crate::grid::Grid;

mod csv;
mod dot;
mod svg;
mod text;

/// Shows who may dial whom.
#[derive(Debug, Args)]
pub struct MatrixArgs {
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
    /// A grid for a terminal.
    Text,
    /// A line for each pair and port.
    Csv,
    /// A graph for Graphviz: what is allowed, and what is required and is not.
    Dot,
    /// A grid to look at.
    Svg,
}

/// Runs the command: always 0, because it judges nothing.
pub fn run(args: &MatrixArgs) -> ExitCode {
    let scene = match read(&args.paths, &args.read) {
        Ok(scene) => scene,
        Err(error) => return print::refuse(&error),
    };
    let grid = Grid::new(&scene.model);
    print::answer(&match args.format {
        Format::Text => text::render(&grid),
        Format::Csv => csv::render(&grid),
        Format::Dot => dot::render(&grid),
        Format::Svg => svg::render(&grid),
    });
    print::exit([&scene], false)
}
