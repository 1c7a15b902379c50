//! The smallest timeout that would have been safe, and what it costs.

use std::fmt;
use std::time::Duration;

use crate::attempt::{Ending, Phase, Reason, ServingStatus};
use crate::detection::Detection;
use crate::lane::Probe;
use crate::replay::{Replay, replay};
use crate::sample::Sample;
use crate::spec::ProbeSpec;
use crate::verdict::Verdict;

/// When to speak, and how carefully.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Below so many measured samples nothing is said.
    pub minimum_samples: usize,
    /// The share of answers that has to arrive in time with the safety factor on top; 0 to 1.
    pub quantile: f64,
    /// What that answer's time is multiplied by.
    pub safety: f64,
    /// Beyond so many seconds nothing is recommended.
    pub longest_seconds: u32,
}

/// A timeout with which no phase would have been killed (or turned unready), and its price.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// `timeoutSeconds`.
    pub timeout_seconds: u32,
    /// Measured samples it rests on.
    pub samples: usize,
    /// The time within which the policy's share of answers arrived.
    pub quantile: Duration,
    /// What the probe's present numbers would have led to.
    pub now: Replay,
    /// How long a hang goes unnoticed with the present numbers.
    pub detection_now: Detection,
    /// How long it goes unnoticed with the recommended timeout.
    pub detection_then: Detection,
    /// What else there is to know.
    pub notes: Vec<Note>,
}

/// Something to know before following a recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The present timeout does already.
    EnoughAsItIs,
    /// The timeout is longer than the period: attempts follow each other without a pause while they fail.
    LongerThanPeriod {
        /// The period that goes with it.
        period_seconds: u32,
    },
    /// At one second, one lost packet is one failure.
    OneLostSynFails,
    /// Connections that took about as long as a lost SYN makes them.
    LooksLikeLostSyns {
        /// How many.
        samples: usize,
    },
    /// Our samples are no denser than the pod's period, so one phase is all that could be tried.
    OnePhaseOnly,
}

/// Why nothing is recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A rare hang would not be in them.
    #[error("{have} samples are too few: {need} are needed")]
    TooFewSamples {
        /// Measured samples.
        have: usize,
        /// What the policy asks for.
        need: usize,
    },
    /// Waiting longer would not have helped.
    #[error(
        "{failures} of {samples} probes failed for another reason than time (last: {} in phase {}): no timeout helps against that",
        .reason.as_str(), .phase.as_str()
    )]
    NotTimeouts {
        /// Failures that no timeout would have saved.
        failures: usize,
        /// Measured samples.
        samples: usize,
        /// Where the last of them failed.
        phase: Phase,
        /// Why it did.
        reason: Reason,
    },
    /// The answers that matter took longer than we waited.
    #[error("too many attempts were given up before an answer: the time needed is not known")]
    CutTooEarly,
    /// Even the longest timeout that the policy allows would not have been safe.
    #[error(
        "no timeout up to {longest_seconds} s would have been safe: the process hangs, a timeout only hides it"
    )]
    NothingHolds {
        /// The policy's limit.
        longest_seconds: u32,
    },
}

/// The initial retransmission timeout: RFC 6298 section 2.1. Linux sends a lost SYN again after 1 s, then either every
/// second (since 6.5, `tcp_syn_linear_timeouts`) or after 2 s and 4 s more.
const LOST_SYN_DELAYS: [u64; 5] = [1, 2, 3, 4, 7];
/// How much later than the retransmission a connection can be and still look like it.
const LOST_SYN_SLACK: Duration = Duration::from_millis(150);
/// Below one failure in so many, failures that are no timeouts do not stand in the way.
const TOLERATED_OTHERS: usize = 100;

// === impl Policy ===

impl Default for Policy {
    /// 1,000 samples (under three hours at the API's default period), 99.9 % of answers and half as much again.
    fn default() -> Self {
        Self {
            minimum_samples: 1000,
            quantile: 0.999,
            safety: 1.5,
            longest_seconds: 60,
        }
    }
}

