//! Each format, read back by a reader that shares nothing with the writers: what went in comes out.

#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test: a panic is its finding, and values are to come out exactly"
)]

#[path = "formats/parser.rs"]
mod parser;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;

use exposition::{BuildInfo, Histogram, Page};
use flate2::read::GzDecoder;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::CounterWithExemplar;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use proptest::prelude::*;
use prost::Message as _;

use parser::parse;

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";
const TEXT: &str = "text/plain;version=0.0.4";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

type Labels = Vec<(String, String)>;

/// A metric of unknown type.
#[derive(Debug)]
struct Unknown(f64);

impl EncodeMetric for Unknown {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_gauge(&self.0)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Unknown
    }
}

fn page_of(registry: Registry) -> Page {
    let mut page = Page::new(&BuildInfo::new("format-test", "0.1.0"));
    page.add("test", registry).unwrap();
    page
}

fn body(page: &Page, accept: &str) -> Vec<u8> {
    page.respond(Some(accept), None, &[]).body.to_vec()
}

fn text(page: &Page, accept: &str) -> BTreeMap<String, parser::Family> {
    let body = String::from_utf8(body(page, accept)).unwrap();
    parse(&body, accept == OPEN_METRICS)
}

fn protobuf(page: &Page) -> Vec<MetricFamily> {
    let body = body(page, PROTOBUF);
    let mut rest = body.as_slice();
    let mut families = Vec::new();
    while !rest.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut rest).unwrap());
    }
    families
}

/// One of each type, with a value of its own.
fn one_of_each() -> Registry {
    let mut registry = Registry::default();
    let counter = Counter::<u64>::default();
    counter.inc_by(3);
    registry.register("requests", "Requests", counter);
    let gauge = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
    gauge.set(-0.25);
    registry.register_with_unit("temperature", "Temperature", Unit::Celsius, gauge);
    let exemplified = CounterWithExemplar::<Labels>::default();
    exemplified.inc_by(2, Some(vec![("trace".into(), "a # {b".into())]), None);
    registry.register("exemplified", "With an exemplar", exemplified);
    registry.register("release", "Release", Info::new(vec![("name", "first")]));
    registry.register("mystery", "Unknown", Unknown(1e300));
    let histogram = Histogram::new(&[0.5, 1.0, 250.0]);
    for value in [0.2, 1.0, 1e6] {
        histogram.observe(value);
    }
    registry.register("latency_seconds", "Latency", histogram);
    registry
}

/// Name, labels and value of all samples but those that change from one moment to the next.
fn steady_samples(page: &Page, accept: &str) -> Vec<parser::Sample> {
    let families = text(page, accept);
    let samples = families.into_values().flat_map(|family| family.samples);
    let moving = |name: &str| name.starts_with("process_") || name.starts_with("exporter_");
    let mut samples: Vec<_> = samples.filter(|sample| !moving(&sample.name)).collect();
    samples.sort_by_key(|sample| (sample.name.clone(), sample.labels.clone()));
    samples
}

#[test]
fn both_text_formats_have_the_same_samples() {
    let page = page_of(one_of_each());
    let samples = steady_samples(&page, TEXT);
    assert_eq!(samples.len(), 5 + 6 + 1, "{samples:#?}");
    assert_eq!(samples, steady_samples(&page, OPEN_METRICS));
}

#[test]
fn text_says_otherwise_what_it_cannot_say() {
    let families = text(&page_of(one_of_each()), TEXT);
    let kind = |name: &str| families[name].kind.as_str();
    assert_eq!(kind("requests_total"), "counter");
    assert_eq!(kind("release_info"), "gauge");
    assert_eq!(families["release_info"].samples[0].value, 1.0);
    assert_eq!(kind("mystery"), "untyped");
    assert_eq!(families["mystery"].samples[0].value, 1e300);
    assert_eq!(families["exemplified_total"].samples[0].value, 2.0);
    let bounds: Vec<&str> = families["latency_seconds"]
        .samples
        .iter()
        .filter_map(|sample| sample.labels.get("le"))
        .map(String::as_str)
        .collect();
    assert_eq!(
        bounds,
        ["0.5", "1.0", "250.0", "+Inf"],
        "as OpenMetrics writes them"
    );
}

#[test]
fn openmetrics_keeps_units_exemplars_and_types() {
    let page = page_of(one_of_each());
    let families = text(&page, OPEN_METRICS);
    assert_eq!(
        families["temperature_celsius"].unit.as_deref(),
        Some("celsius")
    );
    assert_eq!(families["release"].kind, "info");
    assert_eq!(families["mystery"].kind, "unknown");
    let page = String::from_utf8(body(&page, OPEN_METRICS)).unwrap();
    assert!(
        page.contains("exemplified_total 2 # {trace=\"a # {b\"} 2"),
        "{page}"
    );
}

