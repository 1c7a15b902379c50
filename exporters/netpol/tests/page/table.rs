//! The table of metrics against the page: each row is a family there, and each family there has its row.

use std::collections::{BTreeMap, BTreeSet};

use crate::story::{Story, fixture, platform};
use reach::{Agent, Outcome, PodName};

use netpol_exporter::metrics::table::{FAMILIES, Kind};

/// A case in which every family has a series.
fn full() -> Story {
    let mut story = Story::shop();
    story.apply(&platform("policies/day-one"));
    story.apply(&fixture("odd.yaml"));
    story.apply(&fixture("agents.yaml"));
    story.decide();
    story.after(10);
    let node = Agent::Node("node-a".to_owned());
    story.reports(&node, Outcome::Connected);
    let client = PodName {
        namespace: "sre-demo".to_owned(),
        name: "frontend-1".to_owned(),
        uid: String::new(),
    };
    story.reports(&Agent::Pod(client), Outcome::Connected);
    story
}

#[derive(Debug, Default)]
struct Seen {
    kind: String,
    help: String,
    /// The label names of its series, in order.
    labels: BTreeSet<Vec<String>>,
}

/// The families of a page in text 0.0.4.
fn families(page: &str) -> BTreeMap<String, Seen> {
    let mut families: BTreeMap<String, Seen> = BTreeMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let seen = families.entry(name.to_owned()).or_default();
            assert_eq!(seen.kind, "", "{name} is declared twice");
            kind.clone_into(&mut seen.kind);
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            help.clone_into(&mut families.entry(name.to_owned()).or_default().help);
        } else {
            let end = line.find(['{', ' ']).unwrap();
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|suffix| line[..end].strip_suffix(suffix))
                .find(|name| {
                    families
                        .get(*name)
                        .is_some_and(|seen| seen.kind == "histogram")
                })
                .unwrap_or(&line[..end]);
            let seen = families
                .get_mut(name)
                .unwrap_or_else(|| panic!("{line} has no TYPE"));
            seen.labels.insert(label_names(&line[end..]));
        }
    }
    families
}

/// The names in `{a="x",b="y"} 1`, but for a bucket's bound.
fn label_names(series: &str) -> Vec<String> {
    let Some(labels) = series
        .strip_prefix('{')
        .and_then(|rest| rest.rsplit_once('}'))
    else {
        return Vec::new();
    };
    labels
        .0
        .split("\",")
        .filter_map(|label| label.split_once("=\""))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "le")
        .collect()
}

#[test]
fn every_row_is_on_the_page_with_its_labels_and_every_family_on_the_page_is_a_row() {
    let mut story = full();
    let page = story.scrape();
    let families = families(&page);
    let names: BTreeSet<&str> = families.keys().map(String::as_str).collect();
    let rows: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(names, rows);
    for family in FAMILIES {
        let seen = &families[family.name];
        assert_eq!(seen.kind, family.kind.as_str(), "{}", family.name);
        assert_eq!(
            seen.help.trim_end_matches('.'),
            family.help,
            "{}",
            family.name
        );
        let labels: Vec<String> = family
            .labels
            .names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        assert_eq!(seen.labels, BTreeSet::from([labels]), "{}", family.name);
    }
}

#[test]
fn rows_are_named_by_prometheus_rules() {
    let mut seen = BTreeSet::new();
    for family in FAMILIES {
        assert!(seen.insert(family.name), "{} twice", family.name);
        assert_eq!(
            family.kind == Kind::Counter,
            family.name.ends_with("_total"),
            "{}",
            family.name
        );
        assert!(family.name.starts_with("netpol_"), "{}", family.name);
        assert!(
            !family.help.ends_with('.'),
            "the page adds it: {}",
            family.name
        );
    }
}
