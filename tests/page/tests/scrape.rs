//! A real Prometheus scrapes a page in each format: what was written has arrived.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use exposition::{BuildInfo, Histogram, Page};
use page::prometheus::{Job, Prometheus, Series, Value};
use page::serve::{Answer, Asked, Server};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::CounterWithExemplar;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

const BOUNDS: &[f64] = &[0.01, 0.1, 0.5, 1.0, 5.0];

/// A help with all that needs an escape.
const HARD_HELP: &str = "Quotes \" and \\ backslashes, \\n and\na newline, \u{e4}\u{8a9e}\u{1f600}";

type Labels = Vec<(&'static str, String)>;

/// What the page of these tests shows.
struct Shown {
    page: Arc<Page>,
    latency: Histogram,
}

/// Writes a lot, then fails.
#[derive(Debug)]
struct Failing;

/// A metric of unknown type.
#[derive(Debug)]
struct Unknown;

impl Collector for Failing {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric =
            encoder.encode_descriptor("half_written", "Half.", None, MetricType::Gauge)?;
        for number in 0..10_000 {
            ConstGauge::new(number)
                .encode(metric.encode_family(&[("number", number.to_string())])?)?;
        }
        Err(fmt::Error)
    }
}

impl EncodeMetric for Unknown {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_gauge(&0.125)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Unknown
    }
}

fn hard_values() -> Vec<String> {
    vec![
        "\"quoted\" and \\ and \\n".into(),
        "two\nlines\n".into(),
        "# EOF\n".into(),
        "\u{e4}\u{8a9e}\u{1f600} } 1 # {".into(),
        "\\\"\n x".repeat(1024),
    ]
}

impl Shown {
    fn new() -> Self {
        let mut registry = Registry::default();
        let hard = Family::<Labels, Gauge<i64>>::default();
        for (number, value) in (0..).zip(hard_values()) {
            hard.get_or_create_owned(&vec![("value", value)])
                .set(number);
        }
        registry.register("hard_values", HARD_HELP, hard);
        let requests = Counter::<u64>::default();
        requests.inc_by(7);
        registry.register("requests", "Requests", requests);
        let sent = Counter::<f64, std::sync::atomic::AtomicU64>::default();
        sent.inc_by(2.5);
        registry.register_with_unit("sent", "Sent", Unit::Bytes, sent);
        let exemplified = CounterWithExemplar::<Labels>::default();
        exemplified.inc_by(3, Some(vec![("trace", "a # {\"b".into())]), None);
        registry.register("exemplified", "With an exemplar", exemplified);
        registry.register("mystery", "Unknown", Unknown);
        let family =
            Family::<Labels, Histogram, _>::new_with_constructor(|| Histogram::new(BOUNDS));
        let latency = family.get_or_create_owned(&vec![("phase", "rpc".into())]);
        for _ in 0..100 {
            // Native buckets -18, -15 and -13: short gaps, which are bridged.
            for seconds in [0.2, 0.26, 0.3] {
                latency.observe(seconds);
            }
        }
        let _empty = family.get_or_create_owned(&vec![("phase", "tls".into())]);
        registry.register("latency_seconds", "Latency", family);
        let mut failing = Registry::default();
        failing.register_collector(Box::new(Failing));
        let mut page = Page::new(&BuildInfo::new("page-test", "0.1.0"));
        page.add("failing", failing).unwrap();
        page.add("shown", registry).unwrap();
        Self {
            page: Arc::new(page),
            latency,
        }
    }

    fn answer(page: &Page, asked: &Asked) -> Answer {
        let accept = asked.header("accept");
        let accept_encoding = asked.header("accept-encoding");
        let response = page.respond(accept.as_deref(), accept_encoding.as_deref(), &[]);
        Answer {
            content_type: response.content_type.to_owned(),
            content_encoding: response.content_encoding.map(str::to_owned),
            body: response.body.to_vec(),
        }
    }
}

/// The series of one job that do not change from scrape to scrape, without the labels that Prometheus adds.
async fn steady_series(
    prometheus: &Prometheus,
    job: &str,
) -> BTreeSet<(BTreeMap<String, String>, String)> {
    let moving = "process_.*|exporter_.*|scrape_.*|up";
    let series = prometheus
        .query(&format!("{{job=\"{job}\",__name__!~\"{moving}\"}}"))
        .await;
    let plain = |mut series: Series| {
        series.labels.remove("job");
        series.labels.remove("instance");
        (series.labels, format!("{:?}", series.value))
    };
    series.into_iter().map(plain).collect()
}

