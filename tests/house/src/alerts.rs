//! Alerts: the conventions of the monitoring mixins, a page for whoever is woken, and promtool's own judgement.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::workspace::{files_of, read, root, yaml};

/// What every runbook tells, in this order.
const SECTIONS: [&str; 5] = [
    "## Meaning",
    "## Impact",
    "## Diagnose",
    "## Mitigate",
    "## Causes",
];

/// An alerting rule.
#[derive(Debug, Deserialize)]
pub(crate) struct Rule {
    pub(crate) alert: String,
    pub(crate) expr: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Debug, Deserialize)]
struct Labels {
    severity: String,
}

#[derive(Debug, Deserialize)]
struct Annotations {
    summary: String,
    description: String,
    runbook_url: String,
}

/// The rule objects of `alerts/`, each with its file's stem.
fn objects() -> Vec<(String, Value)> {
    files_of("alerts", "yaml")
        .into_iter()
        .flat_map(|path| {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            yaml(&read(&path))
                .into_iter()
                .map(move |it| (stem.clone(), it))
        })
        .filter(|(_, object)| object["kind"] == "PrometheusRule")
        .collect()
}

/// All alerting rules.
pub(crate) fn rules() -> Vec<Rule> {
    let objects = objects();
    let groups = objects
        .iter()
        .flat_map(|(_, object)| object["spec"]["groups"].as_array().unwrap());
    groups
        .flat_map(|group| group["rules"].as_array().unwrap())
        .map(|rule| {
            serde_json::from_value(rule.clone()).unwrap_or_else(|error| panic!("{error}: {rule}"))
        })
        .collect()
}

/// What is wrong with a rule by the conventions.
fn faults(rule: &Rule) -> Vec<&'static str> {
    let name = rule.alert.as_bytes();
    let annotations = &rule.annotations;
    let page = format!("docs/runbooks/{}.md", rule.alert);
    let checks = [
        (
            name.iter().all(u8::is_ascii_alphanumeric)
                && name.first().is_some_and(u8::is_ascii_uppercase)
                && name.last().is_some_and(|it| !it.is_ascii_uppercase()),
            "its name is not CamelCase",
        ),
        (
            ["critical", "warning", "info"].contains(&rule.labels.severity.as_str()),
            "its severity is none of critical, warning, info",
        ),
        (
            !annotations.summary.contains("{{"),
            "its summary is templated",
        ),
        (
            annotations
                .summary
                .starts_with(|it: char| it.is_ascii_uppercase())
                && annotations.summary.ends_with('.'),
            "its summary is not a sentence",
        ),
        (
            annotations.description.contains("{{"),
            "its description names no instance of the trouble",
        ),
        (
            annotations.runbook_url.ends_with(&page),
            "its runbook_url is not its own page",
        ),
        (
            root().join(&page).is_file(),
            "it has no page in docs/runbooks",
        ),
    ];
    checks
        .iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, fault)| *fault)
        .collect()
}

#[test]
fn every_alert_keeps_the_conventions_and_has_its_runbook() {
    let rules = rules();
    assert!(!rules.is_empty());
    for rule in rules {
        assert_eq!(faults(&rule), [""; 0], "{}", rule.alert);
    }
}

#[test]
fn every_broken_convention_is_named() {
    let rule = serde_json::json!({
        "alert": "grpc_down", "expr": "up == 0", "labels": { "severity": "page" },
        "annotations": { "summary": "{{ $labels.job }} is down", "description": "It is down.", "runbook_url": "docs/runbooks/Other.md" },
    });
    assert_eq!(faults(&serde_json::from_value(rule).unwrap()).len(), 7);
}

#[test]
fn every_runbook_is_of_an_alert_and_tells_all_that_is_asked_at_night() {
    let rules = rules();
    for path in files_of("docs/runbooks", "md") {
        let stem = path.file_stem().unwrap().to_string_lossy();
        assert!(
            rules.iter().any(|rule| rule.alert == stem),
            "{stem} is the page of no alert"
        );
        let text = read(&path);
        let headings: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(headings, SECTIONS, "{stem}");
    }
}

#[test]
fn every_alert_is_tested_firing_and_quiet() {
    let tests = files_of("alerts/tests", "yaml");
    let cases: Vec<Value> = tests
        .iter()
        .flat_map(|path| yaml(&read(path)))
        .flat_map(|file| file["tests"].as_array().unwrap().clone())
        .flat_map(|test| {
            test["alert_rule_test"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        })
        .collect();
    for rule in rules() {
        let of_rule = cases
            .iter()
            .filter(|case| case["alertname"] == rule.alert.as_str());
        let (quiet, firing): (Vec<_>, Vec<_>) =
            of_rule.partition(|case| case["exp_alerts"].as_array().is_none_or(Vec::is_empty));
        assert!(!firing.is_empty(), "{} is never tested firing", rule.alert);
        assert!(!quiet.is_empty(), "{} is never tested quiet", rule.alert);
    }
}

/// Lays out what promtool reads: the rules out of their Kubernetes object (JSON is YAML, too), and the tests beside them.
fn unwrapped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (stem, object) in objects() {
        let rules = serde_json::to_string_pretty(&object["spec"]).unwrap();
        fs::write(folder.path().join(format!("{stem}.rules.yaml")), rules).unwrap();
    }
    for path in files_of("alerts/tests", "yaml") {
        fs::copy(
            root().join(&path),
            folder.path().join(path.file_name().unwrap()),
        )
        .unwrap();
    }
    folder
}

/// Runs promtool over the files that end so; gives what it said, unless it agreed.
pub(crate) fn promtool(
    promtool: &Path,
    arguments: &[&str],
    folder: &Path,
    ending: &str,
) -> Result<(), String> {
    let files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    assert!(!files.is_empty(), "nothing ends in {ending}");
    let output = Command::new(promtool)
        .args(arguments)
        .args(files)
        .current_dir(folder)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err([output.stdout, output.stderr]
        .map(|it| String::from_utf8_lossy(&it).into_owned())
        .concat())
}

#[test]
fn promtool_accepts_every_rule() {
    let Some(program) = tools::program("promtool") else {
        return;
    };
    let folder = unwrapped();
    promtool(
        &program,
        &["check", "rules", "--lint=all", "--lint-fatal"],
        folder.path(),
        ".rules.yaml",
    )
    .unwrap();
    fs::write(
        folder.path().join("broken.rules.yaml"),
        "groups: [{name: a, rules: [{alert: A, expr: 'up ==='}]}]",
    )
    .unwrap();
    promtool(
        &program,
        &["check", "rules"],
        folder.path(),
        "broken.rules.yaml",
    )
    .unwrap_err();
}

#[test]
fn every_alert_fires_and_keeps_quiet_as_its_tests_say() {
    let Some(program) = tools::program("promtool") else {
        return;
    };
    promtool(
        &program,
        &["test", "rules"],
        unwrapped().path(),
        "_test.yaml",
    )
    .unwrap();
}
