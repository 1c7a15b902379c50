//! Reads scenarios of `tests/oracle/netpol`, one a line, and says on how many verdicts it agrees. Ends with 1 if there is a
//! difference.
#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

#[path = "../tests/corpus/scenario.rs"]
mod scenario;

use std::process::ExitCode;

use scenario::{Outcome, Scenario};

const SHOWN: usize = 10;

fn main() -> ExitCode {
    let mut outcome = Outcome::default();
    let mut last = 0;
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let scenario = Scenario::read(&line);
        last = scenario.seed;
        scenario.compare(&mut outcome);
    }
    for difference in outcome.differences.iter().take(SHOWN) {
        println!("{difference}");
    }
    println!(
        "the last seed was {last}, {} verdicts were allowed",
        outcome.allowed
    );
    println!("figure netpol_verdicts {}", outcome.verdicts);
    println!("figure netpol_refusals {}", outcome.refused);
    println!("figure netpol_differences {}", outcome.differences.len());
    ExitCode::from(u8::from(!outcome.differences.is_empty()))
}
