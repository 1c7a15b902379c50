//! `/probe` over real HTTP.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::exporter::{Exporter, address, cartservice, nobody, pod, silent};

const LOOPBACK: &str = "--probe.allow=127.0.0.0/8";

#[tokio::test]
async fn a_healthy_server_is_a_success_and_each_phase_is_told() {
    let cart = cartservice().await;
    let exporter = Exporter::start(&[], &[LOOPBACK]);
    let answer = exporter.get(&format!("/probe?target={}&module=grpc", address(&cart)));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.value("probe_success"), Some(1.0));
    assert_eq!(answer.value("probe_ip_protocol"), Some(4.0));
    assert_eq!(answer.value("probe_grpc_status_code"), Some(0.0));
    assert_eq!(answer.value("probe_grpc_ssl"), Some(0.0));
    for status in ["UNKNOWN", "NOT_SERVING", "SERVICE_UNKNOWN"] {
        let series = format!("probe_grpc_healthcheck_response{{serving_status=\"{status}\"}}");
        assert_eq!(answer.value(&series), Some(0.0));
    }
    for phase in ["resolve", "connect", "http2", "rpc"] {
        let series = format!("probe_grpc_phase_duration_seconds{{phase=\"{phase}\"}}");
        assert!(answer.value(&series).is_some(), "{phase}");
    }
}

#[test]
fn a_bad_question_is_answered_400_with_what_is_wrong_with_it() {
    let exporter = Exporter::start(&[], &[LOOPBACK]);
    for (query, said) in [
        ("", "`target` is missing"),
        ("?target=", "`target` is missing"),
        ("?target=127.0.0.1", "names no port"),
        (
            "?target=::1:7070",
            "write HOST:PORT, or [ADDRESS]:PORT for IPv6",
        ),
        ("?target=::1", "write HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        ("?target=[::1", "is not HOST:PORT"),
        ("?target=ftp://127.0.0.1:7070", "is not HOST:PORT"),
        ("?target=127.0.0.1:70000", "is not HOST:PORT"),
        ("?target=127.0.0.1:grpc", "is not HOST:PORT"),
        (
            "?target=127.0.0.1:1&module=http_2xx",
            "unknown module `http_2xx`",
        ),
        ("?target=127.0.0.1:1&target=127.0.0.1:2", "given twice"),
        ("?target=127.0.0.1:1&timeout=soon", "timeout"),
    ] {
        let answer = exporter.get(&format!("/probe{query}"));
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert!(answer.text().contains(said), "{query}: {}", answer.text());
    }
}

#[test]
fn what_is_neither_discovered_nor_allowed_is_answered_403_and_not_dialled() {
    let listener = silent();
    listener.set_nonblocking(true).unwrap();
    let target = listener.local_addr().unwrap();
    let exporter = Exporter::start(&[], &["--probe.allow=10.0.0.0/8,*.sre-demo.svc"]);
    for target in [
        target.to_string(),
        format!("http://{target}/"),
        format!("localhost:{}", target.port()),
        "[::1]:7070".to_owned(),
    ] {
        let answer = exporter.get(&format!("/probe?target={target}"));
        assert_eq!(answer.status, 403, "{target}: {answer:?}");
        assert!(answer.text().contains("--probe.allow"), "{answer:?}");
    }
    let names_alone = Exporter::start(&[], &["--probe.allow=*.sre-demo.svc"]);
    for target in ["sre-demo.svc:7070", "cart.sre-demo.svc.evil.example:7070"] {
        let answer = names_alone.get(&format!("/probe?target={target}"));
        assert_eq!(answer.status, 403, "{target}: {answer:?}");
    }
    let dialled = listener.accept().map(|(_, peer)| peer);
    assert!(dialled.is_err(), "{dialled:?}");
}

#[tokio::test]
async fn networks_names_and_discovered_pods_are_let_through() {
    let cart = cartservice().await;
    let target = address(&cart);
    let success = |exporter: &Exporter, target: &str| {
        let answer = exporter.get(&format!("/probe?target={target}"));
        (answer.status, answer.value("probe_success"))
    };
    let by_network = Exporter::start(&[], &["--probe.allow=192.0.2.0/24,127.0.0.0/30"]);
    assert_eq!(success(&by_network, &target.to_string()), (200, Some(1.0)));
    let url = format!("http://{target}/cart");
    assert_eq!(success(&by_network, &url), (200, Some(1.0)));

    let by_name = Exporter::start(&[], &["--probe.allow=LocalHost"]);
    let name = format!("localhost:{}", target.port());
    assert_eq!(success(&by_name, &name), (200, Some(1.0)));
    assert_eq!(success(&by_name, &target.to_string()).0, 403);

    let discovered = Exporter::start(&[("cart.yaml", &pod("cart", target))], &[]);
    assert_eq!(success(&discovered, &target.to_string()), (200, Some(1.0)));
    let beside = format!("{}:{}", target.ip(), target.port() ^ 1);
    assert_eq!(success(&discovered, &beside).0, 403, "the pod's port alone");
}

#[tokio::test]
async fn an_ipv6_literal_in_brackets_is_probed() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return; // A machine without IPv6 has nothing to show.
    };
    let port = listener.local_addr().unwrap().port();
    let exporter = Exporter::start(&[], &["--probe.allow=::1"]);
    for target in [format!("[::1]:{port}"), format!("%5B::1%5D:{port}")] {
        let answer = exporter.ask(
            &format!("/probe?target={target}"),
            &[("X-Prometheus-Scrape-Timeout-Seconds", "1")],
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.value("probe_ip_protocol"), Some(6.0));
    }
}

