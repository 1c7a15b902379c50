//! Disagreements with the controller, kept with all that is needed to decide them again.

use std::collections::VecDeque;
use std::sync::Arc;

use hpa_engine::{Memory, Moment, Recorded, Status};
use serde::Serialize;

use super::check::Difference;

/// So many are kept: the first tells as much as the thousandth.
const MOST: usize = 20;

/// A status that the controller wrote and we would not have.
#[derive(Clone, Debug, Serialize)]
pub struct Mismatch {
    /// When it was seen.
    pub at: Moment,
    /// What differs.
    pub differences: Vec<Difference>,
    /// The status that was written.
    pub observed: Status,
    /// The status before it.
    pub status: Status,
    /// What was remembered before it.
    pub memory: Memory,
    /// What the sync saw, as far as we know.
    pub sync: Recorded,
}

/// The last of them.
#[derive(Clone, Debug, Default)]
pub struct Kept(VecDeque<Arc<Mismatch>>);

impl Kept {
    /// Keeps one more, and the latest of those before.
    pub(super) fn keep(&mut self, mismatch: Mismatch) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Arc::new(mismatch));
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Mismatch> {
        self.0.iter().map(|kept| &**kept)
    }
}
