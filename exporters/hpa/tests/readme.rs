//! The README's table of metrics is what a running exporter's page says, and where dashboards and alerts show it.
//!
//! `UPDATE_README=1 cargo test -p hpa-exporter --test readme` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::path::Path;
use std::process::Command;

use hpa_exporter::metrics::table::FAMILIES;
use readme::{Family, Table};

/// A page with every family on it: a file source with an autoscaler in it, and a web configuration.
fn page() -> String {
    let folder = tempfile::tempdir().unwrap();
    let objects = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/maximum/objects.yaml");
    let web = folder.path().join("web.yml");
    std::fs::write(&web, "http_server_config: {http2: false}\n").unwrap();
    let mut exporter = Command::new(env!("CARGO_BIN_EXE_hpa-exporter"));
    exporter
        .arg(format!("--source=files:{}", objects.display()))
        .arg(format!("--web.config.file={}", web.display()));
    readme::scrape(&mut exporter, "the first lists are in")
}

#[test]
fn the_readme_lists_every_metric_of_the_page() {
    let mut families = readme::families(&page());
    // Those of our own table have their labels from there: a page need not have a series of each.
    for own in FAMILIES {
        let family = Family::new(own.kind.as_str(), own.help, own.labels.names());
        families.insert(own.name.to_owned(), family);
    }
    let table = Table {
        package: env!("CARGO_MANIFEST_DIR"),
        shown_as: "hpa",
        unseen: Some("the page alone"),
    };
    table.holds(&families);
}
