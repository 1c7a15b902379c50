//! The time that this thread has spent on a processor: what else the machine does is not ours.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment, on the thread's own clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(Duration);

impl Moment {
    pub(super) fn now() -> Self {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        // A processor's clock begins at 0 and goes forward.
        Self(Duration::try_from(time).unwrap_or_default())
    }

    pub(super) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

/// How long something takes, and what comes of it.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Moment::now();
    let made = work();
    (start.elapsed(), made)
}

/// In milliseconds.
pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// In microseconds.
pub(super) fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
