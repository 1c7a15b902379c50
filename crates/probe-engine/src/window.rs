//! The last so many samples, in the order in which their attempts began.

use std::collections::VecDeque;
use std::time::Duration;

use crate::sample::Sample;

/// A bounded ring that allocates as it fills: a target that was just found costs nearly nothing.
#[derive(Clone, Debug)]
pub struct Window {
    samples: VecDeque<Sample>,
    limit: usize,
}

const FIRST_ALLOCATION: usize = 16;

// === impl Window ===

impl Window {
    /// A window over the last `limit` samples; at least one.
    pub const fn new(limit: usize) -> Self {
        Self {
            samples: VecDeque::new(),
            limit: if limit == 0 { 1 } else { limit },
        }
    }

    /// Adds a sample and lets go of the oldest if there are too many.
    ///
    /// An attempt that took long may be told after a later one: it is put where it belongs.
    pub fn push(&mut self, sample: Sample) {
        let later = |other: &&Sample| other.started_at() > sample.started_at();
        let position = self.samples.len() - self.samples.iter().rev().take_while(later).count();
        if self.samples.len() == self.limit {
            if position == 0 {
                return;
            }
            self.samples.pop_front();
            self.samples.insert(position - 1, sample);
            return;
        }
        if self.samples.len() == self.samples.capacity() {
            let double = self.samples.len().max(FIRST_ALLOCATION);
            self.samples
                .reserve_exact(double.min(self.limit - self.samples.len()));
        }
        self.samples.insert(position, sample);
    }

    /// The samples, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Sample> + ExactSizeIterator + Clone + '_ {
        self.samples.iter().copied()
    }

    /// The latest sample.
    pub fn latest(&self) -> Option<Sample> {
        self.samples.back().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// How many there can be.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// From the first to the last sample.
    pub fn span(&self) -> Duration {
        match (self.samples.front(), self.samples.back()) {
            (Some(first), Some(last)) => last.started_at().saturating_sub(first.started_at()),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{Ending, ServingStatus};
    use proptest::prelude::*;

    fn at(second: u64) -> Sample {
        Sample::new(
            Duration::from_secs(second),
            Duration::ZERO,
            Duration::ZERO,
            Ending::Answered(ServingStatus::Serving),
        )
    }

    fn seconds(window: &Window) -> Vec<u64> {
        window
            .iter()
            .map(|sample| sample.started_at().as_secs())
            .collect()
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut window = Window::new(3);
        for second in 1..=5 {
            window.push(at(second));
        }
        assert_eq!(seconds(&window), [3, 4, 5]);
        assert_eq!(window.span(), Duration::from_secs(2));
    }

    #[test]
    fn memory_grows_with_what_is_in_it_and_never_beyond_the_limit() {
        let mut window = Window::new(100);
        assert_eq!(window.samples.capacity(), 0);
        window.push(at(0));
        assert!(window.samples.capacity() <= FIRST_ALLOCATION);
        for second in 0..1000 {
            window.push(at(second));
        }
        assert_eq!(window.samples.capacity(), 100);
    }

    proptest! {
        #[test]
        fn samples_told_late_stand_where_they_belong(
            order in Just((0_u64..40).collect::<Vec<_>>()).prop_shuffle(),
            limit in 1_usize..50,
        ) {
            let mut window = Window::new(limit);
            for second in order {
                window.push(at(second));
            }
            let expected: Vec<_> = (40 - limit.min(40) as u64..40).collect();
            prop_assert_eq!(seconds(&window), expected);
        }
    }
}
