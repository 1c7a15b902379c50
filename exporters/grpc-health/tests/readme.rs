//! The README's table of metrics is what a running exporter's page says, and where dashboards and alerts show it.
//!
//! `UPDATE_README=1 cargo test -p grpc-health-exporter --test readme` writes it anew.

use grpc_health_exporter::metrics::table::FAMILIES;
use readme::{Family, Table};

const OBJECTS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: b}
spec:
  containers:
  - {name: c, livenessProbe: {grpc: {port: 1}}}
";

#[test]
fn the_readme_lists_every_metric_of_the_page() {
    let exporter = env!("CARGO_BIN_EXE_grpc-health-exporter");
    let page = readme::scrape(exporter, OBJECTS, "the first list is in");
    let mut families = readme::families(&page);
    // Those of our own table have their labels from there: a page need not have a series of each.
    for own in FAMILIES {
        let family = Family::new(own.kind.as_str(), own.help, own.labels.names());
        families.insert(own.name.to_owned(), family);
    }
    let table = Table {
        package: env!("CARGO_MANIFEST_DIR"),
        shown_as: "grpc-health",
        unseen: None,
    };
    table.holds(&families);
}
