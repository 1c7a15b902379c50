//! Prometheus text 0.0.4: what OpenMetrics has, in the older words.
//!
//! Made from the same lines, so that a series is the same in both and a large page costs no more memory here. What the
//! format cannot say is left out or said otherwise: units and exemplars go, info is a gauge, unknown is `untyped`, and a
//! counter's family has the name of its samples.

use crate::lines::Escaped;

/// HELP and TYPE of a family with that OpenMetrics type.
pub(crate) fn head(family: &str, kind: &str, help: &str) -> String {
    let (suffix, kind) = match kind {
        "counter" => ("_total", "counter"),
        "info" => ("_info", "gauge"),
        "gauge" | "histogram" => ("", kind),
        _ => ("", "untyped"),
    };
    let help = Escaped {
        text: help,
        quotes_too: false,
    };
    format!("# HELP {family}{suffix} {help}\n# TYPE {family}{suffix} {kind}\n")
}

/// The sample of a line, without the exemplar that may stand behind it.
pub(crate) fn sample(line: &str) -> &str {
    const EXEMPLAR: &str = " # {";
    if !line.contains(EXEMPLAR) {
        return line;
    }
    // A label's value may look like one: it counts outside quotes only.
    let mut quoted = false;
    let mut escaped = false;
    let exemplar = line.char_indices().find(|(at, character)| {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => return !quoted && line[*at..].starts_with(EXEMPLAR),
        }
        false
    });
    exemplar.map_or(line, |(at, _)| &line[..at])
}
