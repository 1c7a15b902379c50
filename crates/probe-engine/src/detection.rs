//! How long it takes the kubelet to decide that a container hangs: the price of a larger budget.

use std::time::Duration;

use crate::spec::ProbeSpec;

/// The shortest and the longest time to the decision, by where the ticks happen to fall. The grace period of the
/// kill comes on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The first failing probe begins at once.
    pub best: Duration,
    /// It begins a whole period later.
    pub worst: Duration,
}

// === impl ProbeSpec ===

impl ProbeSpec {
    /// From the moment a container that was well goes silent.
    ///
    /// At best the next tick falls right then, at worst one has just passed; then all but one of the failures
    /// a step apart, then the last timeout. A step is the period, or the timeout where that is longer: the worker
    /// does nothing else meanwhile (see [`Ticker`](crate::Ticker)).
    pub fn detection(&self) -> Detection {
        let steps = self.failure_threshold.saturating_sub(1);
        let best = self.period().max(self.timeout()) * steps + self.timeout();
        Detection {
            best,
            worst: best + self.period(),
        }
    }

    /// From the start of a container that is silent from the beginning: the initial delay goes before.
    pub fn detection_from_start(&self) -> Detection {
        let Detection { best, worst } = self.detection();
        Detection {
            best: self.initial_delay() + best,
            worst: self.initial_delay() + worst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ProbeType;
    use crate::ticker::Ticker;
    use crate::worker::{ContainerState, ContainerView, PodView, ProbeResult, Step, Worker};
    use proptest::prelude::*;

    const START: Duration = Duration::from_secs(1000);

    /// Lets the worker itself run against a container that is silent from `silent` on, and gives when it decides.
    fn decided_at(spec: &ProbeSpec, first_tick: Duration, silent: Duration) -> Duration {
        let pod = PodView {
            finished: false,
            deleting: false,
            container: Some(ContainerView {
                id: 1,
                state: ContainerState::Running { started_at: START },
                started: true,
            }),
        };
        let mut worker = Worker::new(ProbeType::Liveness, spec);
        let mut ticker = Ticker::new(first_tick, spec.period());
        loop {
            let now = ticker.due();
            let mut busy = Duration::ZERO;
            if worker.begin(Some(&pod), now) == Step::Probe {
                let result = if now < silent {
                    ProbeResult::Success
                } else {
                    busy = spec.timeout();
                    ProbeResult::Failure
                };
                if worker.conclude(result) == Some(ProbeResult::Failure) {
                    return now + busy;
                }
            }
            ticker.advance(busy);
        }
    }

    /// The extremes over ticks in every millisecond of a period.
    fn extremes(spec: &ProbeSpec, silent: Duration) -> (Duration, Duration) {
        let phases = 0..spec.period_seconds * 100;
        let decided =
            phases.map(|phase| decided_at(spec, START + Duration::from_millis(10) * phase, silent));
        let decided: Vec<_> = decided.map(|at| at.saturating_sub(silent)).collect();
        (
            *decided.iter().min().unwrap(),
            *decided.iter().max().unwrap(),
        )
    }

    #[test]
    fn cartservice_dies_36_to_46_seconds_after_a_silent_start_and_21_to_31_after_a_later_hang() {
        let spec = ProbeSpec {
            initial_delay_seconds: 15,
            ..ProbeSpec::default()
        };
        let seconds = Duration::from_secs;
        let from_start = spec.detection_from_start();
        assert_eq!(
            (from_start.best, from_start.worst),
            (seconds(36), seconds(46))
        );
        let later = spec.detection();
        assert_eq!((later.best, later.worst), (seconds(21), seconds(31)));

        // The worker agrees, but for the hundredth of a second that the last phase is short of a period.
        let hundredth = Duration::from_millis(10);
        let (best, worst) = extremes(&spec, START);
        assert_eq!((best, worst + hundredth), (seconds(36), seconds(46)));
        let (best, worst) = extremes(&spec, START + seconds(100));
        assert_eq!((best, worst + hundredth), (seconds(21), seconds(31)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_closed_form_is_what_the_worker_does(
            timeout_seconds in 1_u32..8,
            period_seconds in 1_u32..6,
            failure_threshold in 1_u32..6,
        ) {
            let spec = ProbeSpec { timeout_seconds, period_seconds, failure_threshold, ..ProbeSpec::default() };
            let (best, worst) = extremes(&spec, START + Duration::from_mins(1));
            let expected = spec.detection();
            prop_assert_eq!(best, expected.best);
            prop_assert_eq!(worst + Duration::from_millis(10), expected.worst);
        }
    }
}
