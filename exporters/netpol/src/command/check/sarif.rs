//! SARIF 2.1.0 (OASIS), for code hosts that show findings beside the lines they are about.

use std::fmt::Write as _;
use std::path::Path;

use netpol_engine::{FindingKind, FlowState};
use serde_json::{Value, json};

use super::report::{Blamed, Judged, Odd, Refused, Report};
use crate::command::read::Place;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What a result is about, in the order of the rules' indices.
const RULES: [(&str, &str, &str); 12] = [
    (
        "required-flow-blocked",
        "error",
        "The network policies forbid a connection that the application needs.",
    ),
    (
        "required-flow-undefined",
        "warning",
        "The API leaves open whether a connection that the application needs is allowed.",
    ),
    (
        "required-flow-absent",
        "note",
        "A required flow has nobody to dial, or nobody who dials.",
    ),
    (
        "policy-refused",
        "error",
        "The API server would refuse this policy.",
    ),
    (
        FindingKind::EgressWithoutDns.as_str(),
        "warning",
        FindingKind::EgressWithoutDns.explanation(),
    ),
    (
        FindingKind::EgressRulesIgnored.as_str(),
        "warning",
        FindingKind::EgressRulesIgnored.explanation(),
    ),
    (
        FindingKind::IngressRulesIgnored.as_str(),
        "warning",
        FindingKind::IngressRulesIgnored.explanation(),
    ),
    (
        FindingKind::IngressIsolatedSilently.as_str(),
        "warning",
        FindingKind::IngressIsolatedSilently.explanation(),
    ),
    (
        FindingKind::SelectsNoPod.as_str(),
        "warning",
        FindingKind::SelectsNoPod.explanation(),
    ),
    (
        FindingKind::PeerMatchesNothing.as_str(),
        "note",
        FindingKind::PeerMatchesNothing.explanation(),
    ),
    (
        FindingKind::NamedPortNowhere.as_str(),
        "warning",
        FindingKind::NamedPortNowhere.explanation(),
    ),
    (
        FindingKind::EqualPriority.as_str(),
        "warning",
        FindingKind::EqualPriority.explanation(),
    ),
];

/// One run with everything found.
pub(super) fn render(report: &Report) -> String {
    let rules = RULES.iter().map(|(id, level, text)| {
        json!({
            "id": id,
            "shortDescription": {"text": text},
            "defaultConfiguration": {"level": level},
        })
    });
    let file = report.file.as_deref();
    let flows = report.flows.iter().filter_map(|it| of_flow(it, file));
    let refused = report.refused.iter().map(of_refused);
    let odd = report.odd.iter().map(of_odd);
    let whole = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "netpol-exporter",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": flows.chain(refused).chain(odd).collect::<Vec<_>>(),
        }],
    });
    format!("{whole:#}\n")
}

fn of_flow(judged: &Judged, file: Option<&Path>) -> Option<Value> {
    let rule = match judged.state {
        FlowState::Allowed => return None,
        FlowState::Blocked => "required-flow-blocked",
        FlowState::Undefined(_) => "required-flow-undefined",
        FlowState::SourceAbsent | FlowState::TargetAbsent(_) => "required-flow-absent",
    };
    let blamed = judged.blamed();
    let mut result = result(
        rule,
        &judged.sentence(),
        &judged.name,
        blamed.and_then(|it| it.place.as_ref()),
    );
    if judged.flow.soft && judged.state == FlowState::Blocked {
        result["level"] = json!("warning");
    }
    let closed_by = judged
        .causes
        .iter()
        .flat_map(|it| &it.by)
        .filter_map(related);
    let related: Vec<_> = closed_by.collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    // Without a policy to point at, the line that requires the flow is what there is.
    if result.get("locations").is_none()
        && let Some(file) = file
    {
        result["locations"] =
            json!([{"physicalLocation": {"artifactLocation": {"uri": uri(file)}}}]);
    }
    Some(result)
}

fn of_refused(refused: &Refused) -> Value {
    let text = format!("NetworkPolicy {}: {}", refused.policy, refused.text);
    result("policy-refused", &text, &text, refused.place.as_ref())
}

fn of_odd(odd: &Odd) -> Value {
    let text = odd.finding.to_string();
    result(odd.finding.kind.as_str(), &text, &text, odd.place.as_ref())
}

fn result(rule: &str, text: &str, identity: &str, place: Option<&Place>) -> Value {
    let index = RULES.iter().position(|it| it.0 == rule);
    let level = index.map_or("warning", |at| RULES[at].1);
    let mut result = json!({
        "ruleId": rule,
        "ruleIndex": index,
        "level": level,
        "message": {"text": text},
        // A finding stays the same one when lines move.
        "partialFingerprints": {"sidelights/v1": format!("{rule}: {identity}")},
    });
    if let Some(place) = place {
        result["locations"] = json!([{"physicalLocation": physical(place)}]);
    }
    result
}

fn related(blamed: &Blamed) -> Option<Value> {
    let place = blamed.place.as_ref()?;
    Some(
        json!({"physicalLocation": physical(place), "message": {"text": format!("closed by {}", blamed.text)}}),
    )
}

fn physical(place: &Place) -> Value {
    json!({
        "artifactLocation": {"uri": uri(&place.path)},
        "region": {"startLine": place.line},
    })
}

/// A file as a URI reference (RFC 3986): relative if it was given so, in which case it is read from the top of the repository.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    let text = path.to_string_lossy();
    for byte in text.strip_prefix("./").unwrap_or(&text).bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference_that_names_the_same_file() {
        assert_eq!(uri(Path::new("./policies/a b.yaml")), "policies/a%20b.yaml");
        assert_eq!(uri(Path::new("/tmp/é.yaml")), "file:///tmp/%C3%A9.yaml");
    }

    #[test]
    fn every_rule_is_there_once() {
        let mut ids: Vec<_> = RULES.iter().map(|it| it.0).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
    }
}
