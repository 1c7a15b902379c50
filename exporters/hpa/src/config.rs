//! Flags as typed, and what they mean once checked.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use http::Uri;
use kube_watch::{Scope, Source, SourceError};

use crate::command::{explain, simulate, upgrade};
use crate::sample::Configz;

pub mod controller;
pub mod known;

pub use controller::{ControllerArgs, ControllerError};
pub use known::Seen;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "hpa-exporter",
    about = "What did the autoscaler want, what cut the wish, when will it let go, and is this the controller's own answer?",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct CommandLine {
    /// What to do instead of exporting.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The process: web server, logs, threads.
    #[command(flatten)]
    pub chassis: chassis::ChassisArgs,
    /// What is followed and how.
    #[command(flatten)]
    pub exporter: ExporterArgs,
}

/// What the binary does besides exporting.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say in a few lines what an autoscaler wants, what it gets, and why.
    Explain(explain::ExplainArgs),
    /// Play an autoscaler over a load: replicas over time.
    ///
    /// The controller is played by its own rules, the pods by a model: there are as many as were asked for, at once; a new one is ready after
    /// --startup and does nothing until then; load is spread evenly over the ready ones, whether they could bear it or not; metrics
    /// are those of the instant; whoever goes is the youngest.
    Simulate(simulate::SimulateArgs),
    /// Say which decisions of a recording come out otherwise under another version.
    ///
    /// Each sync starts from the recorded replicas, so that one difference does not make the next. Exit code: 0 when nothing changes, 1 when
    /// something does, 2 when the recording cannot be read.
    Upgrade(upgrade::UpgradeArgs),
}

/// Where objects are read from, for the exporter and for its commands.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Where objects are read from: `cluster`, or `files:PATH` (what `kubectl get hpa,deploy,pods -o yaml` prints;
    /// a file or a folder, re-read when it changes).
    #[arg(long, env = "SOURCE", default_value = "cluster")]
    pub source: Source,
}

/// The controller manager, to be asked what it does with no flag given.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigzArgs {
    /// The controller manager's secure port, such as `https://10.0.0.1:10257`: asked for its settings at `/configz`, with the token for
    /// the API server [default: it is not asked].
    #[arg(
        long = "controller.configz",
        env = "CONTROLLER_CONFIGZ",
        value_name = "URL"
    )]
    pub configz: Option<Uri>,
    /// Certificates in PEM, of which one has to vouch for the controller manager's [default: as for the API server].
    #[arg(
        long = "controller.configz-ca-file",
        env = "CONTROLLER_CONFIGZ_CA_FILE",
        value_name = "FILE",
        requires = "configz"
    )]
    pub authority: Option<PathBuf>,
}

/// The exporter's flags, as typed.
#[derive(Debug, Args)]
pub struct ExporterArgs {
    /// Where objects come from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Namespaces to look in, separated by commas [default: all].
    #[arg(long, env = "NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Where the numbers come from: `echo` reads them back from the status and asks nobody; `query` asks the metric APIs
    /// after each sync, as the controller does, which also tells which pods had a metric.
    #[arg(long, env = "MODE", default_value = "echo")]
    pub mode: Mode,
    /// Write each sync that is followed to the end of this file, with all that it saw: a recording, for `hpa-exporter upgrade`
    /// [default: nothing is recorded].
    #[arg(long = "recording.file", env = "RECORDING_FILE", value_name = "FILE")]
    pub recording: Option<PathBuf>,
    /// With `--mode=query`, ask for external metrics as well: an adapter may pay for each answer.
    #[arg(long = "query.external", env = "QUERY_EXTERNAL")]
    pub external: bool,
    /// The controller that is followed.
    #[command(flatten)]
    pub controller: ControllerArgs,
    /// Where it is asked itself.
    #[command(flatten)]
    pub configz: ConfigzArgs,
}

/// Where the numbers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// From the status.
    #[default]
    Echo,
    /// From the metric APIs.
    Query,
}

/// The exporter's flags, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where objects come from.
    pub source: Source,
    /// Which of them.
    pub scope: Scope,
    /// The controller that is followed, as far as flags say.
    pub controller: ControllerArgs,
    /// Where it is asked itself.
    pub configz: ConfigzArgs,
    /// Where syncs are recorded.
    pub recording: Option<PathBuf>,
    /// Whether metric APIs are asked.
    pub mode: Mode,
    /// Whether external metrics are asked for as well.
    pub external: bool,
}

impl TryFrom<ExporterArgs> for Config {
    type Error = ControllerError;

    fn try_from(args: ExporterArgs) -> Result<Self, Self::Error> {
        // What is wrong with a flag is told before anything starts.
        args.controller.controller()?;
        args.configz.goes_with(&args.source.source)?;
        Ok(Self {
            source: args.source.source,
            scope: Scope {
                namespaces: args.namespaces,
                ..Scope::default()
            },
            controller: args.controller,
            configz: args.configz,
            recording: args.recording,
            mode: args.mode,
            external: args.external,
        })
    }
}

impl ConfigzArgs {
    /// An error if there is no token to show.
    pub fn goes_with(&self, source: &Source) -> Result<(), ControllerError> {
        if self.configz.is_some() && *source != Source::Cluster {
            return Err(ControllerError::NoToken);
        }
        Ok(())
    }

    /// Whom to ask, if anybody; talks to nobody yet.
    pub async fn open(&self) -> Result<Option<Configz>, SourceError> {
        let Some(url) = &self.configz else {
            return Ok(None);
        };
        let opened = Configz::open(url, self.authority.as_deref()).await;
        opened.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
        let line = CommandLine::try_parse_from(["hpa-exporter", "--controller.version=1.29"]);
        let told = line.unwrap_err().to_string();
        assert!(
            told.contains("--controller.version") && told.contains("1.30"),
            "{told}"
        );
    }

    #[test]
    fn the_controller_is_asked_with_a_clusters_token_alone() {
        let checked = |arguments: &[&str]| {
            let arguments = [&["hpa-exporter"], arguments].concat();
            let line = CommandLine::try_parse_from(arguments).map_err(|error| error.to_string())?;
            Config::try_from(line.exporter).map_err(|error| error.to_string())
        };
        let url = "--controller.configz=https://10.0.0.1:10257";
        assert!(checked(&[url]).is_ok());
        let told = checked(&[url, "--source=files:objects.yaml"]).unwrap_err();
        assert!(told.contains("--controller.configz goes with"), "{told}");
        let told = checked(&["--controller.configz-ca-file=ca.pem"]).unwrap_err();
        assert!(told.contains("--controller.configz <URL>"), "{told}");
    }
}
