//! What is sent to a program: who may, how much, and how long it may take.

use std::io::{Read, Write};
use std::thread;

use crate::client::{Answer, ask, connect, get, send};
use crate::credentials::{basic, started, users};
use crate::program::Program;

const WORD: &str = "Authorization: Bearer sesame\r\n";

fn with_length(length: usize) -> String {
    format!("{WORD}Content-Length: {length}\r\n")
}

#[test]
fn what_is_sent_arrives_whole_however_it_is_cut() {
    let program = Program::start(&[]);
    for length in [0, 1, 70_000, 100_000] {
        let body = vec![b'o'; length];
        let answer = send(program.address(), "/oil", &with_length(length), &body);
        let expected = format!("{length} bytes of oil\n");
        assert_eq!((answer.status, answer.text()), (200, expected.as_str()));
    }
    let chunked = format!("{WORD}Transfer-Encoding: chunked\r\n");
    let body = b"3\r\noil\r\n5\r\nmore!\r\n0\r\n\r\n";
    let answer = send(program.address(), "/oil", &chunked, body);
    assert_eq!((answer.status, answer.text()), (200, "8 bytes of oil\n"));
}

#[test]
fn too_much_is_413_whether_it_is_announced_or_not() {
    let program = Program::start(&[]);
    let announced = send(program.address(), "/oil", &with_length(100_001), b"");
    assert_eq!(announced.status, 413);
    let chunked = format!("{WORD}Transfer-Encoding: chunked\r\n");
    let mut body = Vec::new();
    for _ in 0..3 {
        write!(body, "{:x}\r\n", 40_000).unwrap();
        body.resize(body.len() + 40_000, b'o');
        body.extend_from_slice(b"\r\n");
    }
    let surprise = send(program.address(), "/oil", &chunked, &body);
    assert_eq!(surprise.status, 413);
}

#[test]
fn strangers_are_told_so_before_their_body_is_waited_for() {
    let program = Program::start(&[]);
    for headers in ["", "Authorization: Bearer open\r\n"] {
        let headers = format!("{headers}Content-Length: 5\r\n");
        assert_eq!(send(program.address(), "/oil", &headers, b"").status, 401);
    }
}

#[test]
fn a_body_that_breaks_off_costs_that_request_alone() {
    let program = Program::start(&[]);
    let mut stream = connect(program.address());
    let head = format!(
        "POST /oil HTTP/1.1\r\nHost: lamp\r\n{}\r\nhal",
        with_length(6)
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(!bytes.starts_with(b"HTTP/1.1 200"));
    assert_eq!(get(program.address(), "/livez").status, 200);
}

#[test]
fn a_body_that_never_ends_is_given_up() {
    let program = Program::start(&[]);
    let mut stream = connect(program.address());
    let head = format!(
        "POST /oil HTTP/1.1\r\nHost: lamp\r\n{}\r\nhal",
        with_length(6)
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let reading = thread::spawn(move || {
        // Either the answer alone, or the end as well.
        while !bytes.ends_with(b"in time\n") {
            let mut chunk = [0; 1024];
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            }
        }
        bytes
    });
    // Nobody else waits for it.
    assert_eq!(get(program.address(), "/teapot").status, 418);
    assert_eq!(Answer::parse(&reading.join().unwrap()).status, 408);
}

#[test]
fn only_post_is_received_and_only_there() {
    let program = Program::start(&[]);
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let answer = ask(program.address(), method, "/oil", WORD);
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("POST")),
            "{method}"
        );
    }
    assert_eq!(send(program.address(), "/oil/", WORD, b"").status, 404);
    let page = get(program.address(), "/metrics");
    let counted = "exporter_http_requests_total{path=\"/oil\",code=\"405\"} 4";
    assert!(page.text().contains(counted), "{}", page.text());
}

#[test]
fn senders_need_their_own_word_and_no_users_password() {
    let (program, _folder) = started(&users(&[("keeper", "wick")]), &[]);
    let status = |headers: &str| {
        let headers = format!("{headers}Content-Length: 3\r\n");
        send(program.address(), "/oil", &headers, b"oil").status
    };
    assert_eq!(status(WORD), 200);
    assert_eq!(status(&basic("keeper", "wick")), 401);
    assert_eq!(status(""), 401);
    assert_eq!(ask(program.address(), "GET", "/metrics", WORD).status, 401);
}

#[test]
fn the_rate_limit_holds_for_senders_too() {
    let limit = "rate_limit:\n  interval: 1h\n  burst: 2\n";
    let (program, _folder) = started(limit, &[]);
    let status = || send(program.address(), "/oil", &with_length(3), b"oil").status;
    assert_eq!([status(), status(), status()], [200, 200, 429]);
}