#[test]
fn protobuf_has_each_family_with_its_length_before_it() {
    let families = protobuf(&page_of(one_of_each()));
    let family = |name: &str| families.iter().find(|family| family.name == name).unwrap();
    assert_eq!(
        family("requests_total").metric[0]
            .counter
            .as_ref()
            .unwrap()
            .value,
        3.0
    );
    assert_eq!(
        family("release_info").metric[0]
            .gauge
            .as_ref()
            .unwrap()
            .value,
        1.0
    );
    let mystery = &family("mystery").metric[0];
    assert_eq!(mystery.untyped.as_ref().unwrap().value, 1e300);
    assert!(mystery.gauge.is_none());
    let histogram = family("latency_seconds").metric[0]
        .histogram
        .as_ref()
        .unwrap();
    assert_eq!((histogram.sample_count, histogram.bucket.len()), (3, 4));
    assert_eq!(histogram.positive_span.len(), 3);
}

#[test]
fn the_build_has_one_name_in_every_format() {
    let page = page_of(Registry::default());
    for accept in [OPEN_METRICS, TEXT] {
        let families = text(&page, accept);
        let mut samples = families.values().flat_map(|family| &family.samples);
        let build = samples
            .find(|sample| sample.name == "format_test_build_info")
            .unwrap();
        assert_eq!(build.labels["version"], "0.1.0");
        assert_eq!(build.labels.len(), 4);
        assert!(build.labels["rustversion"].starts_with("1."), "{build:?}");
        assert!(build.labels["target"].contains('-'), "{build:?}");
    }
    assert!(
        protobuf(&page)
            .iter()
            .any(|family| family.name == "format_test_build_info")
    );
}

#[test]
fn the_answer_says_what_it_is() {
    let page = page_of(Registry::default());
    for (accept, content_type) in [
        (
            Some(PROTOBUF),
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        ),
        (
            Some(OPEN_METRICS),
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (
            Some("text/plain;version=1.0.0;escaping=allow-utf-8"),
            "text/plain; version=1.0.0; charset=utf-8",
        ),
        (
            Some("gibberish"),
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        (None, "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        let response = page.respond(accept, Some("br"), &[]);
        assert_eq!(response.content_type, content_type);
        assert_eq!(response.content_encoding, None);
    }
    assert_eq!(
        page.respond(None, Some("gzip"), &[]).content_encoding,
        Some("gzip")
    );
}

/// Fails when it is told to, behind enough output to have been compressed already.
#[derive(Debug)]
struct Long {
    name: &'static str,
    fails: bool,
}

impl Collector for Long {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, "Long.", None, MetricType::Gauge)?;
        for number in 0..20_000 {
            let labels = [
                ("number", number.to_string()),
                ("of", "a long page".to_owned()),
            ];
            ConstGauge::new(number).encode(metric.encode_family(&labels)?)?;
        }
        if self.fails { Err(fmt::Error) } else { Ok(()) }
    }
}

#[test]
fn a_gzipped_page_is_one_member_whatever_was_cut_out_of_it() {
    let mut page = Page::new(&BuildInfo::new("format-test", "0.1.0"));
    for (name, fails) in [
        ("one", false),
        ("two", true),
        ("three", false),
        ("four", true),
    ] {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Long { name, fails }));
        page.add(name, registry).unwrap();
    }
    for accept in [OPEN_METRICS, TEXT, PROTOBUF] {
        let names = ["one", "two", "three", "four"].map(str::to_owned);
        let plain = page.respond(Some(accept), None, &names).body;
        let gzipped = page.respond(Some(accept), Some("gzip"), &names).body;
        assert!(plain.len() > 500_000, "{}", plain.len());
        assert!(
            gzipped.len() < plain.len() / 5,
            "{} of {}",
            gzipped.len(),
            plain.len()
        );
        let mut read = Vec::new();
        // Reads one member, checks its sum and its length, and leaves what is behind it.
        let mut decoder = GzDecoder::new(&gzipped[..]);
        decoder.read_to_end(&mut read).unwrap();
        assert!(decoder.into_inner().is_empty(), "nothing behind the member");
        assert!(read == plain, "{accept}");
    }
}

/// Help texts and label values as they come from objects, requests and answers.
fn hard_texts() -> Vec<String> {
    vec![
        String::new(),
        "plain".into(),
        "\"quoted\"".into(),
        "back\\slash".into(),
        "ends in a backslash\\".into(),
        "\\n is no newline".into(),
        "line one\nline two".into(),
        "\n".into(),
        "# EOF\n# EOF".into(),
        "carriage\r\nreturn\ttab\0nul".into(),
        "umlaut \u{e4} \u{8a9e} \u{1f600} \u{2028}".into(),
        "} 1 # {x=\"y\"} 2".into(),
        "\\\"\n".repeat(1400),
    ]
}

