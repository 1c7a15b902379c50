//! A latency or size distribution, classic and native in one, small enough to keep one per target and phase.
//!
//! Classic buckets are what text formats carry; native ones (Prometheus' exponential buckets, schema -4..=8) travel by
//! protobuf only and need no choice of bounds. prometheus-client has both, but a native-only one there makes its text
//! encoder fail, and one with 17 bounds takes twice the memory of this.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::{
    EncodeMetric, MetricEncoder, NativeHistogram, NativeHistogramBuckets, NoLabelSet,
};
use prometheus_client::metrics::{MetricType, TypedMetric};

mod native;

use native::{Native, ZERO_THRESHOLD};

/// A histogram of non-negative values in a base unit (seconds, bytes). Clones share one state.
///
/// Values that are not finite are dropped: one of them would make the sum useless for ever. Negative values count as 0:
/// a clock that was set back must not lose the event, nor make the sum fall.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Mutex<State>>);

/// What a [`Histogram`] held at one moment; encodes as it does.
#[derive(Clone, Debug)]
pub struct Snapshot {
    bounds: &'static [f64],
    /// As many as bounds and one; empty before the first observation.
    counts: Box<[u64]>,
    sum: f64,
    native: Native,
}

#[derive(Debug)]
struct State {
    bounds: &'static [f64],
    counts: Box<[u64]>,
    sum: f64,
    native: Native,
}

impl Histogram {
    /// A histogram with these upper bounds, ascending; the infinite one is implied.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        debug_assert!(bounds.is_sorted(), "bounds ascend");
        let finite = bounds
            .iter()
            .position(|bound| !bound.is_finite())
            .unwrap_or(bounds.len());
        let state = State {
            bounds: &bounds[..finite],
            counts: Box::default(),
            sum: 0.0,
            native: Native::default(),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Counts one value.
    pub fn observe(&self, value: f64) {
        if value.is_finite() {
            self.0.lock().observe(value.max(0.0));
        }
    }

    /// What it holds now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.0.lock();
        Snapshot {
            bounds: state.bounds,
            counts: state.counts.clone(),
            sum: state.sum,
            native: state.native.clone(),
        }
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.snapshot().encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl Snapshot {
    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of the values, in their unit.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Upper bound and own count of each classic bucket, the infinite one last.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let counts = self.counts.iter().copied().chain(std::iter::repeat(0));
        self.bounds
            .iter()
            .copied()
            .chain([f64::INFINITY])
            .zip(counts)
    }
}

impl TypedMetric for Snapshot {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Snapshot {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let buckets: Vec<(f64, u64)> = self.buckets().collect();
        let (spans, deltas) = self.native.spans_and_deltas();
        let native = NativeHistogram {
            schema: self.native.schema(),
            zero_threshold: ZERO_THRESHOLD,
            zero_count: self.native.zero_count(),
            negative: NativeHistogramBuckets {
                spans: &[],
                deltas: &[],
            },
            positive: NativeHistogramBuckets {
                spans: &spans,
                deltas: &deltas,
            },
            created: None,
        };
        encoder.encode_histogram_with_native::<NoLabelSet>(
            self.sum,
            self.count(),
            &buckets,
            None,
            native,
        )
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl State {
    fn observe(&mut self, value: f64) {
        if self.counts.is_empty() {
            self.counts = vec![0; self.bounds.len() + 1].into();
        }
        self.counts[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
        self.native.observe(value);
    }
}

#[cfg(test)]
mod tests;
