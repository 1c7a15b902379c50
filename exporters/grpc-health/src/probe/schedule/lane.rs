//! How many attempts one target may have in flight: one within its budget, and one beyond.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The two places of a target.
#[derive(Debug, Default)]
pub(super) struct Lane {
    regular: AtomicBool,
    overtime: AtomicBool,
}

/// A place taken. Given back when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    lane: Arc<Lane>,
    is_overtime: bool,
}

// === impl Lane ===

impl Lane {
    /// The place within the budget, if it is free.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Slot> {
        let taken = self.regular.swap(true, Ordering::AcqRel);
        (!taken).then(|| Slot {
            lane: Arc::clone(self),
            is_overtime: false,
        })
    }
}

// === impl Slot ===

impl Slot {
    /// Exchanges the place within the budget for the one beyond; without that, both are given up.
    pub(super) fn into_overtime(self) -> Option<Self> {
        let taken = self.lane.overtime.swap(true, Ordering::AcqRel);
        (!taken).then(|| Self {
            lane: Arc::clone(&self.lane),
            is_overtime: true,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let place = if self.is_overtime {
            &self.lane.overtime
        } else {
            &self.lane.regular
        };
        place.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_place_within_the_budget_and_one_beyond() {
        let lane = Arc::new(Lane::default());
        let first = lane.enter().unwrap();
        assert!(lane.enter().is_none());
        let first = first.into_overtime().unwrap();
        let second = lane.enter().unwrap();
        assert!(lane.enter().is_none());
        assert!(second.into_overtime().is_none());
        let third = lane.enter().unwrap();
        drop(first);
        assert!(third.into_overtime().is_some());
        assert!(lane.enter().is_some());
    }
}
