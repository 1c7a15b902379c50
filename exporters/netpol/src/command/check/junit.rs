//! JUnit's XML, as `ant`'s `junitreport` and what reads it since have it: a suite of flows, a test each, and a suite of policies.

use std::fmt::Write as _;

use netpol_engine::FlowState;

use super::report::{Judged, Report};
use crate::command::markup::escaped;

/// A test a flow: failed if it is blocked, skipped if there is nothing to try. A policy that would be refused is a failed test, too.
pub(super) fn render(report: &Report) -> String {
    let blocked = report.count(|it| it == FlowState::Blocked);
    let skipped = report.flows.iter().filter(|it| skipped(it.state)).count();
    let (flows, refused) = (report.flows.len(), report.refused.len());
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        r#"<testsuites name="netpol-exporter check" tests="{}" failures="{}" errors="0" skipped="{skipped}">"#,
        flows + refused,
        blocked + refused
    );
    let _ = writeln!(
        text,
        r#"  <testsuite name="required flows" tests="{flows}" failures="{blocked}" errors="0" skipped="{skipped}">"#
    );
    for judged in &report.flows {
        one(&mut text, judged);
    }
    text.push_str("  </testsuite>\n");
    if refused > 0 {
        let _ = writeln!(
            text,
            r#"  <testsuite name="policies" tests="{refused}" failures="{refused}" errors="0" skipped="0">"#
        );
        for it in &report.refused {
            let _ = writeln!(
                text,
                r#"    <testcase classname="policies" name="{}"><failure message="{}" type="refused"/></testcase>"#,
                escaped(&it.policy.to_string()),
                escaped(&it.text)
            );
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn one(text: &mut String, judged: &Judged) {
    let _ = write!(
        text,
        r#"    <testcase classname="required flows" name="{}""#,
        escaped(&judged.name)
    );
    let why = escaped(&judged.sentence());
    let _ = match judged.state {
        FlowState::Allowed => writeln!(text, "/>"),
        FlowState::Blocked => {
            writeln!(
                text,
                r#"><failure message="{why}" type="blocked"/></testcase>"#
            )
        }
        _ => writeln!(text, r#"><skipped message="{why}"/></testcase>"#),
    };
}

const fn skipped(state: FlowState) -> bool {
    !matches!(state, FlowState::Allowed | FlowState::Blocked)
}
