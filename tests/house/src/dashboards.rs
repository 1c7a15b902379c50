//! Dashboards: the rules of grafana's dashboard-linter, kept here because it cannot be had as a Go module.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::promql::selectors;
use crate::workspace::{files_of, read};

/// Panels that must have a title, a description, a unit and a query.
const STRICT: [&str; 5] = ["gauge", "graph", "stat", "timeseries", "timetable"];

/// The units in use; Grafana silently ignores one that it does not know.
const UNITS: [&str; 8] = [
    "bytes",
    "dateTimeFromNow",
    "none",
    "ops",
    "percentunit",
    "reqps",
    "s",
    "short",
];

/// All dashboards, with their paths.
pub(crate) fn dashboards() -> Vec<(PathBuf, Value)> {
    files_of("dashboards", "json")
        .into_iter()
        .map(|path| {
            let text = read(&path);
            let dashboard = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, dashboard)
        })
        .collect()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// All panels but rows, also those inside rows.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let top = array(&dashboard["panels"]).iter();
    top.flat_map(|panel| std::iter::once(panel).chain(array(&panel["panels"])))
        .filter(|panel| panel["type"] != "row")
        .collect()
}

fn variables(dashboard: &Value) -> &[Value] {
    array(&dashboard["templating"]["list"])
}

/// The PromQL of panels and annotations, with Grafana's own variables put in.
pub(crate) fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = panels(dashboard)
        .into_iter()
        .flat_map(|panel| array(&panel["targets"]));
    let annotations = array(&dashboard["annotations"]["list"]).iter();
    targets
        .chain(annotations)
        .map(|target| {
            text(&target["expr"])
                .replace("$__rate_interval", "5m")
                .replace("$__range", "1h")
        })
        .filter(|expression| !expression.is_empty())
        .collect()
}

fn faults(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut demand = |holds: bool, fault: String| {
        if !holds {
            found.push(fault);
        }
    };
    demand(dashboard["editable"] == false, "is editable".to_owned());
    demand(
        !text(&dashboard["title"]).is_empty(),
        "has no title".to_owned(),
    );
    demand(
        (1..=40).contains(&text(&dashboard["uid"]).len()),
        "needs a uid of at most 40 characters".to_owned(),
    );
    demand(
        (39..=41).contains(&dashboard["schemaVersion"].as_u64().unwrap_or(0)),
        "schemaVersion is not 39 to 41".to_owned(),
    );
    demand(
        dashboard.get("__inputs").is_none() && dashboard.get("id").is_none(),
        "carries __inputs or an id of some Grafana".to_owned(),
    );

    let variable = |name: &str| variables(dashboard).iter().find(|it| it["name"] == name);
    demand(
        variable("datasource")
            .is_some_and(|it| it["type"] == "datasource" && it["label"] == "Data source"),
        "has no variable `datasource`, labelled `Data source`".to_owned(),
    );
    for (name, label) in [("job", "Job"), ("instance", "Instance")] {
        demand(
            variable(name).is_some_and(|it| {
                it["label"] == label && it["multi"] == true && it["allValue"] == ".+"
            }),
            format!("has no variable `{name}`, labelled `{label}`, multi, allValue .+"),
        );
    }
    for it in variables(dashboard)
        .iter()
        .filter(|it| it["type"] == "query")
    {
        demand(
            it["refresh"] == 2
                && it["datasource"]["uid"] == "${datasource}"
                && text(&it["query"]).starts_with("label_values("),
            format!(
                "variable {}: refresh 2, the templated data source and label_values are needed",
                it["name"]
            ),
        );
    }

    let mut identities: Vec<_> = array(&dashboard["panels"])
        .iter()
        .map(|panel| panel["id"].to_string())
        .collect();
    identities.sort();
    identities.dedup();
    demand(
        identities.len() == array(&dashboard["panels"]).len(),
        "two panels have one id".to_owned(),
    );
    for panel in panels(dashboard) {
        for fault in panel_faults(panel) {
            demand(false, format!("panel {}: {fault}", panel["title"]));
        }
    }
    found
}

