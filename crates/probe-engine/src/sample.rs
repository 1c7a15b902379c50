//! An attempt in twelve bytes, so that hours of them fit beside thousands of targets.

use std::time::Duration;

use crate::attempt::{Attempt, Ending, Phase, Reason, ServingStatus};
use crate::verdict::{self, Verdict};

/// What replay needs of an [`Attempt`]: when, how long until SETTINGS, how long in all, and how it ended.
///
/// Durations are whole milliseconds, rounded up: `x <= n s` and `round_up(x) <= n s` agree for every whole number
/// of seconds, so verdicts under any budget that the API knows are exact. Where we gave up, the total is a lower
/// bound and is rounded down, for the same reason. They saturate at about 70 minutes.
///
/// Layout, from the lowest bit: 42 bits of milliseconds since the epoch (until the year 2109), 22 bits until
/// SETTINGS, 22 bits in all, 8 bits of ending.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sample([u32; 3]);

const TIME_BITS: u32 = 42;
const DURATION_BITS: u32 = 22;

// === impl Sample ===

impl Sample {
    /// The longest duration a sample can hold; a longer one is held as this.
    pub const LONGEST: Duration = Duration::from_millis((1 << DURATION_BITS) - 1);

    /// Packs the three figures and the ending.
    pub fn new(
        started_at: Duration,
        establishment: Duration,
        total: Duration,
        ending: Ending,
    ) -> Self {
        let time = started_at.as_millis().min((1 << TIME_BITS) - 1);
        let total = match ending {
            Ending::Cut { .. } => total.as_millis().min(Self::LONGEST.as_millis()),
            _ => round_up(total),
        };
        let packed = time
            | (round_up(establishment) << TIME_BITS)
            | (total << (TIME_BITS + DURATION_BITS))
            | (u128::from(encode(ending)) << (TIME_BITS + 2 * DURATION_BITS));
        Self([word(packed), word(packed >> 32), word(packed >> 64)])
    }

    /// When the attempt began, since the Unix epoch, to the millisecond.
    pub fn started_at(self) -> Duration {
        self.milliseconds(0, TIME_BITS)
    }

    /// TCP, TLS and SETTINGS together, rounded up to the millisecond.
    pub fn establishment(self) -> Duration {
        self.milliseconds(TIME_BITS, DURATION_BITS)
    }

    /// All of it, rounded up to the millisecond; a lower bound, rounded down, where we gave up.
    pub fn total(self) -> Duration {
        self.milliseconds(TIME_BITS + DURATION_BITS, DURATION_BITS)
    }

    /// How it ended.
    pub fn ending(self) -> Ending {
        let [_, _, high] = self.0;
        decode((high >> (TIME_BITS + 2 * DURATION_BITS - 64)) & 0xff)
    }

    /// What the kubelet would have made of it with that budget.
    pub fn verdict(self, timeout: Duration) -> Verdict {
        verdict::judge(self.ending(), self.establishment(), self.total(), timeout)
    }

    /// How long the kubelet's worker would have been busy with it.
    pub fn busy(self, timeout: Duration) -> Duration {
        verdict::busy(self.ending(), self.establishment(), self.total(), timeout)
    }

    fn milliseconds(self, shift: u32, bits: u32) -> Duration {
        let [low, middle, high] = self.0.map(u128::from);
        let packed = low | (middle << 32) | (high << 64);
        let field = (packed >> shift) & ((1 << bits) - 1);
        Duration::from_millis(u64::try_from(field).unwrap_or(u64::MAX))
    }
}

impl From<&Attempt> for Sample {
    fn from(attempt: &Attempt) -> Self {
        Self::new(
            attempt.started_at,
            attempt.establishment(),
            attempt.total(),
            attempt.ending,
        )
    }
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sample")
            .field("started_at", &self.started_at())
            .field("establishment", &self.establishment())
            .field("total", &self.total())
            .field("ending", &self.ending())
            .finish()
    }
}

fn round_up(duration: Duration) -> u128 {
    duration
        .as_nanos()
        .div_ceil(1_000_000)
        .min(Sample::LONGEST.as_millis())
}

#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are meant")]
const fn word(packed: u128) -> u32 {
    packed as u32
}

