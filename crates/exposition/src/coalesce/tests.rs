use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;

#[test]
fn those_who_come_meanwhile_share_the_answer_and_those_after_do_not() {
    let flights = Flights::default();
    let answers_made = AtomicUsize::new(0);
    let make = |until_waiting: usize| {
        flights.until_waiting(&"page", until_waiting);
        Bytes::from(answers_made.fetch_add(1, Ordering::SeqCst).to_string())
    };
    let answers: Vec<Bytes> = thread::scope(|scope| {
        // Whoever is first makes the answer and lets go once all others wait for it.
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| flights.share("page", || make(7))))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(answers, vec![Bytes::from("0"); 8]);
    assert_eq!(flights.share("page", || make(0)), "1");
    assert!(flights.0.lock().is_empty(), "nothing is kept");
}

#[test]
fn different_questions_do_not_wait_for_each_other() {
    let flights = Flights::default();
    let answer = flights.share("outer", || flights.share("inner", || Bytes::from("inner")));
    assert_eq!(answer, "inner");
}

#[test]
fn a_maker_that_panics_strands_nobody() {
    let flights = Flights::default();
    let first = AtomicUsize::new(0);
    let make = &|| {
        if first.fetch_add(1, Ordering::SeqCst) == 0 {
            flights.until_waiting(&(), 1);
            panic!("on purpose");
        }
        Bytes::from("second try")
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| flights.share((), make)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(drop))
            .collect()
    });
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_err()).count(),
        1
    );
    assert!(outcomes.contains(&Ok(Bytes::from("second try"))));
}
