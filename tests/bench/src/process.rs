//! A process that is measured: what it used of the processor and of memory, as Linux counts it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// `USER_HZ`, in which `/proc` counts: 100 on every architecture that Rust has Linux for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Which processor a process is tied to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The one for what is measured.
    Measured,
    /// The other one: for targets, clients and this program.
    Aside,
}

/// A process of ours. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// `VmRSS`: resident now.
    pub(crate) resident: f64,
    /// `VmHWM`: the most that was ever resident.
    pub(crate) peak: f64,
    /// `RssAnon`: of what is resident, what no file is behind.
    pub(crate) anonymous: f64,
}

impl Place {
    fn processor(self) -> String {
        let last = available_parallelism().map_or(0, |count| count.get() - 1);
        match self {
            Self::Measured => "0".to_owned(),
            Self::Aside => last.to_string(),
        }
    }
}

impl Process {
    /// Starts a program, tied to its processor by `taskset`, which becomes the program and keeps its id.
    pub(crate) fn start<I>(program: &Path, arguments: I, place: Place) -> anyhow::Result<Self>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        Self::spawn(program, arguments, place, Stdio::null())
    }

    /// As [`start`](Self::start), and waits for the first `count` lines of standard output.
    pub(crate) fn start_and_read<I>(
        program: &Path,
        arguments: I,
        place: Place,
        count: usize,
    ) -> anyhow::Result<(Self, Vec<String>)>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut process = Self::spawn(program, arguments, place, Stdio::piped())?;
        let output = process.child.stdout.take().context("no standard output")?;
        let lines: Vec<String> = BufReader::new(output)
            .lines()
            .take(count)
            .collect::<Result<_, _>>()?;
        if lines.len() < count {
            bail!("{} ended before it was ready", program.display());
        }
        Ok((process, lines))
    }

    fn spawn<I>(program: &Path, arguments: I, place: Place, output: Stdio) -> anyhow::Result<Self>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let child = Command::new("taskset")
            .args(["-c", &place.processor()])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .context("taskset (of util-linux) does not run")?;
        Ok(Self { child })
    }

    /// Processor time used so far, its own and the kernel's for it.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        let ticks = cpu_ticks(&stat).with_context(|| format!("odd stat: {stat}"))?;
        Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
    }

    /// What is resident.
    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        Memory::read(&self.read("status")?)
    }

    fn read(&self, name: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        fs::read_to_string(&path).with_context(|| format!("{path}: has it ended?"))
    }
}

impl Memory {
    /// What is resident of this program itself.
    pub(crate) fn of_this_process() -> anyhow::Result<Self> {
        Self::read(&fs::read_to_string("/proc/self/status")?)
    }

    fn read(status: &str) -> anyhow::Result<Self> {
        let line = |name| kilobytes(status, name).with_context(|| format!("no {name}"));
        Ok(Self {
            resident: line("VmRSS:")? * 1024.0,
            peak: line("VmHWM:")? * 1024.0,
            anonymous: line("RssAnon:")? * 1024.0,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Leaves the measured processor to what is measured. Children inherit that until they are tied otherwise.
pub(crate) fn stay_aside() -> anyhow::Result<()> {
    let tied = Command::new("taskset")
        .args(["-a", "-c", "-p", &Place::Aside.processor()])
        .arg(std::process::id().to_string())
        .stdout(Stdio::null())
        .status()
        .context("taskset (of util-linux) does not run")?;
    if !tied.success() {
        bail!("taskset failed: {tied}");
    }
    Ok(())
}

/// A loopback address on which nothing listens at the moment.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Runs a program on the measured processor to its end; it prints for itself.
pub(crate) fn run_measured(program: &Path, arguments: &[OsString]) -> anyhow::Result<ExitStatus> {
    Command::new("taskset")
        .args(["-c", &Place::Measured.processor()])
        .arg(program)
        .args(arguments)
        .status()
        .context("taskset (of util-linux) does not run")
}

/// This program as the shop.
pub(crate) fn shop(arguments: &[String], lines: usize) -> anyhow::Result<(Process, Vec<String>)> {
    let program = std::env::current_exe()?;
    let arguments = ["shop".to_owned()]
        .into_iter()
        .chain(arguments.iter().cloned())
        .map(OsString::from);
    Process::start_and_read(&program, arguments, Place::Aside, lines)
}

/// utime and stime: fields 14 and 15, counted behind the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(str::parse::<f64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_a_name_with_spaces_and_brackets() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 40 2 0 0 20";
        assert_eq!(cpu_ticks(stat), Some(42.0));
        assert_eq!(cpu_ticks("7 (short) S 1"), None);
    }

    #[test]
    fn memory_is_read_in_its_unit() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1024.0));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }

    #[test]
    fn a_process_that_works_is_seen_working() {
        let work = [
            "-c",
            "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 60",
        ];
        let process = Process::start(Path::new("sh"), work, Place::Aside).unwrap();
        let until = std::time::Instant::now() + Duration::from_mins(1);
        while process.cpu().unwrap().is_zero() {
            assert!(std::time::Instant::now() < until, "it never worked");
            std::thread::sleep(Duration::from_millis(20));
        }
        let memory = process.memory().unwrap();
        assert!(memory.resident > 0.0 && memory.peak >= memory.resident);
    }
}
