use std::fmt;

use prometheus_client::collector::Collector as Collects;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use super::*;

const BUILD: BuildInfo = BuildInfo {
    name: "some-exporter",
    version: "1.2.3",
    revision: "abc",
    rustversion: "1.95.0",
    target: "x86_64-unknown-linux-gnu",
};

/// Writes a good gauge, then ends as it is told.
#[derive(Debug)]
struct Breaking(fn() -> fmt::Result);

impl Collects for Breaking {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauge = ConstGauge::new(1_i64);
        gauge.encode(encoder.encode_descriptor(
            "half_written",
            "Half.",
            None,
            gauge.metric_type(),
        )?)?;
        (self.0)()
    }
}

fn counting(name: &str) -> (Registry, Counter) {
    let mut registry = Registry::default();
    let counter = Counter::default();
    registry.register(name, "Things", counter.clone());
    (registry, counter)
}

fn text(page: &Page, accept: &str) -> String {
    let response = page.respond(Some(accept), None, &[]);
    String::from_utf8(response.body.to_vec()).unwrap()
}

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";

#[test]
fn a_failing_and_a_panicking_collector_cost_only_themselves() {
    let mut page = Page::new(&BUILD);
    let (registry, counter) = counting("before");
    page.add("before", registry).unwrap();
    for (name, end) in [
        ("failing", (|| Err(fmt::Error)) as fn() -> fmt::Result),
        ("panicking", || panic!("on purpose")),
    ] {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Breaking(end)));
        page.add(name, registry).unwrap();
    }
    let (registry, _) = counting("after");
    page.add("after", registry).unwrap();
    counter.inc();
    for accept in [OPEN_METRICS, "text/plain;version=0.0.4"] {
        let page = text(&page, accept);
        assert!(page.contains("before_total 1\n"), "{page}");
        assert!(page.contains("after_total 0\n"), "{page}");
        assert!(!page.contains("half_written"), "{page}");
    }
    let page = text(&page, OPEN_METRICS);
    assert!(
        page.contains("exporter_collector_errors_total{collector=\"failing\"} 3\n"),
        "{page}"
    );
    assert!(
        page.contains("exporter_collector_errors_total{collector=\"panicking\"} 3\n"),
        "{page}"
    );
    assert!(
        page.contains("exporter_collector_errors_total{collector=\"before\"} 0\n"),
        "{page}"
    );
    assert_eq!(page.matches("# EOF").count(), 1);
    assert!(page.ends_with("\n# EOF\n"));
}
