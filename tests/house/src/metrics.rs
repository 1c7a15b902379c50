//! Invariant 4: every metric has a row in a README, and is seen somewhere; what a dashboard or an alert names, exists.

use std::collections::{BTreeMap, BTreeSet};

use crate::alerts::rules;
use crate::dashboards::{dashboards, expressions};
use crate::promql::selectors;
use crate::workspace::{files_of, read};

/// Series that others expose, and who.
const OTHERS: [(&str, &str); 5] = [
    ("ALERTS", "Prometheus"),
    // HighErrorRate's runbook says so, too.
    ("http_requests_total", "nobody in the shop yet"),
    (
        "kube_pod_container_status_restarts_total",
        "kube-state-metrics",
    ),
    ("kube_pod_status_ready", "kube-state-metrics"),
    ("up", "Prometheus"),
];

/// A row of the table between `<!-- metrics -->` marks: `` | `name` | type | labels | meaning | seen in | ``
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    kind: String,
    /// Where it is seen, or the reason why nowhere.
    seen_in: String,
}

fn rows(readme: &str) -> Vec<Row> {
    let tables = readme.split("<!-- metrics -->").skip(1).step_by(2);
    let lines = tables.flat_map(str::lines);
    lines
        .filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
            let name = cells.first()?.strip_prefix('`')?.strip_suffix('`')?;
            Some(Row {
                name: name.to_owned(),
                kind: (*cells.get(1)?).to_owned(),
                seen_in: (*cells.get(4)?).to_owned(),
            })
        })
        .collect()
}

/// All rows of all READMEs of what runs, by the names that PromQL uses.
fn table() -> BTreeMap<String, Row> {
    let readmes = ["exporters", "sidecars"]
        .into_iter()
        .flat_map(|folder| files_of(folder, "md"));
    let rows = readmes.flat_map(|path| rows(&read(path)));
    rows.map(|row| (row.name.clone(), row)).collect()
}

/// The metric to which a series belongs: a histogram has three.
fn metric<'a>(series: &'a str, table: &BTreeMap<String, Row>) -> Option<&'a str> {
    let of_histogram = ["_bucket", "_count", "_sum"]
        .into_iter()
        .find_map(|suffix| {
            let name = series.strip_suffix(suffix)?;
            table
                .get(name)
                .is_some_and(|row| row.kind.contains("histogram"))
                .then_some(name)
        });
    of_histogram.or_else(|| table.contains_key(series).then_some(series))
}

/// Every series that a dashboard, an alert or a runbook names, and where.
fn named() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |place: String, expression: &str| {
        let names = selectors(expression).into_iter().map(|it| it.name);
        found.extend(
            names
                .filter(|it| !it.is_empty())
                .map(|it| (it, place.clone())),
        );
    };
    for (path, dashboard) in dashboards() {
        for expression in expressions(&dashboard) {
            add(path.display().to_string(), &expression);
        }
    }
    for rule in rules() {
        add(format!("alert {}", rule.alert), &rule.expr);
    }
    for path in files_of("docs/runbooks", "md") {
        for block in read(&path).split("```promql").skip(1) {
            let query = block.split("```").next().unwrap_or_default();
            add(path.display().to_string(), query);
        }
    }
    found
}

#[test]
fn what_dashboards_alerts_and_runbooks_name_is_on_a_page() {
    let table = table();
    let unknown: BTreeSet<_> = named()
        .into_iter()
        .filter(|(name, _)| metric(name, &table).is_none() && OTHERS.iter().all(|it| it.0 != name))
        .collect();
    assert!(unknown.is_empty(), "no README has a row for {unknown:#?}");
}

#[test]
fn every_metric_is_seen_somewhere_or_has_its_reason() {
    let (table, named) = (table(), named());
    assert!(
        !table.is_empty(),
        "no README has a table between <!-- metrics --> marks"
    );
    let seen: BTreeSet<&str> = named
        .iter()
        .filter_map(|(name, _)| metric(name, &table))
        .collect();
    let unseen: Vec<&str> = table
        .values()
        .filter(|row| {
            !seen.contains(row.name.as_str())
                && row.seen_in.trim_matches(['-', '–', ' ']).is_empty()
        })
        .map(|row| row.name.as_str())
        .collect();
    assert!(
        unseen.is_empty(),
        "in no dashboard and no alert, and without a reason: {unseen:?}"
    );
}

#[test]
fn a_histogram_is_known_by_its_three_series_and_a_counter_by_its_own() {
    let readme = "`x`\n<!-- metrics -->\n| metric | type | labels | meaning | seen in |\n|---|---|---|---|---|\n| `a_seconds` | histogram | `le` | How long. | dashboard |\n| `b_total` | counter | | How often. | - |\n<!-- metrics -->\n| `c` | gauge | | | |\n";
    let table: BTreeMap<_, _> = rows(readme)
        .into_iter()
        .map(|row| (row.name.clone(), row))
        .collect();
    assert_eq!(table.keys().collect::<Vec<_>>(), ["a_seconds", "b_total"]);
    assert_eq!(metric("a_seconds_bucket", &table), Some("a_seconds"));
    assert_eq!(metric("b_total", &table), Some("b_total"));
    assert_eq!(metric("b_total_sum", &table), None);
}