#[test]
fn a_silent_server_is_a_failure_before_the_scraper_loses_patience() {
    let silent = silent();
    let exporter = Exporter::start(&[], &[LOOPBACK]);
    let target = silent.local_addr().unwrap();
    let begun = Instant::now();
    let answer = exporter.ask(
        &format!("/probe?target={target}"),
        &[("X-Prometheus-Scrape-Timeout-Seconds", "3")],
    );
    let took = begun.elapsed();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.value("probe_success"), Some(0.0));
    assert_eq!(answer.value("probe_timeout_seconds"), Some(2.5));
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(
        took >= Duration::from_millis(2_400),
        "{took:?}: as long as it may"
    );
    let why = "probe_grpc_failure_info{phase=\"http2\",reason=\"timeout\"}";
    assert_eq!(answer.value(why), Some(1.0), "{}", answer.text());
}

#[test]
fn the_question_may_be_less_patient_than_the_scraper() {
    let silent = silent();
    let exporter = Exporter::start(&[], &[LOOPBACK]);
    let target = silent.local_addr().unwrap();
    let answer = exporter.get(&format!("/probe?target={target}&timeout=300ms"));
    assert_eq!(answer.value("probe_timeout_seconds"), Some(0.3));
    assert_eq!(answer.value("probe_success"), Some(0.0));
}

#[test]
fn a_refused_connection_and_an_unknown_name_are_failures_and_no_refusals() {
    let exporter = Exporter::start(&[], &[LOOPBACK, "--probe.allow=no-such-host.invalid"]);
    let (_socket, closed) = nobody();
    let refused = exporter.get(&format!("/probe?target={closed}&timeout=2s"));
    assert_eq!(
        (refused.status, refused.value("probe_success")),
        (200, Some(0.0))
    );
    let unknown = exporter.get("/probe?target=no-such-host.invalid:1&timeout=2s");
    assert_eq!(
        (unknown.status, unknown.value("probe_success")),
        (200, Some(0.0))
    );
    assert_eq!(unknown.value("probe_ip_protocol"), Some(0.0));
    let status = unknown.value("probe_grpc_status_code");
    assert_ne!(status, Some(0.0), "no answer is not OK");
}

#[tokio::test]
async fn debug_tells_the_story_of_one_probe_in_words_and_the_metrics_below() {
    let cart = cartservice().await;
    let exporter = Exporter::start(&[], &[LOOPBACK]);
    let path = format!("/probe?target={}&debug=true", address(&cart));
    let answer = exporter.ask(&path, &[("Accept", "application/openmetrics-text")]);
    let text = answer.text();
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    for part in [
        "Log:",
        "connect took ",
        "http2 took ",
        "rpc took ",
        "answered SERVING",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, metrics) = text.split_once("Metrics:\n").expect("both");
    assert!(metrics.contains("\nprobe_success 1"), "{metrics}");
}

#[tokio::test]
async fn the_page_comes_in_the_format_that_was_asked_for_and_an_odd_wish_gets_text() {
    let cart = cartservice().await;
    let exporter = Exporter::start(&[], &[LOOPBACK]);
    let path = format!("/probe?target={}", address(&cart));
    for (accept, content_type) in [
        (
            "application/openmetrics-text;version=1.0.0",
            "application/openmetrics-text; version=1.0.0",
        ),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4"),
        ("image/png, ;;q=, \"", "text/plain; version=0.0.4"),
        ("", "text/plain; version=0.0.4"),
    ] {
        let answer = exporter.ask(&path, &[("Accept", accept)]);
        assert_eq!(answer.status, 200, "{accept}");
        let given = answer.header("content-type").unwrap();
        assert!(given.starts_with(content_type), "{accept:?}: {given}");
        let text = answer.text();
        let is_open_metrics = content_type.starts_with("application");
        assert_eq!(
            text.ends_with("# EOF\n"),
            is_open_metrics,
            "{accept:?}: {text}"
        );
        assert!(text.contains("\nprobe_success 1"), "{text}");
    }
    let zipped = exporter.ask(&path, &[("Accept-Encoding", "gzip")]);
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(zipped.body[..2], [0x1f, 0x8b]);
}
