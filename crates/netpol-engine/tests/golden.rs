//! Both engines against the golden corpus: what an evaluator on Kubernetes' own selectors, defaults and checks, and
//! cyclonus beside it, made of made-up policies. `tests/oracle/netpol` writes it.

#[path = "corpus/scenario.rs"]
mod scenario;

use std::io::Read;

use scenario::{Outcome, Scenario};

const GOLDEN: &[u8] = include_bytes!("golden/verdicts.jsonl.gz");

#[test]
fn both_engines_say_what_the_oracle_says() {
    let mut text = String::new();
    flate2::read::GzDecoder::new(GOLDEN)
        .read_to_string(&mut text)
        .expect("a broken golden file is a failed test");
    let mut outcome = Outcome::default();
    let mut scenarios = 0;
    for line in text.lines() {
        Scenario::read(line).compare(&mut outcome);
        scenarios += 1;
    }
    assert!(
        outcome.differences.is_empty(),
        "{:#?}",
        &outcome.differences[..outcome.differences.len().min(5)]
    );
    let Outcome {
        verdicts,
        allowed,
        refused,
        ..
    } = outcome;
    println!("{scenarios} scenarios, {verdicts} verdicts, {allowed} allowed, {refused} refused");
    // A corpus in which nothing happens would prove nothing.
    assert!(scenarios >= 40 && verdicts > 50_000 && refused >= 20);
    assert!(allowed > verdicts / 10 && allowed < verdicts / 10 * 9);
}
