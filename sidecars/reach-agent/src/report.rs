//! What came of the dials: kept until the exporter has heard of it, and the latest of each for the page.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use exposition::Histogram;
use parking_lot::Mutex;
use reach::{Dial, DialId, MOST_SIGHTINGS, Outcome, Plan, Sighting};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metrics::{BOUNDS, DialCounts};

/// Sightings kept for an exporter that is away; the oldest go first, and are counted.
const MOST_KEPT: usize = 2 * MOST_SIGHTINGS;

/// A dial that has come to its end.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which.
    pub dial: Arc<Dial>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it could not be made, if it could not.
    pub why: Option<String>,
    /// When it began.
    pub started: Instant,
    /// How long it took.
    pub took: Duration,
}

/// What came of the dials. Clones share one state.
#[derive(Clone, Debug)]
pub struct Results {
    kept: Arc<Mutex<Kept>>,
    news: Arc<Notify>,
    /// For the page.
    pub counts: DialCounts,
    /// How long dials took.
    pub durations: Histogram,
}

#[derive(Debug, Default)]
struct Kept {
    untold: VecDeque<Seen>,
    latest: BTreeMap<DialId, Latest>,
}

/// A dial of the plan and what came of it last.
#[derive(Clone, Debug)]
pub struct Latest {
    /// Which.
    pub dial: Arc<Dial>,
    /// What came of it, and why it could not be made; none before the first time.
    pub seen: Option<(Outcome, Option<String>)>,
}

// === impl Results ===

impl Default for Results {
    fn default() -> Self {
        Self {
            kept: Arc::default(),
            news: Arc::default(),
            counts: DialCounts::default(),
            durations: Histogram::new(BOUNDS),
        }
    }
}

impl Results {
    /// Another plan: what is no longer in it is forgotten, once told.
    pub fn follow(&self, plan: &Plan) {
        let mut kept = self.kept.lock();
        let mut before = std::mem::take(&mut kept.latest);
        kept.latest = plan
            .dials
            .iter()
            .map(|dial| {
                let seen = before.remove(&dial.id).and_then(|latest| latest.seen);
                let dial = Arc::new(dial.clone());
                (dial.id, Latest { dial, seen })
            })
            .collect();
    }

    /// A dial has come to its end.
    pub fn saw(&self, seen: Seen) {
        self.counts.made(&seen.dial, seen.outcome);
        self.durations.observe(seen.took.as_secs_f64());
        let mut kept = self.kept.lock();
        if let Some(latest) = kept.latest.get_mut(&seen.dial.id) {
            let before = latest.seen.replace((seen.outcome, seen.why.clone()));
            if before.is_none_or(|(outcome, _)| outcome != seen.outcome) {
                tell(&seen, latest);
            }
        }
        if kept.untold.len() >= MOST_KEPT {
            kept.untold.pop_front();
            self.counts.dropped();
        }
        kept.untold.push_back(seen);
        self.news.notify_one();
    }

    /// A dial was made much later than its time.
    pub fn late(&self) {
        self.counts.late();
    }

    /// Resolves when there is something that the exporter has not heard.
    pub async fn news(&self) {
        while self.kept.lock().untold.is_empty() {
            self.news.notified().await;
        }
    }

    /// What the exporter has not heard, as much as a report may hold, oldest first.
    pub fn untold(&self, now: Instant) -> Vec<Sighting> {
        let kept = self.kept.lock();
        let told = kept.untold.iter().take(MOST_SIGHTINGS);
        told.map(|seen| seen.sighting(now)).collect()
    }

    /// The exporter has heard the `count` oldest. What it heard may have been dropped meanwhile, and then newer ones go in their
    /// place: `dropped_before` is what [`Results::dropped`] said when the report was written.
    pub fn told(&self, count: usize, dropped_before: u64) {
        let mut kept = self.kept.lock();
        let dropped = usize::try_from(self.dropped() - dropped_before).unwrap_or(usize::MAX);
        let left = count.saturating_sub(dropped).min(kept.untold.len());
        kept.untold.drain(..left);
    }

    /// How many sightings were dropped because nobody heard them.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped_so_far()
    }

    /// How many wait to be told.
    pub fn waiting(&self) -> usize {
        self.kept.lock().untold.len()
    }

    /// Each dial of the plan and what came of it last.
    pub fn latest(&self) -> Vec<Latest> {
        self.kept.lock().latest.values().cloned().collect()
    }
}

/// A change is worth a line: it is what the pod's log has when the exporter cannot be reached.
fn tell(seen: &Seen, latest: &Latest) {
    let dial = &latest.dial;
    let from = dial.from.as_ref().map(tracing::field::display);
    tracing::info!(
        destination = %format_args!("{}/{}", dial.destination.namespace, dial.destination.name),
        address = %dial.address,
        protocol = dial.protocol.as_str(),
        kind = dial.kind.as_str(),
        from,
        outcome = seen.outcome.as_str(),
        why = seen.why,
        "another outcome than before"
    );
}

// === impl Seen ===

impl Seen {
    fn sighting(&self, now: Instant) -> Sighting {
        Sighting {
            dial: self.dial.id,
            generation: self.dial.generation,
            outcome: self.outcome,
            took_seconds: self.took.as_secs_f64(),
            age_seconds: now.duration_since(self.started).as_secs_f64(),
        }
    }
}
