//! Orderly and not so orderly ends.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::client::{Answer, connect, get};
use crate::program::Program;

#[test]
fn a_signal_ends_the_process_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::start(&[]);
        program.signal(signal);
        let end = program.end();
        assert_eq!(end.code, Some(0), "{}", end.log);
        assert!(end.log.contains("msg=stopped"), "{}", end.log);
    }
}

#[test]
fn not_ready_from_the_signal_on_while_work_is_finished() {
    let program = Program::start(&["--unfinished=2000"]);
    let address = program.address();
    assert_eq!(get(address, "/readyz").status, 200);
    program.signal(Signal::TERM);
    program.await_line("msg=stopping");
    let answer = get(address, "/readyz");
    assert_eq!(
        (answer.status, answer.text()),
        (503, "not ready: stopping\n")
    );
    assert_eq!(get(address, "/livez").status, 200);
    assert_eq!(program.end().code, Some(0));
}

#[test]
fn open_requests_are_answered_and_idle_connections_closed() {
    let program = Program::start(&[]);
    let address = program.address();
    let mut idle = connect(address);
    let slow = thread::spawn(move || get(address, "/slow"));
    thread::sleep(Duration::from_millis(500));
    program.signal(Signal::TERM);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    assert_eq!(slow.join().unwrap().text(), "done\n");
    assert_eq!(program.end().code, Some(0));
}

#[test]
fn the_grace_period_ends_what_does_not_end() {
    let program = Program::start(&["--unfinished=600000", "--shutdown.grace=300ms"]);
    program.signal(Signal::TERM);
    let end = program.end();
    assert_eq!(end.code, Some(0));
    assert!(end.log.contains("unfinished work"), "{}", end.log);
}

#[test]
fn a_second_signal_ends_at_once_with_1() {
    let program = Program::start(&["--unfinished=600000", "--shutdown.grace=10m"]);
    program.signal(Signal::TERM);
    program.await_line("msg=stopping");
    program.signal(Signal::INT);
    let end = program.end();
    assert_eq!(end.code, Some(1));
    assert!(end.log.contains("second signal (SIGINT)"), "{}", end.log);
}

#[test]
fn a_half_sent_request_does_not_hold_up_the_end() {
    let program = Program::start(&["--shutdown.grace=10m"]);
    let mut half = connect(program.address());
    half.write_all(b"GET /livez HTT").unwrap();
    // Answered: so the half before it has arrived as well.
    assert_eq!(get(program.address(), "/livez").status, 200);
    program.signal(Signal::TERM);
    let end = program.end();
    assert_eq!(end.code, Some(0), "{}", end.log);
    let mut rest = Vec::new();
    let _ = half.read_to_end(&mut rest);
    assert!(rest.is_empty() || Answer::parse(&rest).status >= 400);
}
