//! What the prober has said and the model has not heard yet.
//!
//! The prober keeps time on a thread of its own and must not wait for whoever reads the model. So it leaves a word here
//! and goes on; the model hears all of them, in their order, before findings are computed.

use std::sync::Arc;

use exposition::Histogram;
use parking_lot::Mutex;

use crate::model::{self, Event, Model};
use crate::probe::schedule::{Progress, Sink, StartLag, TargetId};

/// Left by the prober, taken by the model. Clones share one list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports(Arc<Mutex<Vec<Report>>>);

#[derive(Clone, Copy, Debug)]
struct Report {
    target: TargetId,
    progress: Progress,
    start_lag: StartLag,
}

// === impl Reports ===

impl Reports {
    /// Where the prober puts them.
    pub(crate) fn sink(&self) -> Sink {
        let Self(list) = self.clone();
        Arc::new(move |target, progress, start_lag| {
            list.lock().push(Report {
                target,
                progress,
                start_lag,
            });
        })
    }

    /// Tells the model everything that has come in, and the histogram how late we were.
    pub(crate) fn hand_over(&self, model: &mut Model, lag: &Histogram) {
        // As much room again is what the next ones will need; the lock is held for the exchange only.
        let room = Vec::with_capacity(self.0.lock().len());
        let list = std::mem::replace(&mut *self.0.lock(), room);
        for report in list {
            if let Progress::Started(_) = report.progress {
                lag.observe(report.start_lag.lag.as_secs_f64());
            }
            model.record(model::TargetId(report.target.0), report.event());
        }
    }
}

// === impl Report ===

impl Report {
    fn event(&self) -> Event {
        match self.progress {
            Progress::Started(at) => Event::Started(at),
            Progress::Overdue { at, budget } => Event::Overdue { at, budget },
            // Our own stall may be in it: better no measurement than a wrong one.
            Progress::Finished(attempt) if self.start_lag.tainted => {
                Event::Dropped(attempt.started_at)
            }
            Progress::Finished(attempt) => Event::Finished(attempt),
            Progress::Dropped(at) => Event::Dropped(at),
        }
    }
}