/// The smallest whole number of seconds with which no tick phase would have come to a decision, and in which the
/// policy's share of answers, multiplied by its safety factor, fits.
pub fn recommend<I>(
    samples: I,
    probe: &Probe,
    interval: Option<Duration>,
    policy: &Policy,
) -> Result<Recommendation, Refusal>
where
    I: Iterator<Item = Sample> + Clone,
{
    let evidence = Evidence::gather(samples.clone(), &probe.spec);
    let measured = evidence.times.len() + evidence.others;
    if measured < policy.minimum_samples.max(1) {
        return Err(Refusal::TooFewSamples {
            have: measured,
            need: policy.minimum_samples.max(1),
        });
    }
    evidence.admits()?;
    if let Some(refusal) = evidence.not_timeouts() {
        let in_no_time = samples.clone().map(with_time_forgiven);
        if replay(in_no_time, probe, interval).decisions().max > 0 {
            return Err(refusal);
        }
    }
    let quantile = evidence
        .quantile(policy.quantile)
        .ok_or(Refusal::CutTooEarly)?;
    let with = |timeout_seconds| Probe {
        spec: ProbeSpec {
            timeout_seconds,
            ..probe.spec
        },
        ..*probe
    };
    let timeout_seconds = (whole_seconds(quantile, policy.safety)..=policy.longest_seconds)
        .find(|seconds| {
            let replayed = replay(samples.clone(), &with(*seconds), interval);
            replayed.decisions().max == 0
        })
        .ok_or(Refusal::NothingHolds {
            longest_seconds: policy.longest_seconds,
        })?;
    let now = replay(samples, probe, interval);
    Ok(Recommendation {
        timeout_seconds,
        samples: measured,
        quantile,
        detection_now: probe.spec.detection(),
        detection_then: with(timeout_seconds).spec.detection(),
        notes: notes(timeout_seconds, &probe.spec, &now, &evidence),
        now,
    })
}

/// The same sample as it would be if no answer took any time: what fails now fails under every timeout. (A timeout
/// beyond the period may seem to help against refused connections, too, because each of them then uses it up.)
fn with_time_forgiven(sample: Sample) -> Sample {
    match sample.ending() {
        Ending::Answered(ServingStatus::Serving) | Ending::Cut { .. } => Sample::new(
            sample.started_at(),
            Duration::ZERO,
            Duration::ZERO,
            Ending::Answered(ServingStatus::Serving),
        ),
        _ => sample,
    }
}

/// `quantile * safety`, up to the next whole second.
fn whole_seconds(quantile: Duration, safety: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float to integer casts saturate, which is what is wanted"
    )]
    let seconds = (quantile.as_secs_f64() * safety).ceil() as u32;
    seconds.max(1)
}

fn notes(timeout_seconds: u32, spec: &ProbeSpec, now: &Replay, evidence: &Evidence) -> Vec<Note> {
    let period_seconds = timeout_seconds;
    let lost = evidence.like_lost_syns;
    [
        (timeout_seconds == spec.timeout_seconds).then_some(Note::EnoughAsItIs),
        (timeout_seconds > spec.period_seconds)
            .then_some(Note::LongerThanPeriod { period_seconds }),
        (timeout_seconds == 1).then_some(Note::OneLostSynFails),
        (lost > 0).then_some(Note::LooksLikeLostSyns { samples: lost }),
        (now.phases == 1).then_some(Note::OnePhaseOnly),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the samples say about time, and what they say about anything else.
struct Evidence {
    /// Time to SERVING, sorted; `None` stands for attempts that we gave up on and sorts last.
    times: Vec<Option<Duration>>,
    /// Those of them that the present timeout cuts.
    timeouts: usize,
    /// Failures that no timeout would have saved.
    others: usize,
    last_other: Option<(Phase, Reason)>,
    like_lost_syns: usize,
}

// === impl Evidence ===

impl Evidence {
    fn gather(samples: impl Iterator<Item = Sample>, spec: &ProbeSpec) -> Self {
        let mut evidence = Self {
            times: Vec::new(),
            timeouts: 0,
            others: 0,
            last_other: None,
            like_lost_syns: 0,
        };
        for sample in samples {
            let time = match sample.ending() {
                Ending::Failed {
                    reason: Reason::Local,
                    ..
                } => continue,
                Ending::Answered(ServingStatus::Serving) => Some(sample.total()),
                Ending::Cut { .. } => None,
                ending => {
                    evidence.others += 1;
                    evidence.last_other = ending.failure();
                    continue;
                }
            };
            evidence.times.push(time);
            let in_time = sample.verdict(spec.timeout()) == Verdict::Success;
            evidence.timeouts += usize::from(!in_time);
            evidence.like_lost_syns += usize::from(looks_like_lost_syn(sample.establishment()));
        }
        evidence
            .times
            .sort_unstable_by_key(|time| time.unwrap_or(Duration::MAX));
        evidence
    }

    /// Refuses if failures are about something else than time.
    fn admits(&self) -> Result<(), Refusal> {
        let samples = self.times.len() + self.others;
        let mostly_others = self.others > self.timeouts && self.others * TOLERATED_OTHERS > samples;
        if mostly_others || self.times.is_empty() {
            return Err(self.not_timeouts().unwrap_or(Refusal::CutTooEarly));
        }
        Ok(())
    }

    /// The time within which that share of answers arrived; `None` if we did not wait for it.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among samples in memory"
    )]
    fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = (share.clamp(0.0, 1.0) * self.times.len() as f64).ceil() as usize;
        self.times.get(rank.saturating_sub(1)).copied().flatten()
    }

    fn not_timeouts(&self) -> Option<Refusal> {
        let (phase, reason) = self.last_other?;
        Some(Refusal::NotTimeouts {
            failures: self.others,
            samples: self.times.len() + self.others,
            phase,
            reason,
        })
    }
}

