//! The findings as a person reads them: tables for the landing page.

use chassis::{Row, Severity, Table};
use hpa_engine::{Limiter, Path};
use kube_watch::WatchStatus;

use crate::command::explain::clock;
use crate::decide::{Finding, Findings};

/// One row for each autoscaler, the worst first.
pub(crate) fn decisions(findings: &Findings) -> Table {
    let columns = [
        "autoscaler",
        "has",
        "wants",
        "gets",
        "limited by",
        "next release",
        "agrees",
    ];
    let mut rows: Vec<Row> = findings.autoscalers.iter().map(|it| row(it)).collect();
    rows.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.cells.cmp(&b.cells))
    });
    Table {
        caption: "What the autoscalers want, and what they get".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows,
    }
}

/// What an API server would refuse, and what the watches have to complain about.
pub(crate) fn problems(findings: &Findings, status: &WatchStatus) -> Table {
    let mut rows: Vec<Row> = Vec::new();
    for finding in &findings.autoscalers {
        let problems = finding.problems.iter().map(ToString::to_string);
        let complaints = finding.complaints.iter().cloned();
        let without_scale = finding.decision.path == Path::NoScale;
        let no_scale = finding.decision.error.clone().filter(|_| without_scale);
        let all = problems.chain(complaints).chain(no_scale);
        rows.extend(all.map(|problem| Row {
            severity: Severity::Warning,
            cells: vec![format!("{}: {problem}", finding.key)],
        }));
    }
    rows.extend(findings.known.problems.iter().map(|problem| Row {
        severity: Severity::Warning,
        cells: vec![problem.clone()],
    }));
    rows.extend(status.problems().into_iter().map(|problem| Row {
        severity: Severity::Warning,
        cells: vec![problem.to_string()],
    }));
    Table {
        caption: "Problems with what is watched and asked for".to_owned(),
        columns: vec!["problem".to_owned()],
        rows,
    }
}

fn row(finding: &Finding) -> Row {
    let decision = &finding.decision;
    let scale = decision.scale.as_ref();
    let number = |number: Option<i32>| number.map_or_else(none, |it| it.to_string());
    let limiters = &finding.limiters;
    let named: Vec<&str> = limiters.all.iter().rev().map(|it| it.as_str()).collect();
    Row {
        severity: severity(finding),
        cells: vec![
            finding.key.to_string(),
            number(scale.map(|scale| scale.replicas)),
            number(decision.wish),
            number(scale.map(|_| decision.desired)),
            if named.is_empty() {
                none()
            } else {
                named.join(", ")
            },
            finding.next_release.map_or_else(none, clock),
            match finding.tally.agreement {
                None => none(),
                Some(true) => "yes".to_owned(),
                Some(false) => "no".to_owned(),
            },
        ],
    }
}

fn severity(finding: &Finding) -> Severity {
    match finding.limiters.primary {
        Limiter::NoScale
        | Limiter::NoMetrics
        | Limiter::NoSelector
        | Limiter::AmbiguousSelector
        | Limiter::InvalidMetricBlocksScaleDown => Severity::Critical,
        _ if finding.tally.agreement == Some(false) => Severity::Critical,
        _ if finding.unmet().maximum > 0 || !finding.problems.is_empty() => Severity::Warning,
        Limiter::None => Severity::Good,
        _ => Severity::Info,
    }
}

fn none() -> String {
    "-".to_owned()
}
