//! `promtool check metrics` on pages of ours.

use exposition::{BoundedSet, BuildInfo, Histogram, Page};
use page::promtool::check_metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

fn text(page: &Page) -> Vec<u8> {
    page.respond(Some("text/plain;version=0.0.4"), None, &[])
        .body
        .to_vec()
}

#[test]
fn the_metrics_that_every_page_has_are_clean() {
    let Some(promtool) = tools::program("promtool") else {
        return;
    };
    let page = text(&Page::new(&BuildInfo::new("page-test", "0.1.0")));
    assert_eq!(check_metrics(&promtool, &page), Ok(()));
}

#[test]
fn histograms_infos_and_label_values_from_outside_are_clean() {
    let Some(promtool) = tools::program("promtool") else {
        return;
    };
    let mut registry = Registry::default();
    let set = BoundedSet::new(3, 64);
    registry.register(
        "label_values_overflowed",
        "Label values above the ceiling",
        set.overflows(),
    );
    let latency = Family::<[(&str, String); 1], Histogram, _>::new_with_constructor(|| {
        Histogram::new(&[0.1, 1.0])
    });
    for value in [
        "plain",
        "\"quoted\"\\\n",
        &"\u{8a9e}".repeat(2000),
        "one",
        "too many",
    ] {
        latency
            .get_or_create_owned(&[("path", set.admit(value).to_string())])
            .observe(0.3);
    }
    registry.register(
        "latency_seconds",
        "Latency with \"quotes\", \\ and\na newline",
        latency,
    );
    registry.register("release", "Release", Info::new([("name", "first")]));
    let mut page = Page::new(&BuildInfo::new("page-test", "0.1.0"));
    page.add("test", registry).unwrap();
    assert_eq!(check_metrics(&promtool, &text(&page)), Ok(()));
}

/// What the tests above would not notice if promtool took anything.
#[test]
fn promtool_has_something_to_say_about_bad_names_and_broken_lines() {
    let Some(promtool) = tools::program("promtool") else {
        return;
    };
    let mut registry = Registry::default();
    registry.register("latencyMilliseconds", "", Counter::<u64>::default());
    let mut page = Page::new(&BuildInfo::new("page-test", "0.1.0"));
    page.add("test", registry).unwrap();
    let said = check_metrics(&promtool, &text(&page)).unwrap_err();
    assert!(said.contains("latencyMilliseconds_total"), "{said}");
    let said = check_metrics(&promtool, b"name{label=\"open} 1\n").unwrap_err();
    assert!(said.contains("error while linting"), "{said}");
}
