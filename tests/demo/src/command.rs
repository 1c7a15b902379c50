//! The command line, and what the program is when it has executed itself.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::autoscaler;
use crate::child::watch_lifeline;
use crate::evidence::{Status, rows};
use crate::network;
use crate::screen::Screen;
use crate::stage::Stage;
use crate::story::Story;

/// What a shell says of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

/// Plays a day of Online Boutique in front of the exporters, and shows what their pages say.
///
/// Twelve services start on loopback addresses of their own, nine of them with gRPC health probes. The exporter probes these nine once a
/// second and judges each by the budget in its pod's manifest. cartservice then slows down under load until its probes cross 1 s and the
/// kubelet would kill it; its manifest is given 5 s / 15 s / 5, and it is as slow as before, but safe.
///
/// Meanwhile the frontend has an autoscaler: its load doubles, the wish passes the maximum and is cut; it falls, and stabilization holds
/// the replicas until the time that was announced. What its pods use is made up, and a stand-in acts as the controller.
///
/// In a second shop the day's two network policies cut 15 of the 16 calls, agents in the pods' place see it, a network that does not enforce
/// them is found out, and the right policies open all calls again; one with a wrong port cuts one call, and a process that stops is no policy's fault.
///
/// Everything ends with this program. A port that is taken is replaced by a free one. Exit code: 0, or 1 when a claim does not hold or
/// something could not be started.
#[derive(Debug, Parser)]
#[command(name = "demo", version)]
struct Arguments {
    /// Play the day once (at most 90 s), print the evidence and exit: 0 when every claim holds, 1 when not
    #[arg(long)]
    once: bool,

    /// Print only the evidence to standard output, as a JSON array; the live table goes to standard error
    #[arg(long, requires = "once")]
    json: bool,

    /// Leave the faults out: cartservice stays quick, the frontend's load does not double and no policy cuts a call, so claims do not hold. Shows that the evidence can fail
    #[arg(long)]
    without_fault: bool,

    /// Write the live table as an SVG, as it was when a would-be kill had been counted
    #[arg(long, value_name = "FILE", requires = "once")]
    picture: Option<PathBuf>,
}

/// The whole program: the demo, or whatever it has executed itself as.
pub fn run() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    match name.to_str() {
        Some("shop") => as_child(|| shop::command([name].into_iter().chain(arguments))),
        Some("grpc-health-exporter") => as_child(grpc_health_exporter::run),
        Some("hpa-exporter") => as_child(hpa_exporter::run),
        Some("netpol-exporter") => as_child(netpol_exporter::run),
        Some("reach-agent") => as_child(reach_agent::run),
        _ => demo([name].into_iter().chain(arguments)),
    }
}

fn as_child(work: impl FnOnce() -> ExitCode) -> ExitCode {
    match watch_lifeline() {
        Ok(()) => work(),
        Err(error) => complain(&error.into()),
    }
}

fn demo(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = Arguments::parse_from(arguments);
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")
        .and_then(|runtime| runtime.block_on(until_a_signal(&arguments)));
    outcome.unwrap_or_else(|error| complain(&error))
}

fn complain(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "demo: {error:#}");
    ExitCode::FAILURE
}

async fn until_a_signal(arguments: &Arguments) -> Result<ExitCode> {
    let mut signals = [
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ];
    let [interrupted, terminated, hung_up] = &mut signals;
    tokio::select! {
        outcome = play(arguments) => outcome,
        () = received(interrupted) => Ok(after_a_signal(arguments)),
        () = received(terminated) => Ok(after_a_signal(arguments)),
        () = received(hung_up) => Ok(after_a_signal(arguments)),
    }
}

/// To be ended is how it is meant to end, unless it was to come to an end by itself.
fn after_a_signal(arguments: &Arguments) -> ExitCode {
    if arguments.once {
        ExitCode::from(INTERRUPTED)
    } else {
        ExitCode::SUCCESS
    }
}

async fn received(signal: &mut Signal) {
    signal.recv().await;
}

async fn play(arguments: &Arguments) -> Result<ExitCode> {
    let mut screen = if arguments.json {
        Screen::on_error()
    } else {
        Screen::on_output()
    };
    screen.say("starting two shops of twelve services, grpc-health-exporter, hpa-exporter, netpol-exporter and six reach-agents")?;
    let mut stage = Stage::set().await?;
    let (mut autoscaler, note) = autoscaler::Story::begin(!arguments.without_fault).await?;
    stage.notes.extend(note);
    stage.others.push(("hpa-exporter", autoscaler.address()));
    screen.follow(autoscaler.told());
    let (mut network, note) = network::Story::begin(!arguments.without_fault).await?;
    stage.notes.extend(note);
    stage.others.push(("netpol-exporter", network.address()));
    for note in &stage.notes {
        screen.say(note)?;
    }
    let mut story = Story::new();
    let day = story.play(&mut stage, &mut screen, !arguments.without_fault);
    tokio::try_join!(day, autoscaler.play(), network.play())?;
    let mut rows = rows(story.day());
    rows.extend(autoscaler.rows());
    rows.extend(network.rows());
    if arguments.json {
        let mut output = io::stdout().lock();
        serde_json::to_writer_pretty(&mut output, &rows)?;
        writeln!(output)?;
    } else {
        screen.evidence(&rows)?;
    }
    if let Some((file, picture)) = arguments.picture.as_ref().zip(screen.picture()) {
        std::fs::write(file, picture).with_context(|| file.display().to_string())?;
    }
    if !arguments.once {
        screen.say("")?;
        tokio::try_join!(story.go_on(&mut stage, &mut screen), autoscaler.go_on())?;
    }
    let held = rows.iter().all(|row| row.status == Status::Ok);
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
