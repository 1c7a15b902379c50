//! Were we right? Verdicts set against what the kubelet really did.

use std::collections::VecDeque;
use std::time::Duration;

/// How predicted and observed kills of one container met. Counts only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// Predicted, and the kubelet did.
    pub both: u64,
    /// Every tick phase said kill, and the kubelet did not.
    pub predicted_only: u64,
    /// The kubelet killed, and no tick phase had said so.
    pub observed_only: u64,
}

/// Pairs predictions with observations that lie close enough.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    predicted: VecDeque<Prediction>,
    observed: VecDeque<Duration>,
    last_met: Option<Duration>,
    agreed: Agreed,
}

/// How close is close enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Tick phases reach the same kill one after another, within this time.
    pub phases: Duration,
    /// A prediction and the observation of the same kill may lie this far apart.
    pub meeting: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Prediction {
    at: Duration,
    /// Whether every tick phase predicted it; a kill that only some phases see may rightly not happen.
    certain: bool,
}

impl Tolerance {
    /// The larger of each.
    #[must_use]
    pub fn wider(self, other: Self) -> Self {
        Self {
            phases: self.phases.max(other.phases),
            meeting: self.meeting.max(other.meeting),
        }
    }
}

impl Agreement {
    /// A kill that some tick phase (or every one, if `certain`) predicts at this time.
    pub fn predict(&mut self, at: Duration, certain: bool, tolerance: Tolerance) {
        if let Some(index) = self
            .observed
            .iter()
            .position(|seen| seen.abs_diff(at) <= tolerance.meeting)
        {
            self.observed.remove(index);
            self.meet(at);
            return;
        }
        let same = |earlier: Duration| earlier.abs_diff(at) <= tolerance.phases;
        if self.last_met.is_some_and(same) {
            return;
        }
        if let Some(known) = self.predicted.iter_mut().find(|earlier| same(earlier.at)) {
            known.certain |= certain;
            return;
        }
        self.predicted.push_back(Prediction { at, certain });
    }

    /// A kill at this time would fit what was measured, though no tick phase of ours had come to it: the kubelet's was ahead.
    /// It can only agree, never be a mistake.
    pub fn admit(&mut self, at: Duration, tolerance: Tolerance) {
        let near = |other: &Duration| other.abs_diff(at) <= tolerance.meeting;
        if self.observed.iter().any(near) || !self.last_met.as_ref().is_some_and(near) {
            self.predict(at, false, tolerance);
        }
    }

    /// A kill by the kubelet at this time.
    pub fn observe(&mut self, at: Duration, tolerance: Tolerance) {
        let near = |prediction: &Prediction| prediction.at.abs_diff(at) <= tolerance.meeting;
        match self
            .predicted
            .iter()
            .position(near)
            .and_then(|index| self.predicted.remove(index))
        {
            Some(prediction) => self.meet(prediction.at),
            None => self.observed.push_back(at),
        }
    }

    fn meet(&mut self, predicted_at: Duration) {
        self.last_met = Some(predicted_at);
        self.agreed.both += 1;
    }

    /// Counts as unmatched what can no longer meet a counterpart.
    pub fn settle(&mut self, now: Duration, tolerance: Tolerance) {
        let over = |at: Duration| now.saturating_sub(at) > tolerance.meeting;
        while let Some(prediction) = self.predicted.pop_front_if(|p| over(p.at)) {
            self.agreed.predicted_only += u64::from(prediction.certain);
        }
        while self.observed.pop_front_if(|at| over(*at)).is_some() {
            self.agreed.observed_only += 1;
        }
    }

    /// The counts so far.
    pub fn agreed(&self) -> Agreed {
        self.agreed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance {
        phases: Duration::from_secs(11),
        meeting: Duration::from_secs(15),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_kill_within_the_tolerance_agrees_in_either_order() {
        let mut agreement = Agreement::default();
        agreement.predict(seconds(100), false, TOLERANCE);
        agreement.observe(seconds(110), TOLERANCE);
        agreement.observe(seconds(200), TOLERANCE);
        agreement.predict(seconds(190), true, TOLERANCE);
        agreement.settle(seconds(500), TOLERANCE);
        assert_eq!(
            agreement.agreed(),
            Agreed {
                both: 2,
                ..Agreed::default()
            }
        );
    }

    #[test]
    fn what_is_admitted_agrees_with_one_kill_and_is_never_a_mistake() {
        let mut agreement = Agreement::default();
        agreement.observe(seconds(100), TOLERANCE);
        agreement.admit(seconds(100), TOLERANCE);
        agreement.admit(seconds(112), TOLERANCE);
        agreement.observe(seconds(114), TOLERANCE);
        agreement.admit(seconds(114), TOLERANCE);
        agreement.admit(seconds(300), TOLERANCE);
        agreement.settle(seconds(500), TOLERANCE);
        assert_eq!(
            agreement.agreed(),
            Agreed {
                both: 2,
                ..Agreed::default()
            }
        );
    }

    #[test]
    fn what_meets_nothing_counts_once_the_tolerance_is_over() {
        let mut agreement = Agreement::default();
        agreement.predict(seconds(100), true, TOLERANCE);
        agreement.observe(seconds(130), TOLERANCE);
        agreement.settle(seconds(110), TOLERANCE);
        assert_eq!(agreement.agreed(), Agreed::default(), "too early to tell");
        agreement.settle(seconds(146), TOLERANCE);
        let apart = Agreed {
            predicted_only: 1,
            observed_only: 1,
            both: 0,
        };
        assert_eq!(agreement.agreed(), apart);
    }

    #[test]
    fn a_kill_that_only_some_phases_predict_is_no_mistake_when_it_stays_out() {
        let mut agreement = Agreement::default();
        agreement.predict(seconds(100), false, TOLERANCE);
        agreement.settle(seconds(500), TOLERANCE);
        assert_eq!(agreement.agreed(), Agreed::default());
    }

    #[test]
    fn phases_that_reach_the_same_kill_are_one_prediction() {
        let mut agreement = Agreement::default();
        agreement.predict(seconds(100), false, TOLERANCE);
        agreement.predict(seconds(105), false, TOLERANCE);
        agreement.predict(seconds(109), true, TOLERANCE);
        agreement.settle(seconds(500), TOLERANCE);
        assert_eq!(agreement.agreed().predicted_only, 1);
    }

    #[test]
    fn phases_that_follow_after_the_kill_was_seen_are_the_same_kill() {
        let mut agreement = Agreement::default();
        agreement.predict(seconds(100), false, TOLERANCE);
        agreement.observe(seconds(101), TOLERANCE);
        agreement.predict(seconds(109), true, TOLERANCE);
        agreement.settle(seconds(500), TOLERANCE);
        assert_eq!(
            agreement.agreed(),
            Agreed {
                both: 1,
                ..Agreed::default()
            }
        );
    }
}
