//! From the command line to the first answer, or to a clear refusal.

use std::net::TcpListener;

use crate::client::get;
use crate::program::Program;

fn refused(flags: &[&str], what: &str) {
    let end = Program::run(flags);
    assert_eq!(end.code, Some(2), "{flags:?}: {}", end.log);
    assert!(end.log.contains(what), "{flags:?}: {}", end.log);
}

#[test]
fn wrong_flags_are_refused_with_2_and_say_what_is_wrong() {
    refused(&["--web.listen-adress=:1"], "--web.listen-address");
    refused(&["--web.listen-address=9601"], "127.0.0.1:9601");
    refused(&["--web.telemetry-path=metrics"], "starts with `/`");
    refused(&["--web.max-requests=many"], "--web.max-requests");
    refused(&["--log.level=loud"], "warn");
    refused(&["--log.format=xml"], "logfmt");
    refused(&["--threads=0"], "--threads");
    refused(&["--shutdown.grace=20"], "not a duration");
}

#[test]
fn flags_that_contradict_each_other_are_refused_with_2() {
    refused(
        &["--web.listen-address=:9", "--web.listen-address=:9"],
        "given twice",
    );
    refused(
        &[
            "--web.listen-address=127.0.0.1:9",
            "--web.health-address=127.0.0.1:9",
        ],
        "an address of its own",
    );
    refused(&["--web.telemetry-path=/livez"], "already taken");
    refused(
        &[
            "--web.listen-address=127.0.0.1:0",
            "--web.telemetry-path=/teapot",
        ],
        "already taken by another page",
    );
}

#[test]
fn a_setup_that_fails_ends_the_process_with_2_and_its_message() {
    refused(
        &["--web.listen-address=127.0.0.1:0", "--broken=no wick"],
        "no wick",
    );
}

#[test]
fn a_taken_port_is_named_and_ends_the_process_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let end = Program::run(&[&format!("--web.listen-address={address}")]);
    assert_eq!(end.code, Some(1));
    assert!(
        end.log.contains(&format!("cannot listen on {address}")),
        "{}",
        end.log
    );
}

#[test]
fn each_flag_has_a_variable_and_the_flag_wins() {
    let program = Program::launch(
        &["--web.telemetry-path=/flag"],
        &[
            ("WEB_LISTEN_ADDRESS", "127.0.0.1:0,127.0.0.2:0"),
            ("WEB_TELEMETRY_PATH", "/variable"),
            ("WEB_DISABLE_EXPORTER_METRICS", "yes"),
        ],
    );
    program.await_line("address=127.0.0.2:");
    assert_eq!(get(program.address(), "/variable").status, 404);
    let page = get(program.address(), "/flag");
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("exporter_http_requests_total"));
}

#[test]
fn a_check_binds_nothing_and_runs_setup() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("--web.listen-address={}", taken.local_addr().unwrap());
    let end = Program::run(&[&address, "--config.check"]);
    assert_eq!(end.code, Some(0), "{}", end.log);
    assert!(end.log.contains("in order"), "{}", end.log);
    refused(&[&address, "--config.check", "--broken=no wick"], "no wick");
}

#[test]
fn json_logs_are_json() {
    let program = Program::launch(
        &["--web.listen-address=127.0.0.1:0", "--log.format=json"],
        &[],
    );
    let line = program.await_line("listening");
    assert!(
        line.starts_with('{') && line.ends_with('}') && line.contains("\"message\":\"listening\""),
        "{line}"
    );
}

#[test]
fn more_threads_serve_the_same() {
    let program = Program::start(&["--threads=3"]);
    assert_eq!(get(program.address(), "/metrics").status, 200);
}

#[test]
fn tasks_that_end_early_end_the_process_with_1_and_are_named() {
    for (how, what) in [
        ("ends", "it ended by itself"),
        ("fails", "out of oil"),
        ("panics", "panicked: the glass broke"),
    ] {
        for place in [None, Some("--apart")] {
            let flags = ["--web.listen-address=127.0.0.1:0", "--lamp", how];
            let flags: Vec<&str> = flags.into_iter().chain(place).collect();
            let end = Program::run(&flags);
            assert_eq!(end.code, Some(1), "{flags:?}: {}", end.log);
            assert!(
                end.log.contains("`lamp`") && end.log.contains(what),
                "{flags:?}: {}",
                end.log
            );
        }
    }
}

#[test]
fn everything_else_steps_back_behind_a_task_on_a_thread_of_its_own() {
    let (usual, _) = Program::start(&[]).niceness();
    let (main, others) = Program::start(&["--apart"]).niceness();
    assert_eq!((main, others), ((usual + 10).min(19), vec![usual]));
}
