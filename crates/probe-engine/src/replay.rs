//! Offline: what would the kubelet have done with these samples under any settings, over all tick phases?

use std::time::Duration;

use crate::lane::{self, Container, Lane, Probe, Tally};
use crate::sample::Sample;
use crate::spec::ProbeType;
use crate::verdict::Verdict;

/// A count over all tick phases, with whatever is unknown taken at its best and at its worst.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The luckiest phase.
    pub min: u64,
    /// All phases alike.
    pub mean: f64,
    /// The unluckiest phase.
    pub max: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Replay {
    /// Samples that were replayed.
    pub samples: usize,
    /// Typical distance between two samples.
    pub interval: Duration,
    /// Tick phases that were tried. One means that the samples are no denser than the period: then each stands for a
    /// tick, and what other phases would have seen is not in them.
    pub phases: usize,
    /// Kill decisions: liveness and startup only.
    pub kills: Spread,
    /// Turns from ready to unready: readiness only.
    pub unready: Spread,
    /// Runs of failures that ended short of the threshold.
    pub near_misses: Spread,
    /// Samples that fail for certain under this budget.
    pub failures: usize,
    /// Samples that were cut before this budget: best and worst differ by them.
    pub unknown: usize,
    /// Samples that our own side spoilt.
    pub unmeasured: usize,
    /// The earliest decision in any phase, since the Unix epoch.
    pub first_decision: Option<Duration>,
}

/// Replays samples, in the order in which their attempts began, under the given probe.
///
/// Counts of kills under different settings compare well while they are few. From the fourth on, the restart back-off
/// shields a container that is killed often: with a larger budget it may be killed later and in the end more often.
///
/// `interval` is how far the samples were meant to be apart; without it, the median of their distances is taken.
pub fn replay<I>(samples: I, probe: &Probe, interval: Option<Duration>) -> Replay
where
    I: Iterator<Item = Sample> + Clone,
{
    let interval = interval.unwrap_or_else(|| median_distance(samples.clone()));
    let mut replay = Replay {
        interval,
        phases: lane::phases(probe.spec.period(), interval),
        ..Replay::default()
    };
    for sample in samples.clone() {
        replay.samples += 1;
        match sample.verdict(probe.spec.timeout()) {
            Verdict::Success => {}
            Verdict::Failure(_) => replay.failures += 1,
            Verdict::Unknown => replay.unknown += 1,
            Verdict::Unmeasured => replay.unmeasured += 1,
        }
    }
    // Most windows of most targets: nothing to follow.
    if replay.failures + replay.unknown == 0 {
        return replay;
    }
    // Recordings say nothing of the container: it has been running for long, and a startup probe is under way.
    let container = Container {
        started: probe.probe_type != ProbeType::Startup,
        ..Container::default()
    };
    let mut lanes = Vec::new();
    for sample in samples {
        if lanes.is_empty() {
            lanes = lane::lanes(
                probe,
                interval,
                sample.started_at(),
                Duration::ZERO,
                Duration::ZERO,
            );
        }
        for lane in &mut lanes {
            lane.offer(sample, probe, Some(container));
        }
    }
    replay.kills = spread(&lanes, |tally| tally.kills);
    replay.unready = spread(&lanes, |tally| tally.unready);
    replay.near_misses = spread(&lanes, |tally| tally.near_misses);
    replay.first_decision = lanes
        .iter()
        .flat_map(|lane| &lane.worlds)
        .filter_map(|world| world.first_decision)
        .min();
    replay
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a mean of counts far below 2^52"
)]
fn spread(lanes: &[Lane], count: fn(&Tally) -> u64) -> Spread {
    let counts = || {
        lanes
            .iter()
            .flat_map(|lane| &lane.worlds)
            .map(|world| count(&world.tally))
    };
    let worlds = counts().count().max(1);
    Spread {
        min: counts().min().unwrap_or(0),
        mean: counts().sum::<u64>() as f64 / worlds as f64,
        max: counts().max().unwrap_or(0),
    }
}

/// The median, so that gaps and bursts do not count.
fn median_distance(samples: impl Iterator<Item = Sample> + Clone) -> Duration {
    let following = samples.clone().skip(1);
    let mut distances: Vec<_> = samples
        .zip(following)
        .map(|(sample, next)| next.started_at().saturating_sub(sample.started_at()))
        .collect();
    let middle = distances.len() / 2;
    if distances.is_empty() {
        return Duration::MAX;
    }
    *distances.select_nth_unstable(middle).1
}

// === impl Replay ===

