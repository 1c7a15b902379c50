//! Clients that take their time do not pile up, and shut nobody out.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::client::{Answer, connect, get};
use crate::program::Program;

#[test]
fn a_head_that_comes_byte_by_byte_is_answered_when_it_is_quick_enough() {
    let program = Program::start(&[]);
    let mut stream = connect(program.address());
    for byte in b"GET /livez HTTP/1.1\r\nHost: lamp\r\nConnection: close\r\n\r\n" {
        stream.write_all(&[*byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(Answer::parse(&bytes).status, 200);
}

#[test]
fn a_head_that_never_ends_is_cut_off_although_bytes_keep_coming() {
    let program = Program::start(&[]);
    let mut stream = connect(program.address());
    stream
        .set_read_timeout(Some(Duration::from_millis(250)))
        .unwrap();
    let begun = Instant::now();
    stream.write_all(b"GET /livez HTTP/1.1\r\nX: ").unwrap();
    loop {
        let sent = stream.write_all(b"x");
        match stream.read(&mut [0]) {
            Ok(0) => break,
            Ok(_) => panic!("an answer to half a request"),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && sent.is_ok() => {}
            Err(_) => break,
        }
        assert!(begun.elapsed() < Duration::from_secs(25), "still open");
    }
    assert!(
        begun.elapsed() > Duration::from_secs(5),
        "cut off too early"
    );
}

#[test]
fn slow_clients_give_way_to_the_next_and_their_number_is_bounded() {
    let program = Program::start(&[]);
    let mut slow = Vec::new();
    for _ in 0..400 {
        let mut stream = connect(program.address());
        stream.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
        slow.push(stream);
    }
    assert_eq!(get(program.address(), "/livez").status, 200);
    let page = get(program.address(), "/metrics");
    let open = page
        .text()
        .lines()
        .find_map(|line| line.strip_prefix("process_open_fds "))
        .unwrap()
        .parse::<f64>()
        .unwrap();
    assert!((256.0..300.0).contains(&open), "{open} file descriptors");
    // The first ones had to go, the last ones are still waited for.
    let (first, last) = (&mut slow.remove(0), &mut slow.pop().unwrap());
    assert!(matches!(first.read(&mut [0]), Ok(0) | Err(_)));
    last.write_all(b"Host: lamp\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    last.read_to_end(&mut bytes).unwrap();
    assert_eq!(Answer::parse(&bytes).status, 200);
}

#[test]
fn a_client_that_does_not_read_its_answers_holds_up_nobody() {
    let program = Program::start(&[]);
    let mut deaf = connect(program.address());
    deaf.set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    for _ in 0..2_000 {
        if deaf
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: lamp\r\n\r\n")
            .is_err()
        {
            break;
        }
    }
    assert_eq!(get(program.address(), "/metrics").status, 200);
}
