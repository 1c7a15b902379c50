//! What a histogram costs, asked of the kernel. Alone in its binary: nothing else may allocate meanwhile.

use std::fs;

use exposition::Histogram;

/// As the gRPC health exporter has them.
const BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0,
];

const HISTOGRAMS: usize = 25_000;
const NATIVE_BUCKETS: u32 = 25;
const CEILING: usize = 16_000_000;

/// Resident bytes of this process.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("as proc_pid_status(5) has it");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("as proc_pid_status(5) has it");
    line.trim()
        .strip_suffix(" kB")
        .expect("as proc_pid_status(5) has it")
        .parse::<usize>()
        .expect("as proc_pid_status(5) has it")
        * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn twenty_five_thousand_histograms_fit_in_sixteen_megabytes() {
    let mut histograms = Vec::with_capacity(HISTOGRAMS);
    let before = resident();
    histograms.extend((0..HISTOGRAMS).map(|_| Histogram::new(BOUNDS)));
    let idle = resident() - before;
    for (shift, histogram) in (0..).zip(&histograms) {
        for bucket in 0..NATIVE_BUCKETS {
            // Two buckets of schema 3 apart at most, in an order that is not sorted.
            let step = (bucket * 7 + shift) % NATIVE_BUCKETS;
            histogram.observe(0.01 * 1.0905_f64.powf(f64::from(step) + 0.5));
        }
    }
    let used = resident() - before;
    let counted: u64 = histograms
        .iter()
        .map(|histogram| histogram.snapshot().count())
        .sum();
    assert_eq!(counted, HISTOGRAMS as u64 * u64::from(NATIVE_BUCKETS));
    println!("figure histogram_idle_bytes {} bytes", idle / HISTOGRAMS);
    println!("figure histogram_bytes {} bytes", used / HISTOGRAMS);
    assert!(used < CEILING, "{used} bytes");
    assert!(idle < CEILING / 4, "{idle} bytes");
}
