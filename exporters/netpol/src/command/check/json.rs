//! For programs.

use netpol_engine::{FlowState, Origin, Reason};
use serde_json::{Value, json};

use super::report::{Blamed, Cause, Judged, Report};
use crate::command::flow;
use crate::command::read::Place;

/// Every flow, and everything found.
pub(super) fn render(report: &Report) -> String {
    let refused = report.refused.iter().map(|it| {
        json!({"policy": it.policy.to_string(), "message": it.text, "place": place(it.place.as_ref())})
    });
    let odd = report.odd.iter().map(|it| {
        json!({
            "finding": it.finding.kind.as_str(),
            "policy": it.finding.policy.to_string(),
            "field": it.finding.field,
            "message": it.finding.kind.explanation(),
            "detail": it.finding.detail,
            "place": place(it.place.as_ref()),
        })
    });
    let whole = json!({
        "flows": report.flows.iter().map(one).collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "findings": odd.collect::<Vec<_>>(),
        "blocked": report.count(|it| it == FlowState::Blocked),
        "fails": report.fails(),
    });
    format!("{whole:#}\n")
}

fn one(judged: &Judged) -> Value {
    let flow = &judged.flow;
    let why = match judged.state {
        FlowState::TargetAbsent(missing) => vec![missing.explanation()],
        FlowState::Undefined(reasons) => reasons.iter().map(Reason::explanation).collect(),
        _ => Vec::new(),
    };
    json!({
        "flow": judged.name,
        "state": flow::word(judged.state),
        "reasons": why,
        "protocol": flow.protocol.as_str(),
        "port": flow.port,
        "kind": flow.kind,
        "soft": flow.soft,
        "inferred": flow.origin == Origin::Inferred,
        "pairs": judged.pairs,
        "deniedPairs": judged.denied,
        "causes": judged.causes.iter().map(cause).collect::<Vec<_>>(),
    })
}

fn cause(cause: &Cause) -> Value {
    json!({
        "direction": cause.direction.as_str(),
        "subject": cause.subject,
        "closedBy": cause.by.iter().map(blamed).collect::<Vec<_>>(),
        "nearest": cause.nearest.as_ref().map(blamed),
    })
}

fn blamed(blamed: &Blamed) -> Value {
    json!({
        "policy": blamed.policy.to_string(),
        "message": blamed.text,
        "place": place(blamed.place.as_ref()),
    })
}

fn place(place: Option<&Place>) -> Value {
    place.map_or(
        Value::Null,
        |it| json!({"file": it.path.display().to_string(), "line": it.line}),
    )
}
