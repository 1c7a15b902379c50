//! The findings as a person reads them: tables for the landing page.

use chassis::{Row, Severity, Table};
use kube_watch::WatchStatus;
use probe_engine::{Attempt, Phase};

use crate::decide::{Findings, ProbeFinding};

/// Below this share of the budget an attempt was near it.
const LITTLE_HEADROOM: f64 = 0.25;

/// One row for each probe, the worst first.
pub(crate) fn probes(findings: &Findings) -> Table {
    let columns = [
        "container",
        "probe",
        "budget",
        "last",
        "connect",
        "tls",
        "http2",
        "rpc",
        "headroom",
        "near misses",
        "would-be kills",
        "recommended",
    ];
    let mut rows: Vec<Row> = findings
        .probes
        .iter()
        .map(|probe| row(findings, probe))
        .collect();
    rows.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.cells.cmp(&b.cells))
    });
    Table {
        caption: "gRPC health probes against their budgets".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows,
    }
}

/// What the watches have to complain about.
pub(crate) fn problems(status: &WatchStatus) -> Table {
    let rows = status.problems().into_iter().map(|problem| Row {
        severity: Severity::Warning,
        cells: vec![problem.to_string()],
    });
    Table {
        caption: "Problems with what is watched".to_owned(),
        columns: vec!["problem".to_owned()],
        rows: rows.collect(),
    }
}

fn row(findings: &Findings, probe: &ProbeFinding) -> Row {
    let last = findings
        .handlers
        .get(probe.handler)
        .and_then(|handler| handler.last);
    let spec = &probe.spec;
    let mut cells = vec![
        format!(
            "{}/{}/{}",
            probe.name.namespace, probe.name.pod, probe.name.container
        ),
        format!("{} :{}", probe.probe_type.as_str(), probe.port),
        format!(
            "{}\u{a0}s every {}\u{a0}s, {}\u{a0}failures",
            spec.timeout_seconds, spec.period_seconds, spec.failure_threshold
        ),
        last.as_ref().map_or_else(none, outcome),
    ];
    cells.extend(Phase::ALL.map(|phase| {
        let time = last.and_then(|last| last.phases.get(phase));
        time.map_or_else(none, milliseconds)
    }));
    cells.push(probe.headroom.map_or_else(none, percent));
    cells.push(probe.near_misses.to_string());
    cells.push(range(probe.consequences));
    cells.push(match &probe.outlook.recommended {
        Some(Ok(seconds)) => format!("{seconds}\u{a0}s"),
        Some(Err(refusal)) => refusal.clone(),
        None => none(),
    });
    Row {
        severity: severity(probe),
        cells,
    }
}

fn severity(probe: &ProbeFinding) -> Severity {
    if probe.consecutive_failures > 0 {
        return Severity::Critical;
    }
    match probe.headroom {
        Some(headroom) if headroom < LITTLE_HEADROOM => Severity::Warning,
        _ if probe.consequences.1 > 0 || probe.near_misses > 0 => Severity::Warning,
        Some(_) => Severity::Good,
        None => Severity::Info,
    }
}

fn outcome(last: &Attempt) -> String {
    match last.failure() {
        None => format!("SERVING in {}", milliseconds(last.total())),
        Some((phase, reason)) => format!("{} in {}", reason.as_str(), phase.as_str()),
    }
}

fn milliseconds(time: std::time::Duration) -> String {
    // A number and its unit stay on one line.
    format!("{:.1}\u{a0}ms", time.as_secs_f64() * 1000.0)
}

fn range((lower, upper): (u64, u64)) -> String {
    if lower == upper {
        lower.to_string()
    } else {
        format!("{lower} to {upper}")
    }
}

fn none() -> String {
    "-".to_owned()
}

/// A share in whole percent; what is next to nothing has no sign.
fn percent(share: f64) -> String {
    format!("{}\u{a0}%", (share * 100.0).round() + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_to_nothing_has_no_sign() {
        assert_eq!(percent(-0.0007), "0\u{a0}%");
        assert_eq!(percent(0.004), "0\u{a0}%");
        assert_eq!(percent(-0.506), "-51\u{a0}%");
        assert_eq!(percent(0.996), "100\u{a0}%");
    }
}
