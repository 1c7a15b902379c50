//! The findings as a person reads them: tables for the landing page.

use std::time::Duration;

use chassis::{Row, Severity, Table};
use kube_watch::WatchStatus;
use netpol_engine::FindingKind;

use crate::decide::{Findings, FlowFinding, Observation, State, Survey};
use crate::flows::Problem;

/// One row for each required flow, the worst first.
pub(crate) fn flows(findings: &Findings, now: Duration) -> Table {
    let columns = [
        "from", "to", "state", "for", "policies", "network", "cause", "why",
    ];
    let mut rows: Vec<Row> = findings.flows.iter().map(|it| row(it, now)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.severity));
    let caption = if findings.evidence.agents.is_empty() {
        "What the application needs, and what the policies make of it (no agent reports: nothing is dialled)"
    } else {
        "What the application needs, and what becomes of it"
    };
    Table {
        caption: caption.to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows,
    }
}

fn row(found: &FlowFinding, now: Duration) -> Row {
    let (expectation, flow) = (&found.expectation, &found.flow);
    let policies = match expectation.allows() {
        Some(true) => "allow it".to_owned(),
        Some(false) if expectation.denied == expectation.pairs => "deny it".to_owned(),
        Some(false) => format!(
            "deny {}\u{a0}of\u{a0}{} pairs",
            expectation.denied, expectation.pairs
        ),
        None => "-".to_owned(),
    };
    Row {
        severity: severity(found),
        cells: vec![
            flow.source.to_string(),
            format!("{}:{} {}", flow.target, flow.port, flow.protocol),
            found.state.as_str().to_owned(),
            age(now.saturating_sub(found.since)),
            policies,
            network(&found.observation, now),
            found.cause.to_string(),
            expectation.why.clone(),
        ],
    }
}

/// What the network does with a flow, as far as anybody knows.
fn network(seen: &Observation, now: Duration) -> String {
    let Some(last) = seen.last else {
        return "-".to_owned();
    };
    let ago = age(now.saturating_sub(last));
    let word = match seen.reachable() {
        _ if seen.is_lost => "evidence lost",
        Some(true) => "lets it through",
        Some(false) if seen.disagrees() => "differs from node to node",
        Some(false) if seen.nobody_listens > 0 => "nobody listens",
        Some(false) => "stops it",
        None => "not tried since the change",
    };
    format!("{word}, {ago}\u{a0}ago")
}

fn severity(found: &FlowFinding) -> Severity {
    match (found.state, found.flow.soft) {
        (State::Ok, _) => Severity::Good,
        (State::Unknown | State::TargetAbsent, _) => Severity::Info,
        (_, true) => Severity::Warning,
        (_, false) => Severity::Critical,
    }
}

/// `3 h 5 min`: two units at most.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    // A number and its unit stay on one line.
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}\u{a0}s"),
        (0, 0, _) => format!("{minutes}\u{a0}min"),
        (0, _, _) => format!("{hours}\u{a0}h {minutes}\u{a0}min"),
        _ => format!("{days}\u{a0}d {hours}\u{a0}h"),
    }
}

/// Policies that the API server would refuse, and what is odd about the others.
pub(crate) fn policies(findings: &Findings, survey: &Survey) -> Table {
    let refused = findings.refused.iter().flat_map(|refused| {
        refused.problems.iter().map(|problem| Row {
            severity: Severity::Critical,
            cells: vec![
                refused.policy.to_string(),
                "refused".to_owned(),
                problem.to_string(),
            ],
        })
    });
    let odd = survey.findings.iter().map(|finding| Row {
        severity: match finding.kind {
            FindingKind::EgressWithoutDns => Severity::Critical,
            FindingKind::SelectsNoPod | FindingKind::PeerMatchesNothing => Severity::Info,
            _ => Severity::Warning,
        },
        cells: vec![
            finding.policy.to_string(),
            finding.kind.as_str().to_owned(),
            detail(finding),
        ],
    });
    Table {
        caption: "Policies".to_owned(),
        columns: ["policy", "finding", "detail"].map(str::to_owned).to_vec(),
        rows: refused.chain(odd).collect(),
    }
}

fn detail(finding: &netpol_engine::Finding) -> String {
    let sentence = finding.kind.explanation();
    match finding.detail.as_str() {
        "" => format!("{}: {sentence}", finding.field),
        detail => format!("{}: {sentence}: {detail}", finding.field),
    }
}

/// What the watches and the files of flows have to complain about.
pub(crate) fn problems(status: &WatchStatus, flows: &[Problem]) -> Table {
    let watched = status.problems().into_iter().map(|it| it.to_string());
    let rows = watched
        .chain(flows.iter().map(ToString::to_string))
        .map(|problem| Row {
            severity: Severity::Warning,
            cells: vec![problem],
        });
    Table {
        caption: "Problems with what is read".to_owned(),
        columns: vec!["problem".to_owned()],
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units_at_most() {
        for (seconds, expected) in [
            (0, "0\u{a0}s"),
            (59, "59\u{a0}s"),
            (61, "1\u{a0}min"),
            (7_300, "2\u{a0}h 1\u{a0}min"),
            (90_000, "1\u{a0}d 1\u{a0}h"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), expected);
        }
    }
}
