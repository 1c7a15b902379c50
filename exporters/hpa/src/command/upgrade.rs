//! `hpa-exporter upgrade RECORDING --from 1.32 --to 1.36`: which decisions of a recording come out otherwise under another version.
//!
//! Each sync starts from the recorded replicas, so that one difference does not make the next: what is told are the syncs at which the
//! two versions part. What they remember and their statuses each keeps for itself.

use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use hpa_engine::{Change, Controller, Decision, Minor, Moment, Profile};
use jiff::Timestamp;

use crate::config::ControllerArgs;
use crate::config::controller::{ControllerError, Gate, Version};
use crate::recording::{self, Recording};

/// Says what an upgrade changes.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// A recording: what `--recording.file` wrote or `/mismatches` gave; `-` for standard input.
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// The version before [default: the one that the recording was made under].
    #[arg(long, value_name = "VERSION")]
    from: Option<Version>,
    /// The version after.
    #[arg(long, value_name = "VERSION")]
    to: Version,
    /// Feature gates that are set, before and after, as in `HPAScaleToZero=true`, separated by commas.
    #[arg(
        long = "controller.feature-gates",
        value_delimiter = ',',
        value_name = "GATE=BOOL"
    )]
    gates: Vec<Gate>,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

/// What came of one autoscaler.
struct Answer {
    autoscaler: String,
    from: Minor,
    syncs: usize,
    changes: Vec<Change>,
}

/// Runs the command: 0 when nothing changes, 1 when something does, 2 when the recording cannot be read.
pub fn run(args: &UpgradeArgs) -> ExitCode {
    let recording = read(&args.recording);
    let answered = recording.and_then(|text| Ok(answers(args, &recording::read(&text)?)?));
    match answered {
        Ok(answers) => {
            let to = args.to.0;
            let text = if args.json {
                json(to, &answers)
            } else {
                words(to, &answers)
            };
            // A reader that has seen enough is no error.
            let _ = std::io::stdout().write_all(text.as_bytes());
            if answers.iter().all(|answer| answer.changes.is_empty()) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}: {error}", args.recording.display());
            ExitCode::from(2)
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    Ok(if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(path)?
    })
}

fn answers(args: &UpgradeArgs, recording: &Recording) -> Result<Vec<Answer>, ControllerError> {
    let under = |version, recorded: &Controller| {
        let flags = ControllerArgs {
            controller_version: Some(version),
            gates: args.gates.clone(),
            ..ControllerArgs::default()
        };
        Ok(Controller {
            settings: recorded.settings,
            // Where it runs is not a matter of its version.
            profile: Profile {
                architecture: recorded.profile.architecture,
                ..flags.profile()?
            },
        })
    };
    let mut answers: Vec<Answer> = Vec::new();
    for (autoscaler, films) in &recording.autoscalers {
        for film in films {
            let recorded = Version(film.controller.profile.minor);
            let from = args.from.unwrap_or(recorded);
            let before = under(from, &film.controller)?;
            let after = under(args.to, &film.controller)?;
            let changes = before.changes(&after, &film.before, &film.syncs);
            let syncs = film.syncs.len();
            match answers.last_mut() {
                Some(last) if last.autoscaler == *autoscaler && last.from == from.0 => {
                    last.syncs += syncs;
                    last.changes.extend(changes);
                }
                _ => answers.push(Answer {
                    autoscaler: autoscaler.clone(),
                    from: from.0,
                    syncs,
                    changes,
                }),
            }
        }
    }
    Ok(answers)
}

fn words(to: Minor, answers: &[Answer]) -> String {
    let to = u32::from(to);
    let mut text = String::new();
    // Writing into a String does not fail.
    for Answer {
        autoscaler,
        from,
        syncs,
        changes,
    } in answers
    {
        let from = u32::from(*from);
        let _ = writeln!(
            text,
            "{autoscaler}: {} of {syncs} syncs come out otherwise under 1.{to} than under 1.{from}",
            changes.len()
        );
        for Change { before, after, .. } in changes {
            let (mut old, mut new) = (told(before), told(after));
            if old == new {
                // The same number, with another condition written.
                old.push_str(&conditions(before, after));
                new.push_str(&conditions(after, before));
            }
            let _ = writeln!(
                text,
                "  {}  {} replicas, 1.{from}: {old}; 1.{to}: {new}",
                clock(before.at),
                before.current()
            );
        }
    }
    text
}

/// A decision in a few words: the number, and what made it.
fn told(decision: &Decision) -> String {
    let mut text = decision.desired.to_string();
    if let Some(wish) = decision.wish.filter(|wish| *wish != decision.desired) {
        let _ = write!(text, " (wish {wish})");
    }
    let limiter = decision.limiters().primary.as_str();
    if limiter != "none" {
        let _ = write!(text, ", {limiter}");
    }
    if let Some(error) = &decision.error {
        let _ = write!(text, ", {error}");
    }
    text
}

/// The conditions that another decision does not have.
fn conditions(decision: &Decision, other: &Decision) -> String {
    let mut text = String::new();
    for condition in &decision.status.conditions {
        let has = other
            .status
            .condition(condition.kind)
            .is_some_and(|it| (it.status, &it.reason) == (condition.status, &condition.reason));
        if !has {
            let (kind, status) = (condition.kind, condition.status);
            let _ = write!(text, ", {kind:?} {status:?} {}", condition.reason);
        }
    }
    text
}

/// UTC, to the second.
fn clock(at: Moment) -> String {
    Timestamp::from_nanosecond(at.nanoseconds().into()).map_or_else(
        |_| at.nanoseconds().to_string(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

fn json(to: Minor, answers: &[Answer]) -> String {
    let autoscalers: Vec<_> = answers
        .iter()
        .map(|answer| {
            let changes: Vec<_> = answer
                .changes
                .iter()
                .map(|Change { before, after, .. }| {
                    serde_json::json!({
                        "at": clock(before.at),
                        "replicas": before.current(),
                        "before": side(before),
                        "after": side(after),
                    })
                })
                .collect();
            serde_json::json!({
                "autoscaler": answer.autoscaler,
                "from": format!("1.{}", u32::from(answer.from)),
                "syncs": answer.syncs,
                "changes": changes,
            })
        })
        .collect();
    let answer = serde_json::json!({
        "to": format!("1.{}", u32::from(to)),
        "autoscalers": autoscalers,
    });
    format!("{answer:#}\n")
}

fn side(decision: &Decision) -> serde_json::Value {
    serde_json::json!({
        "wish": decision.wish,
        "desired": decision.desired,
        "limiter": decision.limiters().primary.as_str(),
        "error": decision.error,
    })
}

#[cfg(test)]
mod tests;
