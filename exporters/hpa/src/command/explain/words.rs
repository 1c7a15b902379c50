//! A finding in words.

mod amount;

use std::fmt::Write as _;
use std::path::Path;

use hpa_engine::{Calculation, Decision, Held, Limiter, MetricSpec, Moment, Path as Way};
use serde_json::{Value, json};

use crate::decide::{Candidate, Finding};
use crate::metrics::{in_unit, name};

/// The time of day, in UTC as all of Kubernetes has it.
pub(crate) fn clock(moment: Moment) -> String {
    let nanoseconds = i128::from(moment.nanoseconds());
    // Not before: a release that is told too early is not there yet.
    let seconds = (nanoseconds + 999_999_999).div_euclid(1_000_000_000);
    let of_day = seconds.rem_euclid(86_400);
    let (hours, minutes, seconds) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02} UTC")
}

/// The decision and all that leads to it, and the same of a candidate.
pub(super) fn json(finding: &Finding, candidate: Option<(&Path, &Candidate)>) -> String {
    let mut value = whole(finding);
    value["answer"] = text(finding, candidate).into();
    if let Some((_, candidate)) = candidate {
        let of_it = candidate.finding.as_ref().map(whole);
        let unknown: Vec<_> = candidate.unknown.iter().map(name).collect();
        value["candidate"] = json!({"finding": of_it, "unknown": unknown});
    }
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

fn whole(finding: &Finding) -> Value {
    let unmet = finding.unmet();
    json!({
        "namespace": finding.key.namespace,
        "name": finding.key.name,
        "decision": finding.decision,
        "limiters": finding.limiters,
        "unmet": {"stabilization": unmet.stabilization, "rate": unmet.rate, "maximum": unmet.maximum},
        "releases": finding.releases,
        "counterfactuals": finding.counterfactuals,
        "thresholds": finding.thresholds,
        "bounds": finding.history.bounds,
        "problems": finding.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// The answer.
pub(super) fn text(finding: &Finding, candidate: Option<(&Path, &Candidate)>) -> String {
    let decision = &finding.decision;
    let target = &finding.autoscaler.spec.target;
    let mut text = format!(
        "{} scales {} {} between {} and {}",
        finding.key, target.kind, target.name, decision.minimum, decision.maximum
    );
    let _ = match &decision.scale {
        Some(scale) => writeln!(text, ", and has {}.", scale.replicas),
        None => writeln!(text, "."),
    };
    text.push_str(&decided(finding));
    if let Some((path, candidate)) = candidate {
        text.push_str(&beside(path, candidate));
    }
    text
}

/// What a candidate would come to.
fn beside(path: &Path, candidate: &Candidate) -> String {
    let mut text = String::new();
    match &candidate.finding {
        Some(finding) => {
            let decision = &finding.decision;
            let _ = writeln!(
                text,
                "With {}, between {} and {}:",
                path.display(),
                decision.minimum,
                decision.maximum
            );
            text.push_str(&decided(finding));
        }
        None => {
            let _ = writeln!(text, "With {}:", path.display());
        }
    }
    for source in &candidate.unknown {
        let _ = writeln!(
            text,
            "  {} is not known: the real autoscaler does not ask for it.",
            name(source)
        );
    }
    match (&candidate.finding, &*candidate.unknown) {
        (_, []) => {}
        (Some(_), _) => text.push_str("With all its metrics it would want so many or more.\n"),
        (None, _) => text.push_str("What it would want is not known.\n"),
    }
    text
}

/// What is decided and why.
fn decided(finding: &Finding) -> String {
    let mut text = format!("{}\n", verdict(finding));
    for (index, spec) in finding.autoscaler.spec.metrics.iter().enumerate() {
        if let Some(line) = metric(finding, index, spec) {
            let _ = writeln!(text, "  {line}");
        }
    }
    for line in releases(finding) {
        let _ = writeln!(text, "{line}");
    }
    if let Some((lower, upper)) = finding
        .history
        .bounds
        .filter(|(lower, upper)| lower != upper)
    {
        let _ = writeln!(
            text,
            "What the controller remembers is not known: it may come to anything from {lower} to {upper}."
        );
    }
    for problem in &finding.problems {
        let _ = writeln!(text, "An API server would refuse it: {problem}.");
    }
    text
}

fn verdict(finding: &Finding) -> String {
    let decision = &finding.decision;
    let desired = decision.desired;
    if let Some(reason) = stopped(decision) {
        return reason;
    }
    let Some(wish) = decision.wish else {
        return format!("Gets {desired}.");
    };
    let limits: Vec<String> = finding
        .limiters
        .all
        .iter()
        .rev()
        .map(|limiter| limit(*limiter, finding))
        .collect();
    if limits.is_empty() {
        return format!("Wants {wish}, gets {desired}: nothing limits it.");
    }
    let mut text = format!("Wants {wish}, gets {desired}: {}", limits.join("; "));
    let missing = wish - desired;
    if missing > 0 {
        let _ = write!(text, "; unmet {missing}");
    }
    text.push('.');
    text
}

/// Why a sync ends before there is a number, in the controller's own words where it has some.
fn stopped(decision: &Decision) -> Option<String> {
    let error = || decision.error.clone().unwrap_or_default();
    match decision.path {
        Way::Metrics => None,
        Way::NoScale | Way::Unregistered => Some(format!("Does nothing: {}.", error())),
        Way::Disabled => {
            Some("Does nothing: the target has no replicas, which turns scaling off.".to_owned())
        }
        Way::AboveMaximum => Some(format!(
            "Gets {}: there are more replicas than the maximum, and no metric is asked.",
            decision.desired
        )),
        Way::BelowMinimum => Some(format!(
            "Gets {}: there are fewer replicas than the minimum, and no metric is asked.",
            decision.desired
        )),
        Way::NoSelector | Way::Ambiguous | Way::NoMetrics => {
            Some(format!("Does nothing: {}.", error()))
        }
        Way::BlockedByMetric => {
            let wish = decision.wish.unwrap_or_default();
            Some(format!(
                "Wants {wish}, keeps {}: without all metrics there is no scaling down.",
                decision.current()
            ))
        }
    }
}

fn limit(limiter: Limiter, finding: &Finding) -> String {
    let decision = &finding.decision;
    let rate = || {
        let bounds = decision.bounds.as_ref();
        bounds
            .and_then(|bounds| bounds.rate.as_ref())
            .map_or(0, |rate| rate.limit)
    };
    let held = || {
        decision
            .stabilization
            .map_or(0, |stabilization| stabilization.replicas)
    };
    match limiter {
        Limiter::None => "nothing".to_owned(),
        Limiter::Tolerance => "within the tolerance".to_owned(),
        Limiter::Dampening => "pods without a metric slow it down".to_owned(),
        Limiter::StabilizationUp => format!("an earlier wish for {} holds it down", held()),
        Limiter::StabilizationDown => format!("an earlier wish for {} holds it up", held()),
        Limiter::StabilizationRaise => format!("an earlier wish for {} raises it", held()),
        Limiter::ScaleUpLimit => format!("at most {} at once", rate()),
        Limiter::ScaleDownLimit => format!("at least {} at once", rate()),
        Limiter::PolicyDisabled => "the direction is disabled".to_owned(),
        Limiter::MaxReplicas => format!("max {}", decision.maximum),
        Limiter::MinReplicas => format!("min {}", decision.minimum),
        other => other.as_str().replace('_', " "),
    }
}

fn metric(finding: &Finding, index: usize, spec: &MetricSpec) -> Option<String> {
    let decision = &finding.decision;
    let name = name(&spec.source);
    let proposal = match decision.proposals.get(index)? {
        Err(failure) => return Some(format!("{name} has no number: {}", failure.message)),
        Ok(proposal) => proposal,
    };
    let calculation = &proposal.calculation;
    let target = Calculation {
        counted: 1,
        ..*calculation
    };
    let amount = |calculation: &Calculation, number| {
        amount::of(
            calculation.measure,
            &spec.source,
            in_unit(calculation, number),
        )
    };
    let usage = amount(calculation, calculation.usage);
    let goal = amount(&target, calculation.target);
    let mut line = format!("{name} {usage} of {goal} proposes {}", proposal.replicas);
    if calculation.held == Some(Held::Tolerance) && calculation.usage != calculation.target {
        line.push_str(" (within the tolerance)");
    }
    if let Some(pods) = calculation
        .pods
        .filter(|pods| pods.unready + pods.missing > 0)
    {
        let _ = write!(
            line,
            " ({} ready pods, {} not ready, {} without a metric)",
            pods.ready, pods.unready, pods.missing
        );
    }
    if let Some(thresholds) = finding.thresholds.get(index).copied().flatten() {
        let _ = write!(
            line,
            "; moves at {} and at {}",
            amount(calculation, thresholds.down),
            amount(calculation, thresholds.up)
        );
    }
    line.push('.');
    Some(line)
}

fn releases(finding: &Finding) -> Vec<String> {
    let releases = &finding.releases;
    let mut lines = Vec::new();
    for (steps, way) in [(&releases.down, "down"), (&releases.up, "up")] {
        if let Some(first) = steps.first() {
            let mut line = format!(
                "Next release of stabilization {}, {way} to {}",
                clock(first.at),
                first.replicas
            );
            if let Some(last) = steps.last().filter(|last| *last != first) {
                let _ = write!(line, "; the last {}, to {}", clock(last.at), last.replicas);
            }
            lines.push(line + ".");
        }
    }
    if let Some(at) = releases.rate {
        lines.push(format!("The rate allows more from {}.", clock(at)));
    }
    lines
}