/// A page with one gauge of that help and those label values, read back in both text formats and as protobuf.
fn round_trip(help: &str, values: &[String]) {
    let mut registry = Registry::default();
    let family = Family::<Labels, Gauge<i64>>::default();
    for (number, value) in (0..).zip(values) {
        let labels = vec![
            ("value".to_owned(), value.clone()),
            ("number".to_owned(), number.to_string()),
        ];
        family.get_or_create_owned(&labels).set(number);
    }
    registry.register("hard", help, family);
    let page = page_of(registry);
    let mut pages = vec![];
    for accept in [OPEN_METRICS, TEXT] {
        let mut families = text(&page, accept);
        let family = families.remove("hard").unwrap();
        let labels = family
            .samples
            .into_iter()
            .map(|sample| sample.labels)
            .collect();
        pages.push((family.help, labels));
    }
    let families = protobuf(&page);
    let family = families
        .iter()
        .find(|family| family.name == "hard")
        .unwrap();
    let labels = |labels: &[prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::LabelPair]| {
        labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect()
    };
    pages.push((
        family.help.clone(),
        family
            .metric
            .iter()
            .map(|metric| labels(&metric.label))
            .collect(),
    ));
    for (read_help, read) in pages {
        let read: Vec<BTreeMap<String, String>> = read;
        assert_eq!(read_help, format!("{help}."));
        let mut read: Vec<(usize, &str)> = read
            .iter()
            .map(|labels| (labels["number"].parse().unwrap(), labels["value"].as_str()))
            .collect();
        read.sort_unstable();
        let written: Vec<(usize, &str)> = values.iter().map(String::as_str).enumerate().collect();
        assert_eq!(read, written);
    }
}

#[test]
fn hard_label_values_come_out_as_they_went_in() {
    round_trip("Hard values", &hard_texts());
}

#[test]
fn hard_help_texts_come_out_as_they_went_in() {
    for help in hard_texts() {
        round_trip(&help, &["value".to_owned()]);
    }
}

#[test]
fn values_at_the_edges_come_out_as_they_went_in() {
    let values = [
        0.0,
        1.0,
        -1.5,
        0.1,
        1e15,
        1e16,
        123_456_789.0,
        1e-9,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let family = Family::<Labels, Gauge<f64, std::sync::atomic::AtomicU64>>::default();
    for (number, value) in values.iter().enumerate() {
        family
            .get_or_create_owned(&vec![("number".to_owned(), number.to_string())])
            .set(*value);
    }
    family
        .get_or_create_owned(&vec![("number".to_owned(), "nan".to_owned())])
        .set(f64::NAN);
    let mut registry = Registry::default();
    registry.register("edges", "Edges", family);
    let page = page_of(registry);
    for accept in [OPEN_METRICS, TEXT] {
        let families = text(&page, accept);
        let read = |number: &str| {
            families["edges"]
                .samples
                .iter()
                .find(|sample| sample.labels["number"] == number)
                .unwrap()
                .value
        };
        for (number, value) in values.iter().enumerate() {
            assert_eq!(
                read(&number.to_string()).to_bits(),
                value.to_bits(),
                "{value}"
            );
        }
        assert!(read("nan").is_nan());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_out_as_it_went_in(help: String, values in prop::collection::vec(any::<String>(), 1..6)) {
        // The encoder hands over lines: a help that holds a TYPE line of its own cannot be told from one.
        prop_assume!(!help.contains("\n# TYPE "));
        round_trip(&help, &values);
    }

    #[test]
    fn any_histogram_is_whole_in_every_format(values in prop::collection::vec(any::<f64>(), 0..300)) {
        let histogram = Histogram::new(&[0.001, 1.0, 1e6]);
        for value in &values {
            histogram.observe(*value);
        }
        let finite = u32::try_from(values.iter().filter(|value| value.is_finite()).count()).unwrap();
        let mut registry = Registry::default();
        registry.register("any", "Any", histogram);
        let page = page_of(registry);
        for accept in [OPEN_METRICS, TEXT] {
            let families = text(&page, accept);
            let buckets: Vec<f64> = families["any"].samples.iter().filter(|sample| sample.name == "any_bucket").map(|sample| sample.value).collect();
            prop_assert_eq!(buckets.len(), 4);
            prop_assert!(buckets.is_sorted());
            prop_assert_eq!(buckets[3], f64::from(finite));
        }
        let families = protobuf(&page);
        let family = families.iter().find(|family| family.name == "any").unwrap();
        let histogram = family.metric[0].histogram.as_ref().unwrap();
        let mut count = 0;
        let native: i64 = histogram.positive_delta.iter().map(|delta| { count += delta; count }).sum();
        prop_assert_eq!(histogram.zero_count + native.cast_unsigned(), u64::from(finite));
        prop_assert_eq!(histogram.sample_count, u64::from(finite));
    }
}
