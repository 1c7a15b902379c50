//! Attempts in the order in which they began.
//!
//! An attempt that hangs is told after later ones that did not, yet the kubelet's rules count runs in the
//! order of the ticks. So each attempt waits here until all that began before it are decided.

use std::collections::VecDeque;
use std::time::Duration;

use probe_engine::Attempt;

/// The attempts of one target that are not yet in order.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    waiting: VecDeque<Slot>,
}

#[derive(Clone, Debug)]
struct Slot {
    started_at: Duration,
    decided: Option<Attempt>,
}

impl Sequence {
    /// An attempt began; later than all before it.
    pub fn start(&mut self, started_at: Duration) {
        if self.waiting.len() == self.waiting.capacity() {
            // One is under way mostly, and one beyond its budget.
            self.waiting.reserve_exact(1);
        }
        self.waiting.push_back(Slot {
            started_at,
            decided: None,
        });
    }

    /// An attempt's verdict is in: it ended, or its budget did. The second word on one attempt is ignored.
    pub fn decide(&mut self, attempt: &Attempt) {
        let slot = self
            .waiting
            .iter_mut()
            .find(|slot| slot.started_at == attempt.started_at);
        if let Some(slot) = slot {
            slot.decided.get_or_insert(*attempt);
        }
    }

    /// An attempt was abandoned: nobody need wait for it.
    pub fn forget(&mut self, started_at: Duration) {
        self.waiting
            .retain(|slot| slot.started_at != started_at || slot.decided.is_some());
    }

    /// The next attempt for which nothing earlier is outstanding.
    pub fn take(&mut self) -> Option<Attempt> {
        self.waiting.front()?.decided?;
        self.waiting.pop_front()?.decided
    }
}

#[cfg(test)]
mod tests {
    use probe_engine::{Ending, Phase, PhaseDurations, ServingStatus};

    use super::*;

    fn attempt(second: u64, ending: Ending) -> Attempt {
        let started_at = Duration::from_secs(second);
        Attempt {
            started_at,
            phases: PhaseDurations::default(),
            ending,
        }
    }

    const SERVING: Ending = Ending::Answered(ServingStatus::Serving);
    const CUT: Ending = Ending::Cut { phase: Phase::Rpc };

    fn drain(sequence: &mut Sequence) -> Vec<(u64, Ending)> {
        std::iter::from_fn(|| sequence.take())
            .map(|attempt| (attempt.started_at.as_secs(), attempt.ending))
            .collect()
    }

    #[test]
    fn a_late_answer_holds_back_those_that_began_after_it() {
        let mut sequence = Sequence::default();
        (1..=3).for_each(|second| sequence.start(Duration::from_secs(second)));
        sequence.decide(&attempt(2, SERVING));
        assert_eq!(drain(&mut sequence), []);
        sequence.decide(&attempt(1, CUT));
        assert_eq!(drain(&mut sequence), [(1, CUT), (2, SERVING)]);
        sequence.decide(&attempt(1, SERVING));
        assert_eq!(drain(&mut sequence), [], "its budget was the last word");
    }

    #[test]
    fn an_abandoned_attempt_holds_back_nobody() {
        let mut sequence = Sequence::default();
        sequence.start(Duration::from_secs(1));
        sequence.start(Duration::from_secs(2));
        sequence.decide(&attempt(2, SERVING));
        sequence.forget(Duration::from_secs(1));
        assert_eq!(drain(&mut sequence), [(2, SERVING)]);
    }
}
