//! For people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use netpol_engine::{FlowState, Origin};

use super::report::{Judged, Report};

/// Where what belongs to a line begins.
const INDENT: &str = "           ";

/// A line for each flow that is not allowed and for each thing that was found, and a last one that counts.
pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for refused in &report.refused {
        let place = refused
            .place
            .as_ref()
            .map(|it| format!("{it}: "))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "refused    {place}NetworkPolicy {}: {}",
            refused.policy, refused.text
        );
    }
    for judged in &report.flows {
        one(&mut text, judged);
    }
    for (what, flows) in absent(report) {
        let _ = writeln!(text, "absent     {what} ({})", flows.join(", "));
    }
    for odd in &report.odd {
        let place = odd
            .place
            .as_ref()
            .map(|it| format!("{it}: "))
            .unwrap_or_default();
        let _ = writeln!(text, "odd        {place}{}", odd.finding);
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

fn one(text: &mut String, judged: &Judged) {
    match judged.state {
        FlowState::Blocked => {
            let soft = if judged.flow.soft {
                ", which the application does without"
            } else {
                ""
            };
            let some = if judged.denied < judged.pairs {
                format!(", {} of {} pairs of pods", judged.denied, judged.pairs)
            } else {
                String::new()
            };
            let _ = writeln!(text, "blocked    {}{some}{soft}", judged.name);
        }
        FlowState::Undefined(reasons) => {
            let _ = writeln!(text, "undefined  {}", judged.name);
            for reason in reasons.iter() {
                let _ = writeln!(text, "{INDENT}{}", reason.explanation());
            }
        }
        FlowState::Allowed | FlowState::SourceAbsent | FlowState::TargetAbsent(_) => return,
    }
    for cause in &judged.causes {
        let by: Vec<_> = cause.by.iter().map(|it| it.text.as_str()).collect();
        let by = if by.is_empty() {
            "nothing that was read".to_owned()
        } else {
            by.join(", ")
        };
        let _ = writeln!(
            text,
            "{INDENT}{} of {} is closed by {by}",
            cause.direction, cause.subject
        );
        if let Some(nearest) = &cause.nearest {
            let place = nearest
                .place
                .as_ref()
                .map(|it| format!(" ({it})"))
                .unwrap_or_default();
            let _ = writeln!(text, "{INDENT}nearest is {}{place}", nearest.text);
        }
    }
}

/// What there is not, with the flows that want it.
fn absent(report: &Report) -> BTreeMap<String, Vec<String>> {
    let mut absent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for judged in &report.flows {
        let (source, target) = judged.name.split_once(" -> ").unwrap_or((&judged.name, ""));
        let (what, who) = match judged.state {
            FlowState::TargetAbsent(missing) => {
                (format!("{target}: {}", missing.explanation()), source)
            }
            FlowState::SourceAbsent => (format!("{source}: it has no pods"), target),
            _ => continue,
        };
        absent.entry(what).or_default().push(who.to_owned());
    }
    absent
}

fn summary(report: &Report) -> String {
    let states = [
        (report.count(|it| it == FlowState::Blocked), "blocked"),
        (
            report.count(|it| matches!(it, FlowState::Undefined(_))),
            "undefined",
        ),
        (
            report.count(|it| matches!(it, FlowState::SourceAbsent | FlowState::TargetAbsent(_))),
            "without a source or a target",
        ),
        (report.count(|it| it == FlowState::Allowed), "allowed"),
    ];
    let states = states.iter().filter(|it| it.0 > 0);
    let states: Vec<_> = states
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let inferred = report
        .flows
        .iter()
        .filter(|it| it.flow.origin == Origin::Inferred)
        .count();
    let mut text = match report.flows.len() {
        0 => return "no required flows".to_owned(),
        1 => "1 required flow".to_owned(),
        count => format!("{count} required flows"),
    };
    if inferred > 0 {
        let _ = write!(text, " ({inferred} inferred from containers' environment)");
    }
    let _ = write!(text, ": {}", states.join(", "));
    if !report.refused.is_empty() {
        let _ = write!(
            text,
            "; refused by the API server: {}",
            report.refused.len()
        );
    }
    text
}
