//! What the prober has said and the model has not heard yet.
//!
//! The prober keeps time on a thread of its own and must not wait for whoever reads the model. So it leaves a word here
//! and goes on; the model hears all of them, in their order, a moment later.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use exposition::Histogram;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::model::{self, Event, Model};
use crate::probe::schedule::{Progress, Sink, StartLag, TargetId};

/// How long reports may wait for others to come with. Far less than what a pod's status takes to get here: a failure
/// has to be known before the restart that it led to.
const GATHERING: Duration = Duration::from_millis(50);

/// Left by the prober, taken by the model. Clones share one list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    list: Mutex<Vec<Report>>,
    /// The list is not empty any more.
    begun: Notify,
}

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
        let Self(shared) = self.clone();
        Arc::new(move |target, progress, start_lag| {
            let mut list = shared.list.lock();
            list.push(Report {
                target,
                progress,
                start_lag,
            });
            if list.len() == 1 {
                shared.begun.notify_one();
            }
        })
    }

    /// Tells the model everything that comes in, and the histogram how late we were.
    pub(crate) async fn hand_over(self, model: Arc<RwLock<Model>>, lag: Histogram) -> Infallible {
        let mut taken = Vec::new();
        loop {
            self.0.begun.notified().await;
            sleep(GATHERING).await;
            // The two lists take turns, so that the lock is held for the exchange only.
            std::mem::swap(&mut *self.0.list.lock(), &mut taken);
            let mut model = model.write();
            for report in taken.drain(..) {
                if let Progress::Started(_) = report.progress {
                    lag.observe(report.start_lag.lag.as_secs_f64());
                }
                model.record(model::TargetId(report.target.0), report.event());
            }
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
