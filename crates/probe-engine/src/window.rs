//! The last so many samples, in the order in which their attempts began.

use std::collections::VecDeque;
use std::time::Duration;

use crate::sample::Sample;

/// Samples to an allocation. A window that grew by doubling would be half empty, and leave holes of every size behind it.
const CHUNK: usize = 32;

/// A bounded ring that allocates as it fills: a target that was just found costs nearly nothing.
#[derive(Clone, Debug)]
pub struct Window {
    /// The samples in their order, from `skipped` in the first chunk on.
    chunks: VecDeque<Box<[Sample; CHUNK]>>,
    /// How many of the first chunk have been let go of.
    skipped: usize,
    len: usize,
    limit: usize,
}

// === impl Window ===

impl Window {
    /// A window over the last `limit` samples; at least one.
    pub const fn new(limit: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            skipped: 0,
            len: 0,
            limit: if limit == 0 { 1 } else { limit },
        }
    }

    /// Adds a sample and lets go of the oldest if there are too many.
    ///
    /// An attempt that took long may be told after a later one: it is put where it belongs.
    pub fn push(&mut self, sample: Sample) {
        let later = |other: &Sample| other.started_at() > sample.started_at();
        let late_by = self.iter().rev().take_while(later).count();
        if self.len == self.limit {
            if late_by == self.len {
                return;
            }
            self.let_go_of_the_oldest();
        }
        self.append(sample);
        for place in (self.len - late_by..self.len).rev() {
            *self.at(place) = *self.at(place - 1);
        }
        *self.at(self.len - 1 - late_by) = sample;
    }

    /// The samples, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Sample> + ExactSizeIterator + Clone + '_ {
        (self.skipped..self.skipped + self.len)
            .map(|place| self.chunks[place / CHUNK][place % CHUNK])
    }

    /// The latest sample.
    pub fn latest(&self) -> Option<Sample> {
        self.iter().next_back()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there can be.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// From the first to the last sample.
    pub fn span(&self) -> Duration {
        match (self.iter().next(), self.latest()) {
            (Some(first), Some(last)) => last.started_at().saturating_sub(first.started_at()),
            _ => Duration::ZERO,
        }
    }

    fn let_go_of_the_oldest(&mut self) {
        self.skipped += 1;
        self.len -= 1;
        if self.skipped == CHUNK {
            self.chunks.pop_front();
            self.skipped = 0;
        }
    }

    fn append(&mut self, sample: Sample) {
        self.len += 1;
        if self.skipped + self.len > self.chunks.len() * CHUNK {
            self.chunks.push_back(Box::new([sample; CHUNK]));
        }
    }

    fn at(&mut self, place: usize) -> &mut Sample {
        let place = self.skipped + place;
        &mut self.chunks[place / CHUNK][place % CHUNK]
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
        assert_eq!(window.chunks.len(), 0);
        for second in 0..1000 {
            window.push(at(second));
            let chunks = window.len().div_ceil(CHUNK);
            assert!((chunks..=chunks + 1).contains(&window.chunks.len()));
        }
        assert_eq!(window.len(), 100);
    }

    proptest! {
        #[test]
        fn samples_told_late_stand_where_they_belong(
            order in Just((0_u64..100).collect::<Vec<_>>()).prop_shuffle(),
            limit in 1_usize..110,
        ) {
            let mut window = Window::new(limit);
            for second in order {
                window.push(at(second));
            }
            let expected: Vec<_> = (100 - limit.min(100) as u64..100).collect();
            prop_assert_eq!(seconds(&window), expected);
        }
    }
}
