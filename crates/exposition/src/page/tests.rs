use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;
use prometheus_client::collector::Collector as Collects;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::*;

const BUILD: BuildInfo = BuildInfo {
    name: "some-exporter",
    version: "1.2.3",
    revision: "abc",
    rustversion: "1.95.0",
    target: "x86_64-unknown-linux-gnu",
};

/// Writes so many good gauges that they are on their way to the page, then ends as it is told.
#[derive(Debug)]
struct Breaking(fn() -> fmt::Result);

impl Collects for Breaking {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for name in ["half_written", "half_written_too"] {
            let mut metric = encoder.encode_descriptor(name, "Half.", None, MetricType::Gauge)?;
            for number in 0..1000 {
                let labels = [("number", number.to_string())];
                ConstGauge::new(1_i64).encode(metric.encode_family(&labels)?)?;
            }
        }
        (self.0)()
    }
}

fn breaking(end: fn() -> fmt::Result) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Breaking(end)));
    registry
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
        page.add(name, breaking(end)).unwrap();
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

#[test]
fn a_collector_that_recovers_is_back_on_the_page() {
    static BROKEN: AtomicBool = AtomicBool::new(true);
    let end = || {
        if BROKEN.load(Ordering::SeqCst) {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    };
    let mut page = Page::new(&BUILD);
    page.add("moody", breaking(end)).unwrap();
    assert!(!text(&page, OPEN_METRICS).contains("half_written"));
    BROKEN.store(false, Ordering::SeqCst);
    assert!(text(&page, OPEN_METRICS).contains("\nhalf_written{number=\"999\"} 1\n"));
}

#[test]
fn a_taken_name_is_refused_when_it_is_added() {
    let mut page = Page::new(&BUILD);
    page.add("first", counting("things").0).unwrap();
    let refused = page.add("second", counting("things").0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "collector second: the metric name things is taken"
    );
    // As a sample name too: the counter has it already.
    let mut gauges = Registry::default();
    gauges.register("things_total", "Things", Gauge::<i64>::default());
    let refused = page.add("third", gauges).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "collector third: the metric name things_total is taken"
    );
    let refused = page
        .add("fourth", counting("exporter_collector_errors").0)
        .unwrap_err();
    assert!(matches!(refused, AddError::Name { .. }), "{refused}");
    let refused = page.add("first", Registry::default()).unwrap_err();
    assert!(matches!(refused, AddError::Collector("first")), "{refused}");
    page.add("second", counting("others").0).unwrap();
}

#[test]
fn a_name_that_clashes_only_later_costs_the_later_collector() {
    let mut page = Page::new(&BUILD);
    let mut families = Vec::new();
    for name in ["first", "second"] {
        // An empty family does not show itself.
        let family = Family::<[(&str, &str); 1], Counter>::default();
        let mut registry = Registry::default();
        registry.register("late", "Late", family.clone());
        page.add(name, registry).unwrap();
        families.push((name, family));
    }
    for (name, family) in families {
        family.get_or_create_owned(&[("owner", name)]).inc();
    }
    for accept in [OPEN_METRICS, "text/plain"] {
        let page = text(&page, accept);
        assert!(page.contains("late_total{owner=\"first\"} 1\n"), "{page}");
        assert!(!page.contains("owner=\"second\""), "{page}");
    }
    assert!(
        text(&page, OPEN_METRICS)
            .contains("exporter_collector_errors_total{collector=\"second\"} 3\n")
    );
}

#[test]
fn only_the_named_families_are_on_a_filtered_page() {
    let mut page = Page::new(&BUILD);
    let mut registry = Registry::default();
    registry.register("latency_seconds", "Latency", crate::Histogram::new(&[1.0]));
    registry.register("latency", "Not asked for", Gauge::<i64>::default());
    page.add("latency", registry).unwrap();
    page.add("things", counting("things").0).unwrap();
    let families = |names: &[&str], accept: &str| -> Vec<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let page = page.respond(Some(accept), None, &names).body;
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert_eq!(page.ends_with("# EOF\n"), accept == OPEN_METRICS, "{page}");
        page.lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(families(&["things"], OPEN_METRICS), ["things counter"]);
    assert_eq!(
        families(&["things"], "text/plain"),
        ["things_total counter"]
    );
    for accept in [OPEN_METRICS, "text/plain"] {
        assert_eq!(families(&["things_total"], accept).len(), 1);
        assert_eq!(
            families(&["latency_seconds"], accept),
            ["latency_seconds histogram"]
        );
        assert_eq!(
            families(&["latency_seconds_bucket", "things"], accept).len(),
            2
        );
        assert_eq!(families(&["some_exporter_build_info"], accept).len(), 1);
        assert_eq!(families(&["nothing", ""], accept), Vec::<String>::new());
    }
}

