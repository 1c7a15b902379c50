//! `process_*`: the standard process metrics, from `/proc/self`.
//!
//! Names and meanings are those of the Prometheus client libraries' process collector. What cannot be read is absent:
//! outside Linux, all of it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Ticks a second in `/proc/self/stat`: `USER_HZ`, which the kernel shows to programs as 100 whatever its own is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/self/stat` behind the command's closing bracket (`proc_pid_stat(5)`, where they count from 1 and the
/// first behind the bracket is 3).
const USER_TIME: usize = 14 - 3;
const SYSTEM_TIME: usize = 15 - 3;
const START_TIME: usize = 22 - 3;

/// Reads the process' own figures at each scrape.
#[derive(Debug)]
pub struct Process {
    proc: PathBuf,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            proc: PathBuf::from("/proc"),
        }
    }
}

impl Process {
    /// Reads below `proc` instead of `/proc`.
    #[cfg(test)]
    fn below(proc: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
        }
    }

    fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        fs::read_to_string(self.proc.join(path)).ok()
    }

    /// Bytes, from a `Name:   123 kB` line of `/proc/self/status`.
    fn status_bytes(&self, name: &str) -> Option<u64> {
        let status = self.read("self/status")?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
        kibibytes.checked_mul(1024)
    }

    fn open_files(&self) -> Option<u64> {
        let open = fs::read_dir(self.proc.join("self/fd")).ok()?.count();
        // One of them is the directory itself, open while it is read.
        u64::try_from(open).ok()?.checked_sub(1)
    }

    fn most_open_files(&self) -> Option<u64> {
        let limits = self.read("self/limits")?;
        let soft = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?;
        soft.split_whitespace().next()?.parse().ok()
    }

    /// Seconds since the epoch: the kernel's start and the process' distance from it.
    fn start_time(&self, stat: &Stat) -> Option<f64> {
        let stat_of_all = self.read("stat")?;
        let boot: f64 = stat_of_all
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .trim()
            .parse()
            .ok()?;
        Some(boot + stat.seconds(START_TIME)?)
    }
}

/// The fields of `/proc/self/stat` behind the command, which may itself hold blanks and brackets.
struct Stat(String);

impl Stat {
    fn seconds(&self, field: usize) -> Option<f64> {
        let (_, fields) = self.0.rsplit_once(')')?;
        let ticks: f64 = fields.split_whitespace().nth(field)?.parse().ok()?;
        Some(ticks / TICKS_PER_SECOND)
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: Option<f64>| {
            let Some(value) = value else { return Ok(()) };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        let stat = self.read("self/stat").map(Stat);
        gauge(
            "process_open_fds",
            "Number of open file descriptors.",
            None,
            self.open_files().map(float),
        )?;
        gauge(
            "process_max_fds",
            "Maximum number of open file descriptors.",
            None,
            self.most_open_files().map(float),
        )?;
        gauge(
            "process_resident_memory",
            "Resident memory size.",
            Some(&Unit::Bytes),
            self.status_bytes("VmRSS").map(float),
        )?;
        gauge(
            "process_virtual_memory",
            "Virtual memory size.",
            Some(&Unit::Bytes),
            self.status_bytes("VmSize").map(float),
        )?;
        let start_time = stat.as_ref().and_then(|stat| self.start_time(stat));
        gauge(
            "process_start_time",
            "Start time of the process since the Unix epoch.",
            Some(&Unit::Seconds),
            start_time,
        )?;
        let cpu = stat.and_then(|stat| Some(stat.seconds(USER_TIME)? + stat.seconds(SYSTEM_TIME)?));
        if let Some(cpu) = cpu {
            let cpu = ConstCounter::new(cpu);
            let help = "Total user and system CPU time spent.";
            cpu.encode(encoder.encode_descriptor(
                "process_cpu",
                help,
                Some(&Unit::Seconds),
                cpu.metric_type(),
            )?)?;
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes and file counts are far below 2^53"
)]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