fn looks_like_lost_syn(establishment: Duration) -> bool {
    LOST_SYN_DELAYS.into_iter().any(|seconds| {
        establishment
            .checked_sub(Duration::from_secs(seconds))
            .is_some_and(|beyond| beyond < LOST_SYN_SLACK)
    })
}

// === impl Note ===

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnoughAsItIs => formatter.write_str("the present timeout does already"),
            Self::LongerThanPeriod { period_seconds } => write!(
                formatter,
                "raise periodSeconds to at least {period_seconds}, or a failing probe follows the other without a pause"
            ),
            Self::OneLostSynFails => formatter.write_str(
                "at 1 s a single lost SYN fails the probe, because it is sent again only after 1 s (RFC 6298); 2 s outlast one",
            ),
            Self::LooksLikeLostSyns { samples } => write!(
                formatter,
                "{samples} connections took as long as a lost SYN makes them: look at the network before the process"
            ),
            Self::OnePhaseOnly => formatter.write_str(
                "measured no more often than the pod's own period: what other tick phases saw is not known",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ProbeType;
    use proptest::prelude::*;

    const SERVING: Ending = Ending::Answered(ServingStatus::Serving);

    fn probe(probe_type: ProbeType) -> Probe {
        Probe {
            probe_type,
            spec: ProbeSpec::default(),
            pod_grace_seconds: Some(5),
        }
    }

    fn samples(endings: impl IntoIterator<Item = (u64, u64, Ending)>) -> Vec<Sample> {
        (0..)
            .zip(endings)
            .map(|(index, (establishment, total, ending))| {
                Sample::new(
                    Duration::from_secs(1_000_000 + 5 * index),
                    Duration::from_millis(establishment),
                    Duration::from_millis(total),
                    ending,
                )
            })
            .collect()
    }

    /// A thousand quick answers, then these.
    fn quiet_then(endings: &[(u64, u64, Ending)]) -> Vec<Sample> {
        let quiet = std::iter::repeat_n((1, 20, SERVING), 1000);
        samples(quiet.chain(endings.iter().copied()))
    }

    fn ask(samples: &[Sample], probe_type: ProbeType) -> Result<Recommendation, Refusal> {
        let policy = Policy::default();
        recommend(samples.iter().copied(), &probe(probe_type), None, &policy)
    }

    #[test]
    fn a_spike_asks_for_its_length_and_says_what_that_costs() {
        let spike = quiet_then(&[(1, 2700, SERVING); 40]);
        for probe_type in [ProbeType::Liveness, ProbeType::Readiness] {
            let found = ask(&spike, probe_type).unwrap();
            assert_eq!(found.timeout_seconds, 5);
            assert_eq!(found.samples, 1040);
            assert_eq!(found.quantile, Duration::from_millis(2700));
            assert!(found.now.decisions().max > 0);
            assert_eq!(found.detection_now.worst, Duration::from_secs(31));
            assert_eq!(found.detection_then.worst, Duration::from_secs(35));
            assert_eq!(found.notes, []);
        }
    }

    #[test]
    fn a_rare_outlier_that_kills_nobody_needs_no_larger_timeout() {
        let found = ask(&quiet_then(&[(1, 9000, SERVING)]), ProbeType::Liveness).unwrap();
        assert_eq!(found.timeout_seconds, 1);
        assert_eq!(found.notes, [Note::EnoughAsItIs, Note::OneLostSynFails]);
    }

    #[test]
    fn rare_outliers_in_a_row_do() {
        let found = ask(&quiet_then(&[(1, 9000, SERVING); 6]), ProbeType::Liveness).unwrap();
        assert_eq!(found.timeout_seconds, 14);
        let period_seconds = 14;
        assert_eq!(found.notes, [Note::LongerThanPeriod { period_seconds }]);
        // With a share that leaves them out, what would have been killed decides alone.
        let policy = Policy {
            quantile: 0.99,
            ..Policy::default()
        };
        let spike = quiet_then(&[(1, 9000, SERVING); 6]);
        let probe = probe(ProbeType::Liveness);
        let found = recommend(spike.iter().copied(), &probe, None, &policy).unwrap();
        assert_eq!(found.timeout_seconds, 9);
    }

    #[test]
    fn lost_syns_are_recognized() {
        let found = ask(
            &quiet_then(&[(1003, 1020, SERVING); 3]),
            ProbeType::Liveness,
        )
        .unwrap();
        assert!(
            found
                .notes
                .contains(&Note::LooksLikeLostSyns { samples: 3 })
        );
    }

    #[test]
    fn refusals() {
        let cut = Ending::Cut { phase: Phase::Rpc };
        let (phase, reason) = (Phase::Connect, Reason::Refused);
        let refused = Ending::Failed { phase, reason };
        let not_timeouts = |failures| Refusal::NotTimeouts {
            failures,
            samples: 1000 + failures,
            phase,
            reason,
        };
        let table = [
            (
                "few",
                samples(std::iter::repeat_n((1, 20, SERVING), 999)),
                Refusal::TooFewSamples {
                    have: 999,
                    need: 1000,
                },
            ),
            (
                "mostly refused",
                quiet_then(&[(1, 1, refused); 30]),
                not_timeouts(30),
            ),
            (
                "refused seldom, but long enough to kill",
                quiet_then(&[(1, 1, refused); 8]),
                not_timeouts(8),
            ),
            (
                "given up too early",
                quiet_then(&[(1, 5000, cut); 10]),
                Refusal::CutTooEarly,
            ),
            (
                "hangs",
                quiet_then(&[(1, 50_000, SERVING); 10]),
                Refusal::NothingHolds {
                    longest_seconds: 60,
                },
            ),
            (
                "nothing but cuts",
                samples(std::iter::repeat_n((1, 5000, cut), 1000)),
                Refusal::CutTooEarly,
            ),
        ];
        for (name, samples, refusal) in table {
            assert_eq!(ask(&samples, ProbeType::Liveness), Err(refusal), "{name}");
        }
    }

    #[test]
    fn our_own_failures_are_no_evidence() {
        let (phase, reason) = (Phase::Connect, Reason::Local);
        let local = Ending::Failed { phase, reason };
        let found = ask(&quiet_then(&[(1, 1, local); 500]), ProbeType::Liveness).unwrap();
        assert_eq!((found.timeout_seconds, found.samples), (1, 1000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_recommended_holds_and_a_second_less_does_not(
            latencies in prop::collection::vec(prop_oneof![4 => 1_u64..800, 1 => 800_u64..9000], 60..200),
        ) {
            let policy = Policy { minimum_samples: 50, quantile: 0.9, safety: 1.2, ..Policy::default() };
            let samples = samples(latencies.iter().map(|latency| (1, *latency, SERVING)));
            let probe = probe(ProbeType::Liveness);
            let found = recommend(samples.iter().copied(), &probe, None, &policy).unwrap();
            let kills = |timeout_seconds| {
                let spec = ProbeSpec { timeout_seconds, ..probe.spec };
                replay(samples.iter().copied(), &Probe { spec, ..probe }, None).kills.max
            };
            prop_assert_eq!(kills(found.timeout_seconds), 0);
            let least = whole_seconds(found.quantile, policy.safety);
            prop_assert!(found.timeout_seconds >= least);
            if found.timeout_seconds > least {
                prop_assert!(kills(found.timeout_seconds - 1) > 0);
            }
        }
    }
}