#[test]
fn a_slow_collector_is_gathered_once_for_all_who_overlap() {
    const CALLERS: usize = 12;

    #[derive(Debug, Default)]
    struct Slow {
        gathered: AtomicUsize,
        gate: Mutex<()>,
    }
    impl Collects for Slow {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let count = self.gathered.fetch_add(1, Ordering::SeqCst);
            let _open = self.gate.lock();
            let counter = ConstCounter::new(count as u64);
            counter.encode(encoder.encode_descriptor(
                "gatherings",
                "Gatherings.",
                None,
                counter.metric_type(),
            )?)
        }
    }

    let slow = Arc::new(Slow::default());
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Arc::clone(&slow)));
    let mut page = Page::new(&BUILD);
    page.add("slow", registry).unwrap();
    let looked = slow.gathered.swap(0, Ordering::SeqCst);
    assert_eq!(looked, 1, "add looks at the names once");

    let request = Request {
        format: Format::OpenMetrics,
        coding: Coding::Gzip,
        names: vec![],
    };
    let closed = slow.gate.lock();
    let pages: Vec<Response> = thread::scope(|scope| {
        let ask = || page.respond(Some(OPEN_METRICS), Some("gzip"), &[]);
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(ask)).collect();
        page.flights.until_waiting(&request, CALLERS - 1);
        drop(closed);
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect()
    });
    assert_eq!(slow.gathered.load(Ordering::SeqCst), 1);
    assert!(pages.iter().all(|page| page.body == pages[0].body));
    page.respond(Some(OPEN_METRICS), Some("gzip"), &[]);
    assert_eq!(
        slow.gathered.load(Ordering::SeqCst),
        2,
        "who comes afterwards gets a new one"
    );
}

#[test]
fn what_a_failing_collector_claimed_is_free_for_others() {
    let mut page = Page::new(&BUILD);
    page.add("failing", breaking(|| Err(fmt::Error))).unwrap();
    let mut registry = Registry::default();
    registry.register("half_written", "Whole", Gauge::<i64>::default());
    page.add("good", registry).unwrap();
    for accept in [OPEN_METRICS, "text/plain"] {
        assert!(text(&page, accept).contains("\nhalf_written 0\n"));
    }
}

#[test]
fn a_single_registry_is_a_page_of_its_own() {
    let (registry, counter) = counting("things");
    counter.inc();
    let response = render(&registry, Some(OPEN_METRICS), Some("identity"));
    assert_eq!(
        response.body,
        "# HELP things Things.\n# TYPE things counter\nthings_total 1\n# EOF\n"
    );
    let failed = render(&breaking(|| panic!("on purpose")), Some(OPEN_METRICS), None);
    assert_eq!(failed.body, "# EOF\n");
    assert_eq!(render(&breaking(|| Err(fmt::Error)), None, None).body, "");
}

#[test]
fn a_line_of_no_family_costs_its_collector() {
    let mut registry = Registry::default();
    registry.register("broken\nname", "Broken", Gauge::<i64>::default());
    let mut page = Page::new(&BUILD);
    page.add("broken", registry).unwrap();
    for accept in [OPEN_METRICS, "text/plain"] {
        let page = text(&page, accept);
        assert!(
            !page
                .lines()
                .any(|line| line.starts_with("name") || line.contains("broken ")),
            "{page}"
        );
        assert!(
            page.contains("exporter_collector_errors_total{collector=\"broken\"}"),
            "{page}"
        );
    }
    assert!(text(&page, OPEN_METRICS).contains("{collector=\"broken\"} 3\n"));
}
