//! A process of our own program that plays another one, and that never outlives us.
//!
//! Three ways lead to its end: [`Child`] kills it when it is dropped (a return, an error, a panic); the story ends by a signal, which is
//! a return as well; and when we are killed ourselves, its standard input closes, which [`watch_lifeline`] takes for the end.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{self, Command};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

/// How long a process may take to say that it works. A busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Another process of this program.
#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    process: process::Child,
    lines: UnboundedReceiver<String>,
}

impl Child {
    /// Starts this program anew under another name, by which it knows what to be. Our environment is kept from it: a `SELECTOR` that
    /// is meant for something else would be a flag of the exporter's.
    pub(crate) fn start<A: AsRef<OsStr>>(name: &'static str, arguments: &[A]) -> Result<Self> {
        let program = std::env::current_exe().context("where this program is")?;
        let mut process = Command::new(&program)
            .arg0(name)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for us alone: we end the others in our own time.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} does not start ({})", program.display()))?;
        let (sender, lines) = mpsc::unbounded_channel();
        if let Some(output) = process.stdout.take() {
            tokio::spawn(forward(output, sender.clone()));
        }
        if let Some(output) = process.stderr.take() {
            tokio::spawn(forward(output, sender));
        }
        Ok(Self {
            name,
            process,
            lines,
        })
    }

    /// Waits for the line that `find` finds something in.
    pub(crate) async fn find_line<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let mut seen = Vec::new();
        let search = async {
            while let Some(line) = self.lines.recv().await {
                if let Some(found) = find(&line) {
                    return Some(found);
                }
                seen.push(line);
            }
            None
        };
        match timeout(PATIENCE, search).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => bail!("{} has ended:\n{}", self.name, seen.join("\n")),
            Err(_) => bail!(
                "{} has not started within {} s:\n{}",
                self.name,
                PATIENCE.as_secs(),
                seen.join("\n")
            ),
        }
    }

    /// Fails when the process has ended, with what it last said.
    pub(crate) fn check(&mut self) -> Result<()> {
        let Some(status) = self.process.try_wait()? else {
            return Ok(());
        };
        let mut said = Vec::new();
        while let Ok(line) = self.lines.try_recv() {
            said.push(line);
        }
        let last = said.len().saturating_sub(5);
        bail!(
            "{} has ended ({status}):\n{}",
            self.name,
            said[last..].join("\n")
        );
    }
}

async fn forward(output: impl AsyncRead + Unpin, lines: UnboundedSender<String>) {
    let mut output = BufReader::new(output).lines();
    while let Ok(Some(line)) = output.next_line().await {
        // Nobody may want them any more; the pipe has to be read all the same.
        let _ = lines.send(line);
    }
}

/// In the child: ends the process when whoever has started it is gone.
pub(crate) fn watch_lifeline() -> io::Result<()> {
    std::thread::Builder::new()
        .name("lifeline".to_owned())
        .spawn(|| {
            let _ = io::stdin().lock().read_to_end(&mut Vec::new());
            std::process::exit(0);
        })
        .map(drop)
}