/// The reasons without a number of their own, in the order of their codes.
const REASONS: [Reason; 14] = [
    Reason::Refused,
    Reason::Unreachable,
    Reason::Timeout,
    Reason::Reset,
    Reason::Closed,
    Reason::TlsOnPlaintext,
    Reason::Tls,
    Reason::Http1,
    Reason::Protocol,
    Reason::Goaway,
    Reason::NotServing,
    Reason::NotFound,
    Reason::Unimplemented,
    Reason::Local,
];
/// Codes per phase: the reasons above, then the status codes of gRPC.
const REASON_CODES: u32 = 14 + Reason::HIGHEST_GRPC_CODE as u32 + 1;
const FIRST_CUT: u32 = 4;
const FIRST_FAILED: u32 = 8;

fn encode(ending: Ending) -> u32 {
    match ending {
        Ending::Answered(status) => status as u32,
        Ending::Cut { phase } => FIRST_CUT + phase as u32,
        Ending::Failed { phase, reason } => {
            let code = match reason {
                Reason::Grpc(code) => 14 + u32::from(code.min(Reason::HIGHEST_GRPC_CODE)),
                reason => (0..)
                    .zip(REASONS)
                    .find_map(|(code, known)| (known == reason).then_some(code))
                    .unwrap_or_default(),
            };
            FIRST_FAILED + phase as u32 * REASON_CODES + code
        }
    }
}

fn decode(code: u32) -> Ending {
    let phase = |number: u32| match number {
        0 => Phase::Connect,
        1 => Phase::Tls,
        2 => Phase::Http2,
        _ => Phase::Rpc,
    };
    if let Some(failed) = code.checked_sub(FIRST_FAILED) {
        let within = failed % REASON_CODES;
        let reason = REASONS
            .get(within as usize)
            .copied()
            .unwrap_or_else(|| Reason::Grpc(u8::try_from(within - 14).unwrap_or_default()));
        Ending::Failed {
            phase: phase(failed / REASON_CODES),
            reason,
        }
    } else if let Some(cut) = code.checked_sub(FIRST_CUT) {
        Ending::Cut { phase: phase(cut) }
    } else {
        Ending::Answered(ServingStatus::from_number(code.cast_signed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endings() -> Vec<Ending> {
        let mut endings: Vec<_> = ServingStatus::ALL.map(Ending::Answered).into();
        for phase in Phase::ALL {
            endings.push(Ending::Cut { phase });
            let codes = (0..=Reason::HIGHEST_GRPC_CODE).map(Reason::Grpc);
            for reason in REASONS.into_iter().chain(codes) {
                endings.push(Ending::Failed { phase, reason });
            }
        }
        endings
    }

    #[test]
    fn twelve_bytes() {
        assert_eq!(size_of::<Sample>(), 12);
    }

    #[test]
    fn every_ending_survives() {
        let endings = endings();
        assert_eq!(endings.len(), 4 + 4 + 4 * 31);
        for ending in endings {
            let started_at = Duration::from_millis(1_795_000_000_123);
            let sample = Sample::new(started_at, Sample::LONGEST, Sample::LONGEST, ending);
            assert_eq!(sample.ending(), ending);
            assert_eq!(sample.started_at(), started_at);
            assert_eq!(sample.establishment(), Sample::LONGEST);
        }
    }

    #[test]
    fn too_long_is_held_as_the_longest() {
        let year = Duration::from_hours(365 * 24);
        let ending = Ending::Cut { phase: Phase::Rpc };
        let sample = Sample::new(Duration::MAX, Duration::ZERO, year, ending);
        assert_eq!(sample.total(), Sample::LONGEST);
        assert_eq!(sample.establishment(), Duration::ZERO);
        assert_eq!(sample.ending(), ending);
    }

    proptest! {
        #[test]
        fn verdicts_at_whole_seconds_are_those_of_the_attempt(
            connect in 0_u64..3_000_000_000,
            rpc in 0_u64..3_000_000_000,
            near in prop::bool::ANY,
            choice in prop::sample::select(endings()),
            timeout in 1_u64..5,
        ) {
            // Half of the cases lie within nanoseconds of a whole second, where rounding could tell.
            let snap = |nanoseconds: u64| if near {
                nanoseconds / 1_000_000_000 * 1_000_000_000 + nanoseconds % 3
            } else {
                nanoseconds
            };
            let mut phases = crate::PhaseDurations::default();
            phases.set(Phase::Connect, Duration::from_nanos(snap(connect)));
            phases.set(Phase::Rpc, Duration::from_nanos(snap(rpc)));
            let attempt = Attempt { started_at: Duration::ZERO, phases, ending: choice };
            let timeout = Duration::from_secs(timeout);
            prop_assert_eq!(Sample::from(&attempt).verdict(timeout), attempt.verdict(timeout));
        }
    }
}