#[tokio::test]
async fn each_format_arrives_whole() {
    let Some(program) = Prometheus::program() else {
        return;
    };
    let shown = Shown::new();
    let page = Arc::clone(&shown.page);
    let answered = Arc::new(Mutex::new(BTreeSet::new()));
    let answers = Arc::clone(&answered);
    let server = Server::start(move |asked| {
        let answer = Shown::answer(&page, asked);
        answers.lock().insert((
            asked.path.clone(),
            answer.content_type.clone(),
            answer.content_encoding.clone(),
        ));
        answer
    });
    let server = server.await.unwrap();
    let job = |name, path, protocols, native_histograms| Job {
        name,
        target: server.address,
        path,
        protocols,
        native_histograms,
    };
    let jobs = [
        job("openmetrics", "/openmetrics", &[][..], false),
        job("text", "/text", &["PrometheusText0.0.4"][..], false),
        job("text1", "/text1", &["PrometheusText1.0.0"][..], false),
        job("protobuf", "/protobuf", &[][..], true),
    ];
    let prometheus = Prometheus::start(&program, &jobs).await.unwrap();

    prometheus
        .eventually("up", |up| {
            up.len() == 4 && up.iter().all(|up| up.float() == Some(1.0))
        })
        .await;
    let samples = prometheus
        .eventually("scrape_samples_scraped > 0", |jobs| jobs.len() == 4)
        .await;
    assert!(
        samples.iter().all(|job| job.float() > Some(20.0)),
        "{samples:?}"
    );

    let gzip = Some("gzip".to_owned());
    let answered = answered.lock().clone();
    let expected = [
        (
            "/openmetrics",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (
            "/protobuf",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        ),
        ("/text", "text/plain; version=0.0.4; charset=utf-8"),
        ("/text1", "text/plain; version=1.0.0; charset=utf-8"),
    ];
    let expected = expected
        .map(|(path, content_type)| (path.to_owned(), content_type.to_owned(), gzip.clone()));
    assert_eq!(answered, BTreeSet::from(expected));

    the_text_formats_agree(&prometheus).await;
    native_histograms_arrive_as_such(&prometheus, &shown.latency).await;
    helps_arrive_in(&prometheus, &["openmetrics", "text", "text1", "protobuf"]).await;
}

async fn the_text_formats_agree(prometheus: &Prometheus) {
    let series = steady_series(prometheus, "text").await;
    assert_eq!(series, steady_series(prometheus, "openmetrics").await);
    assert_eq!(series, steady_series(prometheus, "text1").await);
    let is_classic = |name: &str| {
        ["_bucket", "_sum", "_count"]
            .iter()
            .any(|suffix| name == format!("latency_seconds{suffix}"))
    };
    let name = |series: &(BTreeMap<String, String>, String)| series.0["__name__"].clone();
    let classic = series
        .iter()
        .filter(|series| is_classic(&name(series)))
        .count();
    assert_eq!(classic, 2 * (BOUNDS.len() + 1 + 2));

    let protobuf = steady_series(prometheus, "protobuf").await;
    let floats: BTreeSet<_> = protobuf
        .iter()
        .filter(|series| name(series) != "latency_seconds")
        .cloned()
        .collect();
    let others: BTreeSet<_> = series
        .iter()
        .filter(|series| !is_classic(&name(series)))
        .cloned()
        .collect();
    assert_eq!(floats, others, "all but the histograms is the same");

    let names: BTreeSet<String> = series.iter().map(name).collect();
    for expected in [
        "hard_values",
        "requests_total",
        "sent_bytes_total",
        "exemplified_total",
        "mystery",
        "page_test_build_info",
    ] {
        assert!(names.contains(expected), "{expected} in {names:?}");
    }
    assert!(!names.contains("half_written"), "{names:?}");
    let mystery = prometheus.query("mystery == 0.125").await;
    assert_eq!(
        mystery.len(),
        4,
        "an unknown keeps its value in each format"
    );
    let hard: BTreeSet<String> = series
        .iter()
        .filter(|series| name(series) == "hard_values")
        .map(|series| series.0["value"].clone())
        .collect();
    assert_eq!(hard, hard_values().into_iter().collect());
    let errors = prometheus
        .query("exporter_collector_errors_total{collector=\"failing\"} > 0")
        .await;
    assert_eq!(errors.len(), 4);
}

async fn native_histograms_arrive_as_such(prometheus: &Prometheus, latency: &Histogram) {
    let counts = prometheus.query("histogram_count(latency_seconds)").await;
    let read: BTreeSet<(&str, &str, Option<u64>)> = counts
        .iter()
        .map(|series| {
            (
                series.label("job"),
                series.label("phase"),
                series.float().map(f64::to_bits),
            )
        })
        .collect();
    let expected = [
        ("protobuf", "rpc", Some(300_f64.to_bits())),
        ("protobuf", "tls", Some(0_f64.to_bits())),
    ];
    assert_eq!(
        read,
        BTreeSet::from(expected),
        "an empty one is native too, and no other format has any"
    );
    let native = prometheus.query("latency_seconds{phase=\"rpc\"}").await;
    assert!(
        matches!(
            &native[..],
            [Series {
                value: Value::Histogram(_),
                ..
            }]
        ),
        "{native:?}"
    );
    assert_eq!(
        prometheus
            .query("latency_seconds_bucket{job=\"protobuf\"}")
            .await,
        []
    );

    let quantile = prometheus
        .query("histogram_quantile(0.75, latency_seconds{phase=\"rpc\"})")
        .await;
    let quantile = quantile[0].float().unwrap();
    assert!(
        (0.29..=0.33).contains(&quantile),
        "{quantile}: native buckets know better than 0.1 to 0.5"
    );
    let sum = prometheus
        .query("histogram_sum(latency_seconds{phase=\"rpc\"})")
        .await[0]
        .float()
        .unwrap();
    assert!((sum - 76.0).abs() < 1e-9, "{sum}");

    // So wide a spread halves the resolution several times; the next scrape must still be a valid histogram.
    for exponent in -100..100 {
        latency.observe(f64::from(exponent).exp2());
        latency.observe(1.3 * f64::from(exponent).exp2());
    }
    let all = "histogram_count(latency_seconds{phase=\"rpc\"}) == 700";
    prometheus.eventually(all, |series| series.len() == 1).await;
    prometheus.eventually("up == 1", |up| up.len() == 4).await;
}

async fn helps_arrive_in(prometheus: &Prometheus, jobs: &[&str]) {
    let data = prometheus
        .api("/api/v1/targets/metadata?metric=hard_values")
        .await;
    let metadata = data.as_array().unwrap();
    let helps: BTreeMap<&str, &str> = metadata
        .iter()
        .map(|target| {
            (
                target["target"]["job"].as_str().unwrap(),
                target["help"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = format!("{HARD_HELP}.");
    assert_eq!(
        helps,
        jobs.iter().map(|job| (*job, expected.as_str())).collect()
    );
}

/// What the tests above would not notice if Prometheus took anything.
#[tokio::test]
async fn prometheus_refuses_what_is_no_page() {
    let Some(program) = Prometheus::program() else {
        return;
    };
    let shown = Shown::new();
    let page = Arc::clone(&shown.page);
    let server = Server::start(move |asked| {
        let mut answer = Shown::answer(
            &page,
            &Asked {
                headers: vec![("accept".into(), asked.header("accept").unwrap())],
                ..asked.clone()
            },
        );
        match asked.path.as_str() {
            "/endless" => answer.body.truncate(answer.body.len() - "# EOF\n".len()),
            "/mislabelled" => answer.content_type = "text/plain; version=0.0.4".to_owned(),
            "/cut" => answer.body.truncate(answer.body.len() - 1),
            _ => answer.content_type = String::new(),
        }
        answer
    });
    let server = server.await.unwrap();
    let job = |name, path, native_histograms| Job {
        name,
        target: server.address,
        path,
        protocols: &[],
        native_histograms,
    };
    let jobs = [
        job("endless", "/endless", false),
        job("mislabelled", "/mislabelled", false),
        job("cut", "/cut", true),
        job("nameless", "/nameless", false),
    ];
    let prometheus = Prometheus::start(&program, &jobs).await.unwrap();
    prometheus
        .eventually("up", |up| {
            up.len() == 4 && up.iter().all(|up| up.float() == Some(0.0))
        })
        .await;
    let errors = prometheus.last_errors().await;
    assert!(errors.values().all(|error| !error.is_empty()), "{errors:?}");
}
