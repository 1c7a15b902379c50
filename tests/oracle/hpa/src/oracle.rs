//! The Go program beside this crate, as a process: scenarios in, records out.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::scenario::{Outcome, Scenario};

/// A built oracle.
#[derive(Clone, Debug)]
pub struct Oracle {
    program: PathBuf,
    emulator: Option<PathBuf>,
}

impl Oracle {
    /// One that lies there.
    pub const fn new(program: PathBuf) -> Self {
        Self {
            program,
            emulator: None,
        }
    }

    /// The same, built for another processor: run by an emulator of it.
    #[must_use]
    pub fn under(self, emulator: Option<PathBuf>) -> Self {
        Self { emulator, ..self }
    }

    /// Plays scenarios.
    pub fn play(&self, scenarios: &[Scenario]) -> Result<Vec<Outcome>> {
        self.play_with(scenarios, &[])
    }

    /// Plays scenarios, and tells how long each sync took.
    pub fn time(&self, scenarios: &[Scenario]) -> Result<Vec<Outcome>> {
        self.play_with(scenarios, &["-timed"])
    }

    fn play_with(&self, scenarios: &[Scenario], flags: &[&str]) -> Result<Vec<Outcome>> {
        let folder = tempfile::tempdir()?;
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        let mut file = BufWriter::new(File::create(&input)?);
        for scenario in scenarios {
            serde_json::to_writer(&mut file, scenario)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
        self.run("^TestOracle$", flags, "-in", &input, &output)?;
        let lines = BufReader::new(File::open(&output)?).lines();
        lines
            .map(|line| Ok(serde_json::from_str(&line?)?))
            .collect()
    }

    /// What apimachinery makes of quantities, a line each.
    pub fn quantities(&self, texts: &[String]) -> Result<Vec<String>> {
        let folder = tempfile::tempdir()?;
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::write(&input, texts.join("\n") + "\n")?;
        self.run("^TestQuantities$", &[], "-quantities", &input, &output)?;
        let text = std::fs::read_to_string(&output)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn run(
        &self,
        test: &str,
        flags: &[&str],
        flag: &str,
        input: &Path,
        output: &Path,
    ) -> Result<()> {
        let mut command = match &self.emulator {
            None => Command::new(&self.program),
            Some(emulator) => {
                let mut command = Command::new(emulator);
                command.arg(&self.program);
                command
            }
        };
        let done = command
            .args(["-test.run", test, "-test.timeout", "0"])
            .args(flags)
            .arg(flag)
            .arg(input)
            .arg("-out")
            .arg(output)
            .stdin(Stdio::null())
            .output()
            .with_context(|| command.get_program().display().to_string())?;
        if !done.status.success() {
            let told = String::from_utf8_lossy(&done.stdout);
            let told: String = told.chars().take(2000).collect();
            bail!(
                "the oracle failed: {told}{}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        Ok(())
    }
}
