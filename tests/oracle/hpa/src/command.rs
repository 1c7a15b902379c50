//! The command line.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use hpa_engine::{Architecture, Minor, Rivals};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;

use crate::compare::differences;
use crate::generate::{self, Kind};
use crate::oracle::Oracle;
use crate::play::{Build, play, watch};
use crate::recording;
use crate::scenario::Scenario;
use crate::shrink::shrink;

/// Scenarios for the HPA controller and for our engine, and what differs between the two.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The controller's own code.
#[derive(Debug, Args)]
struct Theirs {
    /// The built oracle.
    #[arg(long)]
    oracle: PathBuf,
    /// What runs the oracle, where it was built for another processor: `qemu-aarch64-static`.
    #[arg(long)]
    emulator: Option<PathBuf>,
    /// The minor version that the oracle was built from.
    #[arg(long, default_value_t = 36)]
    minor: u32,
    /// The processor that it was built for: `amd64` or `arm64`.
    #[arg(long, default_value = "amd64", value_parser = architecture)]
    architecture: Architecture,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play scenarios that nobody has played yet, and compare.
    Fresh {
        #[command(flatten)]
        theirs: Theirs,
        /// How many scenarios, half of them random and half at boundaries.
        #[arg(long, default_value_t = 2000)]
        scenarios: u64,
        /// The first seed.
        #[arg(long, default_value_t = 1_000_000)]
        seed: u64,
        /// Where the first scenario that differs goes, shrunk.
        #[arg(long, default_value = "difference.json")]
        keep: PathBuf,
    },
    /// Write the committed corpus: scenarios and what the oracle made of them.
    Corpus {
        #[command(flatten)]
        theirs: Theirs,
        /// How many scenarios of each kind.
        #[arg(long, default_value_t = 1000)]
        scenarios: u64,
        /// The file.
        #[arg(long)]
        out: PathBuf,
    },
    /// Compare quantities alone.
    Quantities {
        #[command(flatten)]
        theirs: Theirs,
        /// How many.
        #[arg(long, default_value_t = 1_000_000)]
        count: u64,
        /// The seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Write them down, with what the oracle makes of them, instead.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Tell how long the engine takes to decide, over the scenarios of some seeds.
    Time {
        /// How many scenarios.
        #[arg(long, default_value_t = 2000)]
        scenarios: u64,
        /// How often each sync is decided.
        #[arg(long, default_value_t = 50)]
        times: u32,
        /// The built oracle: the controller's own syncs are timed beside ours, once each.
        #[arg(long)]
        oracle: Option<PathBuf>,
    },
    /// Play recordings of the exporter, such as its `/mismatches`, and compare: with the engine, and with what was written.
    Recording {
        #[command(flatten)]
        theirs: Theirs,
        /// Recordings.
        files: Vec<PathBuf>,
    },
    /// Play scenario files, and compare.
    Play {
        #[command(flatten)]
        theirs: Theirs,
        /// Files with a scenario a line.
        files: Vec<PathBuf>,
    },
}

/// Scenarios that go to the oracle at once.
const BATCH: u64 = 4000;

/// Runs the command line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match arguments.command.run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command's output")]
fn say(line: &str) {
    println!("{line}");
}

impl Command {
    fn run(self) -> Result<bool> {
        match self {
            Self::Fresh {
                theirs,
                scenarios,
                seed,
                keep,
            } => fresh(&theirs.oracle(), theirs.build()?, scenarios, seed, &keep),
            Self::Corpus {
                theirs,
                scenarios,
                out,
            } => crate::corpus::write(&theirs.oracle(), scenarios, &out),
            Self::Quantities {
                theirs,
                count,
                seed,
                out,
            } => {
                let oracle = theirs.oracle();
                if let Some(out) = out {
                    crate::quantities::write(&oracle, count, seed, &out)?;
                    return Ok(true);
                }
                let architecture = theirs.architecture;
                let different =
                    crate::quantities::compare(&oracle, architecture, count, seed, say)?;
                say(&format!("figure hpa_quantities {count}"));
                say(&format!("figure hpa_quantity_differences {different}"));
                Ok(different == 0)
            }
            Self::Time {
                scenarios,
                times,
                oracle,
            } => match oracle {
                None => time(scenarios, times),
                Some(program) => time_beside(&Oracle::new(program), scenarios),
            },
            Self::Recording { theirs, files } => {
                recordings(&theirs.oracle(), theirs.build()?, &files)
            }
            Self::Play { theirs, files } => replay(&theirs.oracle(), theirs.build()?, &files),
        }
    }
}

// === impl Theirs ===

impl Theirs {
    fn oracle(&self) -> Oracle {
        Oracle::new(self.oracle.clone()).under(self.emulator.clone())
    }

