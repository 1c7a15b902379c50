//! The program as others see it, beside an exporter that does as it is told.

#![expect(
    clippy::unwrap_used,
    reason = "clippy lets tests unwrap, and these functions are part of tests"
)]

mod agent;
mod enter;
mod exporter;
mod hostile;
mod learn;
mod network;
mod readme;
mod secrets;

use std::net::SocketAddr;
use std::time::Duration;

use reach::{
    Agent, Answer, Dial, DialId, Kind, Outcome, Plan, PodName, Protocol, Revision, Workload,
};
use socket2::{Domain, Socket, Type};

use agent::Program;
use exporter::Exporter;

fn dial(id: u64, address: SocketAddr) -> Dial {
    Dial {
        id: DialId(id),
        address,
        protocol: Protocol::Tcp,
        kind: Kind::Plain,
        destination: Workload {
            namespace: "sre-demo".to_owned(),
            name: "cartservice".to_owned(),
        },
        from: None,
        every_seconds: 60.0,
        timeout_seconds: 1.0,
        generation: 0,
    }
}

fn plan(revision: u64, dials: Vec<Dial>) -> Answer {
    let revision = Revision(revision);
    Answer {
        ask_again_seconds: 0.2,
        plan: Some(Plan { revision, dials }),
    }
}

fn listener() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Where nobody listens. The socket keeps others from listening there.
fn nobody() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[test]
fn it_asks_dials_and_reports() {
    let (listening, open) = listener();
    let (_silent, closed) = nobody();
    let exporter = Exporter::start(&plan(7, vec![dial(1, open), dial(2, closed)]));
    let program = Program::start(&exporter.flags());
    let first = exporter.report(|_| true);
    assert_eq!((first.revision, first.sightings.len()), (None, 0));
    let (namespace, name) = ("sre-demo".to_owned(), "frontend-1".to_owned());
    let uid = String::new();
    assert_eq!(
        first.agent,
        Agent::Pod(PodName {
            namespace,
            name,
            uid
        })
    );
    for (id, outcome) in [(1, Outcome::Connected), (2, Outcome::Refused)] {
        let sighting = exporter.sighting(DialId(id));
        assert_eq!(sighting.outcome, outcome);
        assert!(sighting.age() < Duration::from_mins(1) && sighting.took() <= sighting.age());
    }
    let told = exporter.report(|report| report.sightings.is_empty() && report.revision.is_some());
    assert_eq!(
        told.revision,
        Some(Revision(7)),
        "what is told is not told again"
    );
    let page = program.page();
    for part in [
        "outcome=\"connected\"} 1",
        "outcome=\"refused\"} 1",
        "destination_workload=\"cartservice\"",
        "reach_agent_sightings_waiting 0",
        "reach_agent_exchanges_total{result=\"unreachable\"} 0",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    drop(listening);
}

#[test]
fn what_something_has_happened_to_is_dialled_at_once() {
    let (_listening, open) = listener();
    let exporter = Exporter::start(&plan(1, vec![dial(1, open)]));
    let _program = Program::start(&exporter.flags());
    // After 0, 1, 2, 4, ... s it keeps to its own pace of 60 s: far apart from what is waited for.
    exporter.sighting(DialId(1));
    let changed = Dial {
        generation: 1,
        ..dial(1, open)
    };
    exporter.answer(&plan(2, vec![changed]));
    let sighting = exporter.find(|sighting| sighting.generation == 1);
    assert_eq!(sighting.outcome, Outcome::Connected);
}

#[test]
fn an_exporter_that_is_away_is_told_later_and_the_page_knows_meanwhile() {
    let (_listening, open) = listener();
    let restless = Dial {
        every_seconds: 1.0,
        ..dial(1, open)
    };
    let mut exporter = Exporter::start(&plan(1, vec![restless]));
    let program = Program::start(&exporter.flags());
    exporter.sighting(DialId(1));
    exporter.go_away();
    program.await_page("reach_agent_exchanges_total{result=\"unreachable\"} 1");
    program.await_page("reach_agent_sightings_waiting 2");
    let page = program.page();
    assert!(page.contains("outcome=\"connected\"} 1"), "{page}");
    assert_eq!(
        program.status("/readyz"),
        200,
        "its pod must not leave its Services"
    );
    exporter.come_back();
    let report = exporter.report(|report| report.sightings.len() > 1);
    let ages: Vec<f64> = report.sightings.iter().map(|it| it.age_seconds).collect();
    assert!(ages.is_sorted_by(|a, b| a >= b), "oldest first: {ages:?}");
}

#[test]
fn a_node_reports_as_a_node() {
    let exporter = Exporter::start(&plan(1, Vec::new()));
    let mut flags = exporter.flags();
    flags.push("--node=server-0".to_owned());
    let _program = Program::start(&flags);
    let report = exporter.report(|_| true);
    assert_eq!(report.agent, Agent::Node("server-0".to_owned()));
}

#[test]
fn wrong_flags_are_refused_with_2_and_say_what_is_wrong() {
    for (flags, part) in [
        (vec!["--exporter.url=http://a"], "--pod.namespace"),
        (vec!["--exporter.url=ftp://a", "--node=n"], "http://"),
        (
            vec!["--exporter.url=https://a", "--node=n"],
            "--exporter.ca-file",
        ),
        (
            vec![
                "--exporter.url=https://a",
                "--node=n",
                "--exporter.ca-file=/none",
            ],
            "/none",
        ),
        (
            vec!["--exporter.url=http://a", "--node=n", "--dial.max-rate=0"],
            "max-rate",
        ),
        (
            vec!["--exporter.url=http://a", "--node=n", "--dial.allow=x"],
            "dial.allow",
        ),
    ] {
        let (code, log) = agent::run(&flags);
        assert_eq!(code, Some(2), "{flags:?}\n{log}");
        assert!(log.contains(part), "{part}\n{log}");
    }
}
