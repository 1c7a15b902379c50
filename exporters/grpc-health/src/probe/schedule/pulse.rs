//! Our own heartbeat: when it comes late, the runtime stood still, and so did every measurement in it.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Time between two beats.
pub(super) const BEAT: Duration = Duration::from_millis(10);
/// Lateness that is a timer's ordinary grain and not a stall.
const GRAIN: Duration = Duration::from_millis(3);
/// Stalls that are remembered. More than that within one attempt are all much the same.
const REMEMBERED: usize = 64;

/// What is known of our own stalls.
#[derive(Debug)]
pub(super) struct Pulse {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the next beat is due; `None` while nothing is in flight and nobody counts.
    due: Option<Instant>,
    stalls: VecDeque<(Instant, Instant)>,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                due: None,
                stalls: VecDeque::new(),
            }),
        }
    }

    /// Begins to beat, unless it does already.
    pub(super) fn rouse(&self, now: Instant) {
        self.state.lock().due.get_or_insert(now + BEAT);
    }

    /// When the next beat is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.state.lock().due
    }

    /// Beats, if it is time. `rest` ends the beating.
    pub(super) fn beat(&self, now: Instant, rest: bool) {
        let mut state = self.state.lock();
        let Some(due) = state.due.filter(|&due| due <= now) else {
            return;
        };
        if now - due > GRAIN {
            state.stalls.truncate(REMEMBERED - 1);
            state.stalls.push_front((due, now));
        }
        state.due = (!rest).then_some(now + BEAT);
    }

    /// The longest stall that overlaps this time, one that still goes on included.
    pub(super) fn longest_stall(&self, from: Instant, to: Instant) -> Duration {
        let state = self.state.lock();
        let ongoing = state
            .due
            .map(|due| (due, to))
            .filter(|&(due, to)| to.saturating_duration_since(due) > GRAIN);
        state
            .stalls
            .iter()
            .copied()
            .take_while(|&(_, end)| end > from)
            .chain(ongoing)
            .map(|(begin, end)| end.min(to).saturating_duration_since(begin.max(from)))
            .max()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn milliseconds(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_late_beat_is_a_stall_of_what_it_overlaps() {
        let start = Instant::now();
        let at = |count| start + milliseconds(count);
        let pulse = Pulse::new();
        pulse.rouse(at(0));
        pulse.beat(at(10), false);
        pulse.beat(at(120), false);
        assert_eq!(
            pulse.longest_stall(at(0), at(125)),
            milliseconds(100),
            "due at 20, came at 120"
        );
        assert_eq!(pulse.longest_stall(at(100), at(125)), milliseconds(20));
        assert_eq!(pulse.longest_stall(at(121), at(125)), Duration::ZERO);
    }

    #[test]
    fn a_stall_counts_before_the_next_beat_has_told_of_it() {
        let start = Instant::now();
        let pulse = Pulse::new();
        pulse.rouse(start);
        let end = start + milliseconds(510);
        assert_eq!(pulse.longest_stall(start, end), milliseconds(500));
    }

    #[test]
    fn beats_within_the_grain_of_a_timer_are_no_stalls() {
        let start = Instant::now();
        let pulse = Pulse::new();
        pulse.rouse(start);
        pulse.beat(start + milliseconds(12), false);
        let end = start + milliseconds(24);
        assert_eq!(pulse.longest_stall(start, end), Duration::ZERO);
    }

    #[test]
    fn a_pulse_at_rest_is_no_stall() {
        let start = Instant::now();
        let pulse = Pulse::new();
        pulse.rouse(start);
        pulse.beat(start + milliseconds(10), true);
        let end = start + milliseconds(5000);
        assert_eq!(pulse.due(), None);
        assert_eq!(pulse.longest_stall(start, end), Duration::ZERO);
    }
}