    fn build(&self) -> Result<Build> {
        Ok(Build {
            minor: self.minor.try_into()?,
            architecture: self.architecture,
        })
    }
}

/// A processor by the name that Go and Kubernetes have for it.
fn architecture(name: &str) -> Result<Architecture, serde::de::value::Error> {
    Architecture::deserialize(name.into_deserializer())
}

/// Half random, half at boundaries.
fn of_seed(seed: u64) -> Scenario {
    let kind = if seed.is_multiple_of(2) {
        Kind::Random
    } else {
        Kind::Boundary
    };
    generate::scenario(kind, seed)
}

fn fresh(oracle: &Oracle, build: Build, count: u64, seed: u64, keep: &Path) -> Result<bool> {
    let (mut syncs, mut different, mut first) = (0, 0, None);
    let mut done = 0;
    while done < count {
        let batch = BATCH.min(count - done);
        let scenarios: Vec<_> = (seed + done..seed + done + batch).map(of_seed).collect();
        done += batch;
        for (scenario, outcome) in scenarios.iter().zip(oracle.play(&scenarios)?) {
            ensure!(
                scenario.name == outcome.name,
                "the oracle answers in another order"
            );
            let ours = play(scenario, build, Some(&outcome))?;
            let found = differences(&outcome.records, &ours);
            syncs += outcome.records.len();
            if !found.is_empty() {
                different += 1;
                if different <= 20 {
                    say(&format!(
                        "{} ({}): {}",
                        scenario.name, outcome.version, found[0]
                    ));
                }
                first.get_or_insert_with(|| (scenario.clone(), found[0].field));
            }
        }
    }
    if let Some((scenario, field)) = first {
        let small = shrink(&scenario, field, &|some| oracle.play(some), build)?;
        std::fs::write(keep, serde_json::to_string(&small)? + "\n")?;
        say(&format!("shrunk to {}", keep.display()));
        replay(oracle, build, &[keep.to_owned()])?;
    }
    say(&format!("figure hpa_scenarios {count}"));
    say(&format!("figure hpa_syncs {syncs}"));
    say(&format!("figure hpa_differences {different}"));
    Ok(different == 0)
}

fn replay(oracle: &Oracle, build: Build, files: &[PathBuf]) -> Result<bool> {
    let mut same = true;
    for file in files {
        let reader = BufReader::new(File::open(file).with_context(|| file.display().to_string())?);
        for line in reader.lines() {
            let scenario: Scenario = serde_json::from_str(&line?)?;
            let outcomes = oracle.play(std::slice::from_ref(&scenario))?;
            for outcome in outcomes {
                let ours = play(&scenario, build, Some(&outcome))?;
                let found = differences(&outcome.records, &ours);
                same &= found.is_empty();
                say(&format!("{}: {} differences", scenario.name, found.len()));
                for difference in found {
                    say(&difference.to_string());
                }
            }
        }
    }
    Ok(same)
}

/// Whether the engine decides each sync as the controller's own code does.
fn recordings(oracle: &Oracle, build: Build, files: &[PathBuf]) -> Result<bool> {
    let mut same = true;
    for file in files {
        let at = || file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(at)?;
        for film in recording::read(&text).with_context(at)? {
            ensure!(
                film.build == build,
                "{}: {} is recorded of 1.{} on {:?}: that takes an oracle of it, --minor and --architecture",
                file.display(),
                film.autoscaler,
                u32::from(film.build.minor),
                film.build.architecture
            );
            for outcome in oracle.play(std::slice::from_ref(&film.scenario))? {
                let ours = play(&film.scenario, build, Some(&outcome))?;
                let found = differences(&outcome.records, &ours);
                same &= found.is_empty();
                say(&format!(
                    "{}: {} of {} syncs are not what was written; the engine and {} differ in {}",
                    film.autoscaler,
                    film.unlike(&outcome.records)?.len(),
                    outcome.records.len(),
                    outcome.version,
                    found.len()
                ));
                for unlike in film.unlike(&outcome.records)? {
                    say(&format!("  {unlike}"));
                }
                for difference in found {
                    say(&format!("  {difference}"));
                }
            }
        }
    }
    Ok(same)
}

fn time_beside(oracle: &Oracle, count: u64) -> Result<bool> {
    let scenarios: Vec<_> = (0..count).map(of_seed).collect();
    let times = crate::timing::beside(oracle, &scenarios)?;
    #[expect(clippy::cast_precision_loss, reason = "as many as fit in memory")]
    let mean = |times: &[f64]| times.iter().sum::<f64>() / times.len().max(1) as f64;
    let (theirs, ours) = (mean(&times.theirs), mean(&times.ours));
    say(&format!("figure hpa_syncs_timed {}", times.ours.len()));
    say(&format!("figure hpa_sync_go {theirs:.2} us"));
    say(&format!("figure hpa_sync_ours {ours:.2} us"));
    say(&format!("figure hpa_sync_share_of_go {:.4}", ours / theirs));
    Ok(true)
}

/// The engine's own time: inputs are read and the memory is copied before.
fn time(count: u64, times: u32) -> Result<bool> {
    let (mut syncs, mut spent, mut slowest) = (0_u32, Duration::ZERO, Duration::ZERO);
    for seed in 0..count {
        watch(&of_seed(seed), Minor::V36, None, |seen, _| {
            let mut alone = Rivals::default();
            let autoscaler = seen.sync.autoscaler;
            alone.register(&autoscaler.namespace, &autoscaler.name);
            let mut memories = vec![seen.memory.clone(); times as usize];
            let start = Instant::now();
            for memory in &mut memories {
                std::hint::black_box(seen.controller.sync(&seen.sync, memory, &mut alone));
            }
            let each = start.elapsed() / times;
            (syncs, spent, slowest) = (syncs + 1, spent + each, slowest.max(each));
        })?;
    }
    let mean = spent.as_secs_f64() * 1e6 / f64::from(syncs.max(1));
    say(&format!("figure hpa_decision_mean {mean:.2} us"));
    say(&format!(
        "figure hpa_decision_slowest {:.2} us",
        slowest.as_secs_f64() * 1e6
    ));
    Ok(true)
}
