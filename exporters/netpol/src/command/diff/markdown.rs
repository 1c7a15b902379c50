//! Markdown, as a comment on a pull request shows it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use netpol_engine::{Edge, FlowState, Protocol};

use super::change::{Change, Changed};

/// Required flows first, because they are what breaks; then what is lost and gained beside them.
pub(super) fn render(change: &Change) -> String {
    let mut text = format!("## Network policies\n\n{}\n", headline(change));
    if change.is_empty() {
        return text;
    }
    if !change.refused.is_empty() {
        text.push_str("\n### The API server would refuse\n\n");
        for refused in &change.refused {
            let _ = writeln!(text, "- `{}`", code(refused));
        }
    }
    if !change.required.is_empty() {
        text.push_str(
            "\n### Required flows\n\n| | flow | was | is | why |\n|---|---|---|---|---|\n",
        );
        for changed in &change.required {
            row(&mut text, changed);
        }
    }
    for (title, edges) in [
        ("Other edges that are lost", &change.lost),
        ("Other edges that are gained", &change.gained),
        ("Edges that have become unclear", &change.unclear),
    ] {
        list(&mut text, title, edges);
    }
    text
}

fn headline(change: &Change) -> String {
    let (before, after) = change.policies;
    let policies = format!("Policies: {after}, and {before} before.");
    if change.is_empty() {
        return format!("No edge is lost or gained. {policies}");
    }
    let (was, is) = change.blocked;
    let flows = change.flows;
    format!("{flows} required flows. Blocked: **{is}**, and {was} before. {policies}")
}

fn row(text: &mut String, changed: &Changed) {
    let sign = match changed.after {
        FlowState::Blocked => "❌",
        FlowState::Allowed => "✅",
        _ => "❔",
    };
    let soft = if changed.soft { " (soft)" } else { "" };
    let why: Vec<_> = changed.why.iter().map(|it| cell(it)).collect();
    let _ = writeln!(
        text,
        "| {sign} | `{}`{soft} | {} | **{}** | {} |",
        code(&changed.name),
        word(changed.before),
        word(changed.after),
        why.join("<br>")
    );
}

const fn word(state: FlowState) -> &'static str {
    match state {
        FlowState::Allowed => "allowed",
        FlowState::Blocked => "blocked",
        FlowState::Undefined(_) => "undefined",
        FlowState::SourceAbsent => "without a source",
        FlowState::TargetAbsent(_) => "without a target",
    }
}

/// Edges by their ends: all ports of a pair are one line.
fn list(text: &mut String, title: &str, edges: &[Edge]) {
    if edges.is_empty() {
        return;
    }
    let mut lines: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for edge in edges {
        let ends = (edge.source.to_string(), edge.destination.to_string());
        lines.entry(ends).or_default().push(ports(edge));
    }
    let _ = writeln!(
        text,
        "\n<details><summary>{title}: {}</summary>\n",
        lines.len()
    );
    for ((source, destination), ports) in lines {
        let _ = writeln!(
            text,
            "- `{}` → `{}`: {}",
            code(&source),
            code(&destination),
            ports.join(", ")
        );
    }
    text.push_str("\n</details>\n");
}

fn ports(edge: &Edge) -> String {
    let protocol: Protocol = edge.protocol;
    match (edge.first, edge.last) {
        (0, u16::MAX) => format!("all of {protocol}"),
        (first, last) if first == last => format!("{protocol} {first}"),
        (first, last) => format!("{protocol} {first}-{last}"),
    }
}

/// Text between backticks: names come from files, and none of them may end the code that it stands in.
fn code(text: &str) -> String {
    text.replace('`', "'").replace(['\n', '|'], " ")
}

/// Text in a cell of a table, without markup of its own.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&' => {
                cell.push('\\');
                cell.push(character);
            }
            '\n' => cell.push(' '),
            other => cell.push(other),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_in_its_cell() {
        assert_eq!(code("a`b|c\nd"), "a'b c d");
        assert_eq!(cell("a|b <img> `x`"), r"a\|b \<img\> \`x\`");
    }
}
