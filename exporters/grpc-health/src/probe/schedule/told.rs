//! What the sink hears of one attempt, from its start to its end or its loss.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use probe_engine::Attempt;

use super::{Progress, Sink, StartLag, TargetId};

/// Tells the sink of an attempt from its start on; dropped before the end, it tells that too.
pub(super) struct Told<'a> {
    sink: &'a Sink,
    tolerance: Duration,
    id: TargetId,
    started_at: Duration,
    lag: Duration,
    finished: bool,
}

// === impl Told ===

impl<'a> Told<'a> {
    /// Tells of the start, now.
    pub(super) fn start(sink: &'a Sink, tolerance: Duration, id: TargetId, lag: Duration) -> Self {
        let started_at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let told = Self {
            sink,
            tolerance,
            id,
            started_at,
            lag,
            finished: false,
        };
        told.tell(Progress::Started(started_at), Duration::ZERO);
        told
    }

    /// Tells that the budget is used up, when called.
    pub(super) fn overdue(&self, budget: Duration) -> impl FnOnce() + use<> {
        let (sink, id, at) = (Arc::clone(self.sink), self.id, self.started_at);
        let lag = self.start_lag(Duration::ZERO);
        move || sink(id, Progress::Overdue { at, budget }, lag)
    }

    /// Tells of the end.
    pub(super) fn finish(&mut self, attempt: Attempt, stall: Duration) {
        self.finished = true;
        // By the time that it was announced by, which is a moment before its own.
        let started_at = self.started_at;
        let attempt = Attempt {
            started_at,
            ..attempt
        };
        self.tell(Progress::Finished(attempt), stall);
    }

    fn tell(&self, progress: Progress, stall: Duration) {
        (self.sink)(self.id, progress, self.start_lag(stall));
    }

    fn start_lag(&self, stall: Duration) -> StartLag {
        let lag = self.lag;
        let tainted = stall > self.tolerance;
        StartLag {
            lag,
            stall,
            tainted,
        }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.tell(Progress::Dropped(self.started_at), Duration::ZERO);
        }
    }
}
