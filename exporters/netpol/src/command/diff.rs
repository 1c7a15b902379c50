//! `netpol-exporter diff OLD NEW --flows F`: what a change of policies opens and closes, as Markdown for a pull request.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::print;
use super::read::{ReadArgs, read};

mod change;
mod markdown;

use change::Change;

/// Compares two sets of policies.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Manifests as they are: a file or a folder.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// Manifests as they are to be.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Manifests that are the same on both sides: where OLD and NEW hold policies alone, the workloads and Services.
    #[arg(long = "with", value_name = "PATH")]
    both: Vec<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

/// Runs the command: 1 if a required flow that was not blocked is.
pub fn run(args: &DiffArgs) -> ExitCode {
    let side = |own: &PathBuf| {
        let mut paths = args.both.clone();
        paths.push(own.clone());
        read(&paths, &args.read)
    };
    let (old, new) = match (side(&args.old), side(&args.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return print::refuse(&error),
    };
    let change = Change::new(&old, &new);
    print::answer(&markdown::render(&change));
    let mut scenes = vec![&new];
    // What both have in common is said once.
    if old.unread != new.unread {
        scenes.insert(0, &old);
    }
    print::exit(scenes, change.breaks())
}
