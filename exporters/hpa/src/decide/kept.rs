//! Disagreements with the controller, kept with all that is needed to decide them again.

use std::collections::VecDeque;
use std::sync::Arc;

use hpa_engine::{Controller, Moment};

use crate::recording::{self, Line};

/// So many are kept: the first tells as much as the thousandth.
const MOST: usize = 20;

/// A status that the controller wrote and we would not have.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// What the controller was taken to be.
    pub controller: Controller,
    /// What was remembered, what the sync saw as far as we know, what was written, and in what that differs.
    pub line: Line,
}

/// The last of them.
#[derive(Clone, Debug, Default)]
pub struct Kept(VecDeque<Arc<Mismatch>>);

impl Mismatch {
    /// When the status was seen.
    pub fn at(&self) -> Moment {
        self.line.sync.now
    }
}

impl Kept {
    /// Keeps one more if there is one, and the latest of those before.
    pub(super) fn keep(&mut self, mismatch: Option<Mismatch>) {
        let Some(mismatch) = mismatch else {
            return;
        };
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Arc::new(mismatch));
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Mismatch> {
        self.0.iter().map(|kept| &**kept)
    }

    /// All as a recording; nothing if there are none.
    pub fn recording(&self) -> Result<String, serde_json::Error> {
        recording::write(self.iter().map(|kept| (&kept.controller, &kept.line)))
    }
}
