//! An exporter in the wrong hands.

use reach::{Answer, Dial, DialId, Kind, MOST_DIALS, Plan, Revision};

use crate::agent::Program;
use crate::exporter::Exporter;
use crate::{dial, listener, plan};

#[test]
fn what_is_not_an_answer_changes_nothing() {
    let (_listening, open) = listener();
    let exporter = Exporter::start(&plan(1, vec![dial(1, open)]));
    let program = Program::start(&exporter.flags());
    exporter.sighting(DialId(1));
    let endless = vec![b' '; reach::LARGEST_ANSWER + 1];
    for (number, bytes) in [b"{".to_vec(), b"[]".to_vec(), Vec::new(), endless]
        .into_iter()
        .enumerate()
    {
        exporter.answer_bytes(bytes);
        let counted = format!(
            "reach_agent_exchanges_total{{result=\"garbled\"}} {}",
            number + 1
        );
        program.await_page(&counted);
    }
    assert!(program.page().contains("outcome=\"connected\"} 1"));
}

#[test]
fn a_plan_without_end_is_cut_and_its_nonsense_left_out() {
    let (_listening, open) = listener();
    let nobody = "0.0.0.0:80".parse().unwrap();
    let mut dials: Vec<Dial> = (0..MOST_DIALS as u64 + 100)
        .map(|id| dial(id, open))
        .collect();
    dials[3].kind = Kind::Unknown;
    dials[4].address = nobody;
    dials[5].id = DialId(6);
    dials[7].every_seconds = 0.0;
    dials[8].destination.name = "a\"} 1\nup{x=\"".to_owned();
    let exporter = Exporter::start(&plan(1, dials));
    let program = Program::start(&exporter.flags());
    program.await_page("reach_agent_plan_dials_refused 105");
    exporter.sighting(DialId(1));
    assert!(!program.page().contains("up{x="));
}

#[test]
fn nothing_is_dialled_that_the_flags_do_not_allow() {
    let (listening, open) = listener();
    listening.set_nonblocking(true).unwrap();
    let inside = dial(1, "127.0.0.1:1".parse().unwrap());
    let exporter = Exporter::start(&plan(1, vec![inside, dial(2, open)]));
    let mut flags = exporter.flags();
    flags.push("--dial.allow=10.0.0.0/8".to_owned());
    let program = Program::without_loopback(&flags);
    let sighting = exporter.sighting(DialId(2));
    assert_eq!(sighting.outcome, reach::Outcome::Unable);
    assert!(listening.accept().is_err(), "it was dialled");
    assert!(program.page().contains("outcome=\"unable\"} 1"));
}

#[test]
fn an_exporter_that_wants_to_be_asked_all_the_time_is_not() {
    let (_listening, open) = listener();
    let exporter = Exporter::start(&Answer {
        ask_again_seconds: -1.0,
        plan: Some(Plan {
            revision: Revision(1),
            dials: vec![dial(1, open)],
        }),
    });
    let program = Program::start(&exporter.flags());
    exporter.sighting(DialId(1));
    assert_eq!(program.status("/livez"), 200);
}
