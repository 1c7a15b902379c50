//! `grpc-health-exporter`'s own page, with the shop behind it, through promtool and into a real Prometheus.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use page::prometheus::{Job, Prometheus};
use page::promtool::check_metrics;
use shop::{Layout, Load, Shop};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_mins(1);
/// Services of the shop with gRPC probes.
const PROBED: usize = 9;

/// The shop, and the exporter that probes it. Both end when this goes.
struct Scene {
    address: SocketAddr,
    _exporter: Child,
    _shop: Shop,
    _pods: TempDir,
}

impl Scene {
    /// Everything runs, and each service has been probed.
    async fn start() -> Self {
        let shop = Shop::start(Layout::on_free_ports(), Load::default())
            .await
            .unwrap();
        let pods = TempDir::new().unwrap();
        let started_at = SystemTime::now() - Duration::from_hours(1);
        shop::pods::write_all(pods.path(), shop.layout(), started_at).unwrap();
        let mut exporter = Command::new(env!("CARGO_BIN_EXE_page-of-grpc-health"))
            .arg("--web.listen-address=127.0.0.1:0")
            .arg(format!("--source=files:{}", pods.path().display()))
            .arg("--probe.interval=500ms")
            .env_clear()
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(exporter.stderr.take().unwrap()).lines();
        let address = loop {
            let line = log.next_line().await.unwrap().expect("it listens");
            if let Some((_, rest)) = line.split_once(" address=") {
                break rest.split(' ').next().unwrap().parse().unwrap();
            }
        };
        // Somebody has to read on.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        let scene = Self {
            address,
            _exporter: exporter,
            _shop: shop,
            _pods: pods,
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = scene.page().await;
            let answered = page.lines().filter(|line| {
                line.starts_with("grpc_probe_serving_status{")
                    && line.contains("serving_status=\"SERVING\"} 1")
            });
            if answered.count() == PROBED {
                return scene;
            }
            assert!(Instant::now() < deadline, "{page}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The page in text 0.0.4.
    async fn page(&self) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = b"GET /metrics HTTP/1.0\r\nHost: exporter\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{head}");
        page.to_owned()
    }
}

#[tokio::test]
async fn promtool_has_nothing_to_say_about_it() {
    let Some(promtool) = tools::program("promtool") else {
        return;
    };
    let scene = Scene::start().await;
    let page = scene.page().await;
    assert_eq!(check_metrics(&promtool, page.as_bytes()), Ok(()), "{page}");
}

#[tokio::test]
async fn prometheus_scrapes_it_in_each_format_and_native_histograms_arrive_as_such() {
    let Some(program) = Prometheus::program() else {
        return;
    };
    let scene = Scene::start().await;
    let job = |name, protocols, native_histograms| Job {
        name,
        target: scene.address,
        path: "/metrics",
        protocols,
        native_histograms,
    };
    let jobs = [
        job("openmetrics", &["OpenMetricsText1.0.0"][..], false),
        job("text", &["PrometheusText0.0.4"][..], false),
        job("protobuf", &[][..], true),
    ];
    let prometheus = Prometheus::start(&program, &jobs).await.unwrap();
    prometheus
        .eventually("up == 1", |up| up.len() == jobs.len())
        .await;
    let attempts = "count by (job) (grpc_probe_attempts_total{result=\"successful\",namespace=\"sre-demo\"} > 0)";
    let counted = prometheus
        .eventually(attempts, |counted| counted.len() == jobs.len())
        .await;
    for series in &counted {
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let liveness_and_readiness = (2 * PROBED) as f64;
        assert_eq!(series.float(), Some(liveness_and_readiness), "{series:?}");
    }

    for family in [
        "grpc_probe_duration_seconds",
        "grpc_probe_exporter_start_lag_seconds",
    ] {
        let native = prometheus
            .eventually(&format!("histogram_count({family}) > 0"), |native| {
                !native.is_empty()
            })
            .await;
        let jobs: BTreeSet<_> = native.iter().map(|series| series.label("job")).collect();
        assert_eq!(
            jobs,
            BTreeSet::from(["protobuf"]),
            "no other format has any"
        );
        let classic = prometheus
            .query(&format!(
                "count by (job) ({family}_bucket{{le=\"1.0\"}} or {family}_bucket{{le=\"1\"}})"
            ))
            .await;
        let jobs: BTreeSet<_> = classic.iter().map(|series| series.label("job")).collect();
        assert_eq!(jobs, BTreeSet::from(["openmetrics", "text"]), "{family}");
    }
    let native = prometheus
        .query("count(histogram_count(grpc_probe_duration_seconds{job=\"protobuf\"}))")
        .await;
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let handlers = PROBED as f64;
    assert_eq!(native[0].float(), Some(handlers));

    // Names and labels are the same, whatever the format: but for the histograms, whose classic form protobuf does not carry on.
    let names = |job: &str| {
        format!(
            "count by (__name__) ({{job=\"{job}\",__name__=~\"grpc_probe_.*|kube_watch_.*\",__name__!~\".*_seconds(_bucket|_sum|_count)?\"}})"
        )
    };
    let mut seen = Vec::new();
    for job in ["openmetrics", "text", "protobuf"] {
        let series = prometheus.query(&names(job)).await;
        let shown: BTreeSet<_> = series
            .iter()
            .map(|series| series.label("__name__").to_owned())
            .collect();
        assert!(shown.len() > 15, "{job}: {shown:?}");
        seen.push(shown);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
    let errors = prometheus
        .query("exporter_collector_errors_total > 0")
        .await;
    assert_eq!(errors, []);
}