impl Replay {
    /// What the probe's failing leads to, whichever type it is: kills, or turns to unready.
    pub fn decisions(&self) -> Spread {
        if self.kills.max > 0 {
            self.kills
        } else {
            self.unready
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{Ending, ServingStatus};
    use crate::spec::ProbeSpec;
    use proptest::prelude::*;

    fn probe(timeout_seconds: u32, period_seconds: u32, failure_threshold: u32) -> Probe {
        Probe {
            probe_type: ProbeType::Liveness,
            spec: ProbeSpec {
                timeout_seconds,
                period_seconds,
                failure_threshold,
                ..ProbeSpec::default()
            },
            pod_grace_seconds: Some(5),
        }
    }

    /// Samples that many seconds apart with these latencies in milliseconds.
    fn samples(interval: u64, latencies: &[u64]) -> Vec<Sample> {
        (0..)
            .zip(latencies)
            .map(|(index, latency)| {
                Sample::new(
                    Duration::from_secs(1_000_000 + interval * index),
                    Duration::ZERO,
                    Duration::from_millis(*latency),
                    Ending::Answered(ServingStatus::Serving),
                )
            })
            .collect()
    }

    #[test]
    fn the_day_of_cartservice_under_its_own_and_under_the_mended_budget() {
        // A load spike of two minutes, seen every 5 s: up to 3 s an answer.
        let mut latencies = vec![20; 100];
        latencies.extend([900, 1200, 2900, 1800, 2500, 3000].repeat(4));
        latencies.extend([20; 100]);
        let samples = samples(5, &latencies);
        let own = replay(samples.iter().copied(), &probe(1, 10, 3), None);
        assert_eq!((own.interval, own.phases), (Duration::from_secs(5), 2));
        assert_eq!((own.kills.min, own.kills.max), (0, 4));
        assert!((own.kills.mean - 2.0).abs() < 1e-9);
        let mended = replay(samples.iter().copied(), &probe(5, 15, 5), None);
        assert_eq!(mended.phases, 3);
        assert_eq!(mended.kills, Spread::default());
        assert_eq!(mended.failures, 0);
    }

    #[test]
    fn the_first_decision_comes_a_timeout_after_the_last_failing_tick() {
        let samples = samples(10, &[5, 2000, 2000, 2000, 5]);
        let replayed = replay(samples.iter().copied(), &probe(1, 10, 3), None);
        assert_eq!(
            replayed.first_decision,
            Some(Duration::from_secs(1_000_000 + 30 + 1))
        );
    }

    #[test]
    fn a_shorter_period_than_the_recording_has_one_phase() {
        let samples = samples(10, &[2000; 3]);
        let replayed = replay(samples.iter().copied(), &probe(1, 2, 3), None);
        assert_eq!((replayed.phases, replayed.kills.max), (1, 1));
    }

    #[test]
    fn nothing_and_next_to_nothing_can_be_replayed() {
        assert_eq!(
            replay([].iter().copied(), &probe(1, 10, 1), None).samples,
            0
        );
        let one = samples(1, &[9000]);
        assert_eq!(
            replay(one.iter().copied(), &probe(1, 10, 1), None)
                .kills
                .max,
            1
        );
        let same = [one[0]; 5];
        assert!(
            replay(same.iter().copied(), &probe(1, 10, 1), None)
                .kills
                .max
                >= 1
        );
    }

    proptest! {
        #[test]
        fn a_larger_timeout_never_kills_where_a_smaller_one_did_not_nor_earlier(
            latencies in prop::collection::vec(
                prop_oneof![3 => 1_u64..900, 2 => 900_u64..6000], 1..150),
            interval in prop::sample::select(vec![2_u64, 5, 10]),
            failure_threshold in 1_u32..5,
            timeout in 1_u32..6,
        ) {
            let samples = samples(interval, &latencies);
            let smaller = replay(samples.iter().copied(), &probe(timeout, 10, failure_threshold), None);
            let larger = replay(samples.iter().copied(), &probe(timeout + 1, 10, failure_threshold), None);
            prop_assert!(larger.failures <= smaller.failures);
            prop_assert!(smaller.kills.min <= smaller.kills.max);
            // The back-off shields from the fourth kill on, and more so where kills came faster.
            prop_assert!(larger.kills.max.min(3) <= smaller.kills.max.min(3), "{:?} {:?}", smaller, larger);
            prop_assert!(larger.kills.min.min(3) <= smaller.kills.min.min(3), "{:?} {:?}", smaller, larger);
            if let Some(decision) = larger.first_decision {
                prop_assert!(smaller.first_decision.is_some_and(|earlier| earlier < decision));
            }
        }

        #[test]
        fn a_higher_threshold_kills_no_more_often(
            latencies in prop::collection::vec(prop_oneof![1 => Just(5_u64), 1 => Just(1500)], 1..150),
            failure_threshold in 1_u32..5,
        ) {
            let samples = samples(10, &latencies);
            let kills = |threshold| replay(samples.iter().copied(), &probe(1, 10, threshold), None).kills.max.min(3);
            prop_assert!(kills(failure_threshold + 1) <= kills(failure_threshold));
        }
    }
}
