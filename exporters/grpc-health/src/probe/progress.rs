//! Where an attempt is, and where its time went.

use probe_engine::{Phase, PhaseDurations};
use tokio::time::Instant;

/// The stop-watch of one attempt. Lives outside of the work it times, so that it survives when the work is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    phase: Phase,
    entered_at: Instant,
    durations: PhaseDurations,
}

impl Progress {
    pub(super) fn start(now: Instant) -> Self {
        Self {
            phase: Phase::Connect,
            entered_at: now,
            durations: PhaseDurations::default(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Ends the current phase and begins another at the same moment.
    ///
    /// A phase that is entered again (a redial) adds up, so that the sum stays the time that passed.
    pub(super) fn enter(&mut self, phase: Phase, now: Instant) {
        self.settle(now);
        self.phase = phase;
        self.entered_at = now;
    }

    /// All that was measured until `now`.
    pub(super) fn finish(mut self, now: Instant) -> PhaseDurations {
        self.settle(now);
        self.durations
    }

    fn settle(&mut self, now: Instant) {
        let before = self.durations.get(self.phase).unwrap_or_default();
        let spent = now.saturating_duration_since(self.entered_at);
        self.durations.set(self.phase, before + spent);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_phase_entered_twice_adds_up() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut progress = Progress::start(start);
        progress.enter(Phase::Http2, after(1));
        progress.enter(Phase::Connect, after(11));
        progress.enter(Phase::Http2, after(111));
        let durations = progress.finish(after(1111));
        assert_eq!(durations.connect, Some(Duration::from_millis(101)));
        assert_eq!(durations.http2, Some(Duration::from_millis(1010)));
        assert_eq!(durations.rpc, None);
    }
}
