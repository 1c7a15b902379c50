//! Graphviz' language: an arrow for what is allowed, and a dashed one for what is required and is not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::grid::{Grid, Port, Shade};

/// One graph, with a frame around each namespace.
pub(super) fn render(grid: &Grid) -> String {
    let mut text = String::from(
        "digraph policies {\n  rankdir=LR;\n  graph [fontname=\"Helvetica\"];\n  node [shape=box, style=rounded, fontname=\"Helvetica\"];\n  edge [fontname=\"Helvetica\", fontsize=10];\n",
    );
    let mut namespaces: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in &grid.sources {
        match source {
            netpol_engine::EdgeEnd::Workload(key) => {
                let label = quoted(&key.name);
                let node = format!("{} [label={label}];", quoted(&key.to_string()));
                namespaces.entry(&key.namespace).or_default().push(node);
            }
            netpol_engine::EdgeEnd::Outside => {
                let _ = writeln!(text, "  {} [shape=oval];", quoted(&source.to_string()));
            }
        }
    }
    for (index, (namespace, nodes)) in namespaces.iter().enumerate() {
        let _ = writeln!(
            text,
            "  subgraph cluster_{index} {{\n    label={};",
            quoted(namespace)
        );
        for node in nodes {
            let _ = writeln!(text, "    {node}");
        }
        text.push_str("  }\n");
    }
    for (source, destination, cell) in grid.cells() {
        let ends = format!(
            "{} -> {}",
            quoted(&source.to_string()),
            quoted(&destination.workload.to_string())
        );
        if source.to_string() == destination.workload.to_string() {
            continue;
        }
        for (style, ports) in by_style(&cell.ports) {
            let ports: Vec<_> = ports
                .iter()
                .map(|it| format!("{} {}", it.protocol, it.number))
                .collect();
            let _ = writeln!(
                text,
                "  {ends} [label={}, {style}];",
                quoted(&ports.join("\n"))
            );
        }
    }
    text.push_str("}\n");
    text
}

/// The ports of a pair that share an arrow.
fn by_style(ports: &[Port]) -> BTreeMap<&'static str, Vec<&Port>> {
    let mut arrows: BTreeMap<&str, Vec<&Port>> = BTreeMap::new();
    for port in ports {
        let style = match (port.shade, port.required) {
            (Shade::Allowed, true) => "color=\"#1a7f37\", penwidth=2",
            (Shade::Allowed, false) => "color=\"#57606a\"",
            (_, true) => "color=\"#cf222e\", style=dashed, penwidth=2",
            (Shade::Mixed | Shade::Undefined, false) => "color=\"#9a6700\", style=dotted",
            (Shade::Denied, false) => continue,
        };
        arrows.entry(style).or_default().push(port);
    }
    arrows
}

/// A quoted string: within it only the quotation mark and the backslash mean something else, and `\n` begins a line.
fn quoted(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{text}\"")
}
