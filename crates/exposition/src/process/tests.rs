use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::*;

fn exposed(process: Process) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(process));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

fn value(text: &str, name: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_else(|| panic!("no {name} in {text}"));
    line.trim().parse().unwrap()
}

/// A /proc as another machine had it.
fn recorded() -> tempfile::TempDir {
    let proc = tempfile::tempdir().unwrap();
    let of_self = proc.path().join("self");
    fs::create_dir_all(of_self.join("fd")).unwrap();
    for open in 0..5 {
        fs::write(of_self.join("fd").join(open.to_string()), "").unwrap();
    }
    let stat = "7 (od) d (name) S 1 7 7 0 -1 4194304 900 0 0 0 250 125 0 0 20 0 3 0 12345 99999 88 18446744073709551615";
    fs::write(of_self.join("stat"), stat).unwrap();
    fs::write(
        of_self.join("status"),
        "Name:\tod) d\nVmSize:\t   20000 kB\nVmRSS:\t    5400 kB\n",
    )
    .unwrap();
    let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                  Max open files            1024                 524288               files\n";
    fs::write(of_self.join("limits"), limits).unwrap();
    fs::write(proc.path().join("stat"), "cpu  1 2 3\nbtime 1700000000\n").unwrap();
    proc
}

#[test]
fn the_files_are_read_as_the_kernel_writes_them() {
    let proc = recorded();
    let text = exposed(Process::below(proc.path()));
    for (name, expected) in [
        ("process_cpu_seconds_total", 3.75),
        ("process_resident_memory_bytes", 5400.0 * 1024.0),
        ("process_virtual_memory_bytes", 20_000.0 * 1024.0),
        ("process_open_fds", 4.0),
        ("process_max_fds", 1024.0),
        ("process_start_time_seconds", 1_700_000_123.45),
    ] {
        assert!(
            (value(&text, name) - expected).abs() < 1e-6,
            "{name} in {text}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_absent() {
    let proc = recorded();
    fs::remove_file(proc.path().join("self/stat")).unwrap();
    fs::write(proc.path().join("self/status"), "VmRSS:\tmany kB\n").unwrap();
    fs::write(
        proc.path().join("self/limits"),
        "Max open files   unlimited  unlimited  files\n",
    )
    .unwrap();
    let text = exposed(Process::below(proc.path()));
    assert!(text.contains("process_open_fds 4"), "{text}");
    for absent in [
        "process_cpu",
        "process_start_time",
        "process_resident",
        "process_virtual",
        "process_max",
    ] {
        assert!(!text.contains(absent), "{text}");
    }
    assert_eq!(exposed(Process::below(Path::new("/nowhere"))), "# EOF\n");
}

#[test]
#[cfg(target_os = "linux")]
fn this_process_has_plausible_figures() {
    let text = exposed(Process::default());
    assert!(
        value(&text, "process_resident_memory_bytes") > 1e5,
        "{text}"
    );
    assert!(value(&text, "process_open_fds") >= 3.0, "{text}");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let age = now - value(&text, "process_start_time_seconds");
    assert!((-2.0..3600.0).contains(&age), "started {age} s ago");
}
