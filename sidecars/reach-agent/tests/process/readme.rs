//! The README's table of metrics is what a running agent's page says, and where dashboards and alerts show it.
//!
//! `UPDATE_README=1 cargo test -p reach-agent --test process readme` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::agent::Program;
use crate::exporter::Exporter;
use crate::{dial, listener, plan};

const MARK: &str = "<!-- metrics -->";
/// Where a metric may be shown.
const PLACES: [(&str, &str); 2] = [
    ("dashboard", "dashboards/netpol.json"),
    ("alerts", "alerts/netpol.yaml"),
];

#[derive(Default)]
struct Family {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in page.lines() {
        let comment = |mark: &str| line.strip_prefix(mark)?.split_once(' ');
        if let Some((name, help)) = comment("# HELP ") {
            let family = families.entry(name.to_owned()).or_default();
            help.trim_end_matches('.').clone_into(&mut family.help);
        } else if let Some((name, kind)) = comment("# TYPE ") {
            kind.clone_into(&mut families.entry(name.to_owned()).or_default().kind);
        } else if let Some((name, rest)) = line.split_once('{') {
            let name = name.trim_end_matches("_bucket");
            let labels = rest.split('}').next().unwrap().split(',');
            let labels = labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            if let Some(family) = families.get_mut(name) {
                family.labels.extend(labels.filter(|label| label != "le"));
            }
        }
    }
    families
}

fn seen_in(name: &str) -> &'static str {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = |path| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let seen = PLACES.iter().find(|(_, path)| text(path).contains(name));
    seen.map_or(
        "here alone: for whoever looks at one agent",
        |(place, _)| place,
    )
}

#[test]
fn the_readme_lists_every_metric_of_the_page() {
    let (_listening, open) = listener();
    let exporter = Exporter::start(&plan(1, vec![dial(1, open)]));
    let program = Program::start(&exporter.flags());
    program.await_page("outcome=\"connected\"} 1");
    let mut table =
        String::from("\n| metric | type | labels | meaning | seen in |\n|---|---|---|---|---|\n");
    let mut families = families(&program.page());
    // What all our programs have is in grpc-health's.
    families.retain(|name, _| name.starts_with("reach_agent_"));
    for (name, Family { kind, help, labels }) in families {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (labels, seen) = (labels.join(" "), seen_in(&name));
        writeln!(table, "| `{name}` | {kind} | {labels} | {help} | {seen} |").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let parts: Vec<&str> = readme.split(MARK).collect();
    let [before, written, after] = parts[..] else {
        panic!("README.md has no two {MARK}")
    };
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, [before, MARK, &table, MARK, after].concat()).unwrap();
        return;
    }
    assert!(
        written == table,
        "README.md is not what the page says; UPDATE_README=1 writes it anew:\n{table}"
    );
}
