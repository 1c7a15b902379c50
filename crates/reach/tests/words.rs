//! What is written on the wire, and what is made of nonsense.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::time::Duration;

use proptest::prelude::*;
use reach::{
    Agent, Answer, Dial, DialFault, DialId, Kind, MOST_DIALS, MOST_PEERS, MOST_SIGHTINGS, Outcome,
    Peer, Plan, PlanFault, PodName, Protocol, Report, ReportFault, Revision, Sighting,
};

const ANSWER: &str = r#"{
  "ask_again_seconds": 1.0,
  "plan": {
    "revision": 7,
    "dials": [{
      "id": 15,
      "address": "10.244.1.7:8080",
      "protocol": "TCP",
      "kind": "grpc",
      "destination": {"namespace": "sre-demo", "name": "emailservice"},
      "every_seconds": 30.0,
      "timeout_seconds": 2.0,
      "generation": 3
    }]
  }
}"#;

const REPORT: &str = r#"{
  "agent": {"pod": {"namespace": "sre-demo", "name": "checkoutservice-1", "uid": "0d1e"}},
  "revision": 7,
  "sightings": [{
    "dial": 15,
    "generation": 3,
    "outcome": "timed_out",
    "took_seconds": 2.0,
    "age_seconds": 2.25
  }]
}"#;

fn plan() -> Plan {
    let answer: Answer = serde_json::from_str(ANSWER).unwrap();
    answer.plan.unwrap()
}

fn report() -> Report {
    serde_json::from_str(REPORT).unwrap()
}

#[test]
fn an_answer_and_a_report_read_as_documented() {
    let dial = plan().dials.remove(0);
    assert_eq!((dial.protocol, dial.kind), (Protocol::Tcp, Kind::Grpc));
    assert_eq!(dial.check(), Ok(()));
    assert_eq!(dial.every(), Duration::from_secs(30));
    let report = report();
    assert_eq!(report.revision, Some(Revision(7)));
    assert_eq!(report.sightings[0].outcome, Outcome::TimedOut);
    assert_eq!(report.check(), Ok(()));
    let written = serde_json::to_string(&report).unwrap();
    assert_eq!(written, compact(REPORT));
    let answer: Answer = serde_json::from_str(ANSWER).unwrap();
    assert_eq!(serde_json::to_string(&answer).unwrap(), compact(ANSWER));
}

fn compact(text: &str) -> String {
    text.replace([' ', '\n'], "")
}

#[test]
fn whom_the_application_dials_is_said_by_whoever_looks() {
    let peers = r#","peers":[{"address":"10.96.0.7:7070","connected":true,"age_seconds":1.5}]}"#;
    let looking = compact(REPORT).strip_suffix('}').unwrap().to_owned() + peers;
    let report: Report = serde_json::from_str(&looking).unwrap();
    assert_eq!(report.check(), Ok(()));
    let peer = report.peers[0];
    assert_eq!(peer.address, "10.96.0.7:7070".parse().unwrap());
    assert_eq!(peer.age(), Duration::from_millis(1500));
    assert_eq!(serde_json::to_string(&report).unwrap(), looking);
}

#[test]
fn words_of_a_newer_side_are_passed_over() {
    let newer = ANSWER
        .replace("\"grpc\"", "\"quic\"")
        .replace("\"TCP\"", "\"SCTP\"")
        .replace("\"generation\": 3", "\"mood\": [\"calm\"]");
    let answer: Answer = serde_json::from_str(&newer).unwrap();
    let (plan, faults) = answer.plan.unwrap().checked();
    assert!(plan.dials.is_empty());
    let fault = DialFault::Unknown;
    assert_eq!(
        faults,
        [PlanFault::Dial {
            id: DialId(15),
            fault
        }]
    );
    let newer = REPORT.replace("timed_out", "teleported");
    let report: Report = serde_json::from_str(&newer).unwrap();
    assert_eq!(report.sightings[0].outcome, Outcome::Unknown);
}

#[test]
fn one_bad_dial_hides_no_other() {
    let good = plan().dials.remove(0);
    let nobody = Dial {
        id: DialId(16),
        address: "0.0.0.0:1".parse().unwrap(),
        ..good.clone()
    };
    let again = Dial {
        every_seconds: 60.0,
        ..good.clone()
    };
    let other = Dial {
        id: DialId(17),
        ..good.clone()
    };
    let dials = vec![good.clone(), nobody, again, other.clone()];
    let revision = Revision(1);
    let (kept, faults) = Plan { revision, dials }.checked();
    assert_eq!(kept.dials, [good, other]);
    let fault = DialFault::Address;
    assert_eq!(
        faults,
        [
            PlanFault::Dial {
                id: DialId(16),
                fault
            },
            PlanFault::Twice(DialId(15))
        ]
    );
}

#[test]
fn a_plan_without_end_has_one() {
    let one = plan().dials.remove(0);
    let numbered = |id| Dial {
        id: DialId(id),
        ..one.clone()
    };
    let dials = (0..MOST_DIALS as u64 + 5).map(numbered).collect();
    let revision = Revision(1);
    let (kept, faults) = Plan { revision, dials }.checked();
    assert_eq!(
        (kept.dials.len(), faults),
        (MOST_DIALS, vec![PlanFault::TooMany(5)])
    );
}

#[test]
fn a_report_of_nobody_or_without_end_is_refused() {
    let of = |agent| Report { agent, ..report() }.check();
    assert_eq!(of(Agent::Node("server-0".to_owned())), Ok(()));
    assert_eq!(of(Agent::Node("a\nb".to_owned())), Err(ReportFault::Name));
    let (namespace, name, uid) = ("sre-demo".to_owned(), String::new(), String::new());
    let nameless = PodName {
        namespace,
        name,
        uid,
    };
    assert_eq!(of(Agent::Pod(nameless)), Err(ReportFault::Name));
    let sightings = vec![report().sightings[0]; MOST_SIGHTINGS + 1];
    let long = Report {
        sightings,
        ..report()
    };
    assert_eq!(long.check(), Err(ReportFault::TooMany));
    let peer = Peer {
        address: "10.0.0.1:80".parse().unwrap(),
        connected: true,
        age_seconds: 0.0,
    };
    let peers = vec![peer; MOST_PEERS + 1];
    let long = Report { peers, ..report() };
    assert_eq!(long.check(), Err(ReportFault::TooManyPeers));
}

#[test]
fn nothing_is_fresh_by_a_trick() {
    for age_seconds in [-1.0, f64::NAN, f64::NEG_INFINITY, f64::INFINITY, 1e300] {
        let sighting = Sighting {
            age_seconds,
            ..report().sightings[0]
        };
        assert!(sighting.age() > Duration::from_hours(24), "{age_seconds}");
    }
    let sighting = Sighting {
        age_seconds: 0.5,
        took_seconds: 9.0,
        ..report().sightings[0]
    };
    assert_eq!(sighting.took(), Duration::from_millis(500));
}

proptest! {
    #[test]
    fn no_number_makes_it_panic(any in any::<f64>()) {
        let answer = Answer { ask_again_seconds: any, plan: None };
        let again = answer.ask_again();
        prop_assert!(again >= Duration::from_millis(200) && again <= Duration::from_mins(5));
        let sighting = Sighting { age_seconds: any, took_seconds: any, ..report().sightings[0] };
        prop_assert!(sighting.took() <= sighting.age());
        let dial = Dial { every_seconds: any, timeout_seconds: any, ..plan().dials.remove(0) };
        let _ = (dial.check(), dial.every(), dial.timeout());
    }
}
