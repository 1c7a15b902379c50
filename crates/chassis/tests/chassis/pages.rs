//! Paths, methods, heads of requests; no credentials yet.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use crate::client::{Answer, ask, connect, get};
use crate::program::Program;

#[test]
fn every_page_answers_get_and_head_alike() {
    let program = Program::start(&[]);
    for (path, status) in [
        ("/", 200),
        ("/metrics", 200),
        ("/livez", 200),
        ("/readyz", 200),
        ("/healthz", 200),
        ("/teapot", 418),
        ("/nope", 404),
    ] {
        let whole = get(program.address(), path);
        let head = ask(program.address(), "HEAD", path, "");
        assert_eq!((whole.status, head.status), (status, status), "{path}");
        assert!(!whole.body.is_empty() && head.body.is_empty(), "{path}");
        assert_eq!(
            whole.header("content-type"),
            head.header("content-type"),
            "{path}"
        );
        assert!(head.header("content-length").is_some(), "{path}");
    }
}

#[test]
fn other_methods_are_405_where_there_is_a_page_and_404_where_not() {
    let program = Program::start(&[]);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        for path in ["/", "/metrics", "/livez", "/teapot"] {
            let answer = ask(program.address(), method, path, "Content-Length: 0\r\n");
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        }
        assert_eq!(
            ask(program.address(), method, "/nope", "Content-Length: 0\r\n").status,
            404
        );
    }
}

#[test]
fn paths_are_compared_byte_by_byte() {
    let program = Program::start(&[]);
    for path in [
        "//metrics",
        "/metrics/",
        "/livez/../metrics",
        "/%6detrics",
        "/METRICS",
        "/_OTHER",
        "/livez/",
    ] {
        assert_eq!(get(program.address(), path).status, 404, "{path}");
    }
    assert_eq!(get(program.address(), "/metrics?x=/livez").status, 200);
}

#[test]
fn unknown_paths_make_one_series() {
    let program = Program::start(&[]);
    for number in 0..50 {
        get(program.address(), &format!("/scan/{number}"));
    }
    let page = get(program.address(), "/metrics");
    let page = page.text();
    assert!(
        page.contains("exporter_http_requests_total{path=\"_OTHER\",code=\"404\"} 50"),
        "{page}"
    );
    assert!(!page.contains("/scan"), "{page}");
    assert!(
        page.contains("exporter_http_requests_in_flight 1"),
        "{page}"
    );
}

#[test]
fn the_page_counts_its_own_answers_from_zero() {
    let program = Program::start(&["--web.telemetry-path=/"]);
    let page = get(program.address(), "/");
    for code in ["200", "500", "503"] {
        let series = format!("exporter_http_requests_total{{path=\"/\",code=\"{code}\"}} 0");
        assert!(page.text().contains(&series), "{}", page.text());
    }
    assert_eq!(get(program.address(), "/metrics").status, 404);
}

#[test]
fn readiness_says_what_it_waits_for() {
    let program = Program::start(&["--dark"]);
    let answer = get(program.address(), "/readyz");
    assert_eq!(
        (answer.status, answer.text()),
        (503, "not ready: waiting for the lamp\n")
    );
    assert_eq!(get(program.address(), "/livez").status, 200);
}

#[test]
fn an_odd_accept_header_gets_a_page() {
    let program = Program::start(&[]);
    for accept in [
        "",
        "*/*",
        "image/png",
        ";;;,,q=",
        "text/plain;q=2",
        "application/openmetrics-text;version=9.9",
        "a/b;q=\u{7f}",
        "\u{e4}",
    ] {
        let answer = ask(
            program.address(),
            "GET",
            "/metrics",
            &format!("Accept: {accept}\r\n"),
        );
        // RFC 9110 section 5.5 forbids DEL: that is the request's fault, not the header's oddness.
        if accept.contains('\u{7f}') {
            assert_eq!(answer.status, 400, "{accept:?}");
            continue;
        }
        assert_eq!(answer.status, 200, "{accept:?}");
        assert!(
            answer.text().contains("process_cpu_seconds_total"),
            "{accept:?}"
        );
    }
}

#[test]
fn formats_and_gzip_are_negotiated() {
    let program = Program::start(&[]);
    let openmetrics = ask(
        program.address(),
        "GET",
        "/metrics",
        "Accept: application/openmetrics-text;version=1.0.0\r\n",
    );
    assert!(
        openmetrics
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(openmetrics.text().ends_with("# EOF\n"));
    let packed = ask(
        program.address(),
        "GET",
        "/metrics",
        "Accept-Encoding: gzip\r\n",
    );
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.body[..2], [0x1f, 0x8b]);
}

#[test]
fn names_choose_metrics() {
    let program = Program::start(&[]);
    let page = get(program.address(), "/metrics?name[]=process_open_fds");
    assert!(
        page.text().contains("process_open_fds") && !page.text().contains("process_max_fds"),
        "{}",
        page.text()
    );
}

#[test]
fn too_many_requests_at_once_are_503_with_a_reason_and_health_still_answers() {
    let program = Program::start(&["--web.max-requests=2"]);
    let address = program.address();
    let slow: Vec<_> = (0..2)
        .map(|_| thread::spawn(move || get(address, "/slow")))
        .collect();
    thread::sleep(Duration::from_millis(500));
    let refused = get(address, "/metrics");
    assert_eq!(refused.status, 503);
    assert!(
        refused.text().contains("limit of 2 requests"),
        "{}",
        refused.text()
    );
    assert_eq!(get(address, "/readyz").status, 200);
    for request in slow {
        assert_eq!(request.join().unwrap().status, 200);
    }
    assert_eq!(get(address, "/metrics").status, 200);
}

#[test]
fn no_limit_when_0() {
    let program = Program::start(&["--web.max-requests=0"]);
    let address = program.address();
    let slow: Vec<_> = (0..50)
        .map(|_| thread::spawn(move || get(address, "/slow").status))
        .collect();
    assert!(
        slow.into_iter()
            .all(|request| request.join().unwrap() == 200)
    );
}

#[test]
fn a_page_that_panics_costs_one_answer() {
    let program = Program::start(&[]);
    assert_eq!(get(program.address(), "/panic").status, 500);
    assert_eq!(get(program.address(), "/teapot").status, 418);
    program.await_line("no such room");
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let program = Program::start(&[]);
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    assert_eq!(ask(program.address(), "GET", "/livez", &long).status, 431);
    let many = "X-Many: 1\r\n".repeat(100);
    assert_eq!(ask(program.address(), "GET", "/livez", &many).status, 431);
}

#[test]
fn garbage_is_400_or_silence_and_the_next_client_is_served() {
    let program = Program::start(&[]);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = connect(program.address());
        stream.write_all(garbage).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.is_empty() || Answer::parse(&answer).status == 400,
            "{garbage:?}: {answer:?}"
        );
    }
    assert_eq!(get(program.address(), "/livez").status, 200);
}

#[test]
fn the_landing_page_escapes_what_it_shows() {
    let program = Program::start(&[]);
    let page = get(program.address(), "/");
    let text = page.text();
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        text.contains("Is the &lt;lamp&gt; lit?")
            && text.contains("&lt;script&gt;alert(&quot;x&quot;)"),
        "{text}"
    );
    assert!(!text.contains("<script"), "{text}");
    assert!(
        text.contains("href=\"/metrics\"")
            && text.contains("href=\"/teapot\"")
            && text.contains(env!("CARGO_PKG_VERSION"))
    );
    assert!(text.contains("class=\"tag critical\">critical<"));
}
