//! The README's table of metrics is what a running exporter's page says, and where dashboards and alerts show it.
//!
//! `UPDATE_README=1 cargo test -p hpa-exporter --test readme` writes it anew.

use hpa_exporter::metrics::table::FAMILIES;
use readme::{Family, Table};

const OBJECTS: &str = include_str!("fixtures/maximum/objects.yaml");

#[test]
fn the_readme_lists_every_metric_of_the_page() {
    let exporter = env!("CARGO_BIN_EXE_hpa-exporter");
    let page = readme::scrape(exporter, OBJECTS, "the first lists are in");
    let mut families = readme::families(&page);
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
