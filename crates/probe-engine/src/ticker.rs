//! When a worker's steps happen: `worker.run` in `pkg/kubelet/prober/worker.go`.

use std::time::Duration;

/// A Go ticker with one consumer that may be slower than the period.
///
/// The first step happens when the worker is made, the others on the ticks; so the phase of the ticks belongs to
/// the worker, not to the container, and survives restarts. A step runs to its end before the next begins, and
/// the ticker's channel holds one tick (`time.NewTicker`): after a step longer than the period the next follows
/// at once, and the other ticks that went by are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticker {
    due: Duration,
    next_tick: Duration,
    period: Duration,
}

// === impl Ticker ===

impl Ticker {
    /// A ticker made at `start`, where the first step is due. A period of nothing reads as one nanosecond.
    pub fn new(start: Duration, period: Duration) -> Self {
        let period = period.max(Duration::from_nanos(1));
        Self {
            due: start,
            next_tick: start + period,
            period,
        }
    }

    /// When the next step begins.
    pub const fn due(&self) -> Duration {
        self.due
    }

    /// The step that was due took that long.
    pub fn advance(&mut self, busy: Duration) {
        let done = self.due + busy;
        self.due = self.next_tick.max(done);
        self.next_tick = self.first_tick_after(self.due);
    }

    /// Lets go of the steps that were due before `time`, but for the last: nothing is known of them.
    /// Gives whether there were any.
    pub fn skip_before(&mut self, time: Duration) -> bool {
        if self.next_tick > time {
            return false;
        }
        self.next_tick = self.first_tick_after(time);
        self.due = self.next_tick.saturating_sub(self.period);
        true
    }

    /// A manual run at `time` (`prober_manager.UpdatePodStatus` asks for one while a container is unready): the
    /// step happens now, and the ticks go on from here.
    pub fn trigger(&mut self, time: Duration) {
        *self = Self::new(time, self.period);
    }

    fn first_tick_after(&self, time: Duration) -> Duration {
        let Some(behind) = time.checked_sub(self.next_tick) else {
            return self.next_tick;
        };
        let into = Duration::from_nanos_u128(behind.as_nanos() % self.period.as_nanos());
        time.saturating_sub(into) + self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(period: u64, busy_milliseconds: &[u64]) -> Vec<u64> {
        let mut ticker = Ticker::new(Duration::ZERO, Duration::from_secs(period));
        busy_milliseconds
            .iter()
            .map(|busy| {
                let due = ticker.due();
                ticker.advance(Duration::from_millis(*busy));
                u64::try_from(due.as_millis()).unwrap()
            })
            .collect()
    }

    #[test]
    fn steps_follow_the_ticks_as_long_as_they_are_short() {
        assert_eq!(starts(10, &[0, 9_999, 1, 1]), [0, 10_000, 20_000, 30_000]);
    }

    #[test]
    fn a_step_longer_than_the_period_is_followed_at_once_and_loses_ticks() {
        // The step from 0 to 35 s holds the tick of 10 s, loses those of 20 s and 30 s; the grid stays.
        assert_eq!(
            starts(10, &[35_000, 1_000, 1_000, 1]),
            [0, 35_000, 40_000, 50_000]
        );
        // Slower than the period for ever: back to back.
        assert_eq!(
            starts(1, &[1_500, 1_500, 1_500, 1_500]),
            [0, 1_500, 3_000, 4_500]
        );
    }

    #[test]
    fn the_grid_survives_a_gap() {
        let mut ticker = Ticker::new(Duration::from_secs(3), Duration::from_secs(10));
        assert!(!ticker.skip_before(Duration::from_secs(12)));
        assert!(ticker.skip_before(Duration::from_secs(1_000_000)));
        assert_eq!(ticker.due(), Duration::from_secs(999_993));
        ticker.advance(Duration::ZERO);
        assert_eq!(ticker.due(), Duration::from_secs(1_000_003));
    }

    #[test]
    fn a_manual_run_moves_the_grid() {
        let mut ticker = Ticker::new(Duration::ZERO, Duration::from_secs(10));
        ticker.trigger(Duration::from_secs(4));
        ticker.advance(Duration::ZERO);
        assert_eq!(ticker.due(), Duration::from_secs(14));
    }
}