fn panel_faults(panel: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let defaults = &panel["fieldConfig"]["defaults"];
    if panel["datasource"]["uid"] != "${datasource}" {
        found.push("does not use the templated data source".to_owned());
    }
    if text(&panel["title"]).is_empty() || text(&panel["description"]).is_empty() {
        found.push("needs a title and a description".to_owned());
    }
    if STRICT.contains(&text(&panel["type"]))
        && array(&defaults["mappings"]).is_empty()
        && !UNITS.contains(&text(&defaults["unit"]))
    {
        found.push(format!("has the unit {}", defaults["unit"]));
    }
    if array(&panel["targets"]).is_empty() {
        found.push("asks nothing".to_owned());
    }
    for target in array(&panel["targets"]) {
        let expression = text(&target["expr"]);
        for selector in selectors(expression) {
            for matcher in ["job=~\"$job\"", "instance=~\"$instance\""] {
                if !selector.matchers.contains(matcher) {
                    found.push(format!("{} lacks {matcher}", selector.name));
                }
            }
        }
        for call in ["rate(", "irate("] {
            for (at, _) in expression.match_indices(call) {
                let range = expression[at..]
                    .split_once('[')
                    .and_then(|(_, it)| it.split_once(']'));
                if range.is_none_or(|(range, _)| range != "$__rate_interval") {
                    found.push(format!("{call} not over [$__rate_interval]"));
                }
            }
        }
    }
    found
}

#[test]
fn every_dashboard_keeps_the_linters_rules() {
    let dashboards = dashboards();
    assert!(!dashboards.is_empty());
    for (path, dashboard) in dashboards {
        assert_eq!(faults(&dashboard), [""; 0], "{}", path.display());
    }
}

#[test]
fn no_two_dashboards_have_one_uid() {
    let mut uids: Vec<_> = dashboards()
        .iter()
        .map(|(_, it)| text(&it["uid"]).to_owned())
        .collect();
    let count = uids.len();
    uids.sort();
    uids.dedup();
    assert_eq!(uids.len(), count);
}

#[test]
fn every_broken_rule_is_named() {
    let (_, good) = dashboards().swap_remove(0);
    let first = panels(&good)[0]["id"].clone();
    let at = array(&good["panels"])
        .iter()
        .position(|panel| panel["id"] == first)
        .unwrap();
    let breaks: [(&str, Value); 9] = [
        ("/editable", json!(true)),
        ("/uid", json!("")),
        ("/schemaVersion", json!(16)),
        ("/templating/list/0/label", json!("Source")),
        ("/templating/list/1/multi", json!(false)),
        ("/templating/list/2/refresh", json!(1)),
        ("/panels/AT/description", json!("")),
        ("/panels/AT/fieldConfig/defaults/unit", json!("seconds")),
        ("/panels/AT/targets/0/expr", json!("rate(up[5m])")),
    ];
    for (pointer, value) in breaks {
        let mut broken = good.clone();
        let pointer = pointer.replace("AT", &at.to_string());
        *broken.pointer_mut(&pointer).unwrap() = value;
        assert!(!faults(&broken).is_empty(), "{pointer}");
    }
}

#[test]
fn prometheus_parses_every_expression() {
    let Some(program) = tools::program("promtool") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (path, dashboard) in dashboards() {
        let expressions = expressions(&dashboard);
        let rules: Vec<Value> = expressions
            .iter()
            .enumerate()
            .map(|(index, expr)| json!({ "record": format!("panel:{index}"), "expr": expr }))
            .collect();
        let groups = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
        let name = format!(
            "{}.panels.yaml",
            path.file_stem().unwrap().to_string_lossy()
        );
        std::fs::write(folder.path().join(name), groups.to_string()).unwrap();
    }
    crate::alerts::promtool(&program, &["check", "rules"], folder.path(), ".panels.yaml").unwrap();
}
