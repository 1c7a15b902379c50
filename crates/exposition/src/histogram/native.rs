//! The native half: Prometheus' exponential buckets.
//!
//! Mirrors the bucket layout of `model/histogram` in Prometheus: with schema `n`, bucket `i` holds the values in
//! `(base^(i-1), base^i]` where `base` is 2^(2^-n). Schema 3 (a factor of 1.09) is what `client_golang` takes for its
//! recommended bucket factor of 1.1; a histogram with too many buckets halves its resolution.

/// Values up to this are "zero": 2^-128, the threshold that Prometheus recommends so that histograms can be added.
pub(super) const ZERO_THRESHOLD: f64 = f64::from_bits((1023 - 128) << 52);

/// The most buckets kept before the resolution is halved; `client_golang` recommends the same.
const BUCKET_LIMIT: usize = 160;
const FINEST_SCHEMA: i8 = 3;
const COARSEST_SCHEMA: i8 = -4;

/// The upper bounds of schema 3 within [0.5, 1): 2^(k/8 - 1).
const FRACTIONS: [f64; 8] = [
    0.5,
    0.545_253_866_332_628_8,
    0.594_603_557_501_360_5,
    0.648_419_777_325_504_8,
    0.707_106_781_186_547_5,
    0.771_105_412_703_970_4,
    0.840_896_415_253_714_4,
    0.917_004_043_204_671_1,
];

/// Room for this many buckets is added at a time: doubling would waste a third of the memory.
const GROWTH: usize = 4;

/// The gap, in buckets, up to which empty buckets are cheaper than a new span.
const SPAN_GAP: i32 = 2;

/// Positive buckets, in the order of their indexes.
#[derive(Clone, Debug)]
pub(super) struct Native {
    buckets: Vec<Bucket>,
    zero_count: u64,
    schema: i8,
}

/// Index and count in one word: the index (biased, so that words sort as indexes do) in the upper 16 bits, the count in
/// the lower 48. At a million observations a second a bucket is full after nine years.
#[derive(Clone, Copy, Debug)]
struct Bucket(u64);

impl Bucket {
    const COUNT_BITS: u32 = 48;
    const COUNT_MASK: u64 = (1 << Self::COUNT_BITS) - 1;

    fn new(index: i16, count: u64) -> Self {
        let biased = index.cast_unsigned() ^ 0x8000;
        Self(u64::from(biased) << Self::COUNT_BITS | count & Self::COUNT_MASK)
    }

    fn index(self) -> i16 {
        let [high, low, ..] = self.0.to_be_bytes();
        (u16::from_be_bytes([high, low]) ^ 0x8000).cast_signed()
    }

    fn count(self) -> u64 {
        self.0 & Self::COUNT_MASK
    }
}

impl Default for Native {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            zero_count: 0,
            schema: FINEST_SCHEMA,
        }
    }
}

impl Native {
    pub(super) fn schema(&self) -> i32 {
        self.schema.into()
    }

    pub(super) fn zero_count(&self) -> u64 {
        self.zero_count
    }

    /// Counts a finite value that is not negative.
    pub(super) fn observe(&mut self, value: f64) {
        if value <= ZERO_THRESHOLD {
            self.zero_count += 1;
            return;
        }
        let index = coarser(finest_index(value), FINEST_SCHEMA - self.schema);
        match self
            .buckets
            .binary_search_by_key(&index, |bucket| bucket.index())
        {
            Ok(position) => {
                let bucket = &mut self.buckets[position];
                *bucket = Bucket::new(index, bucket.count() + 1);
            }
            Err(position) => {
                if self.buckets.len() == self.buckets.capacity() {
                    self.buckets.reserve_exact(GROWTH);
                }
                self.buckets.insert(position, Bucket::new(index, 1));
                self.keep_to_limit();
            }
        }
    }

    /// Spans (gap to the one before, length) and the difference of each count to the one before, as the protobuf has it.
    pub(super) fn spans_and_deltas(&self) -> (Vec<(i32, u32)>, Vec<i64>) {
        let mut spans: Vec<(i32, u32)> = Vec::new();
        let mut deltas = Vec::with_capacity(self.buckets.len());
        let mut before = 0;
        let mut next = 0;
        for bucket in &self.buckets {
            let index = i32::from(bucket.index());
            let gap = index - next;
            match spans.last_mut() {
                Some((_, length)) if gap <= SPAN_GAP => {
                    for _ in 0..gap {
                        deltas.push(-before);
                        before = 0;
                        *length += 1;
                    }
                    *length += 1;
                }
                _ => spans.push((gap, 1)),
            }
            // 48 bits fit.
            let count = bucket.count().cast_signed();
            deltas.push(count - before);
            before = count;
            next = index + 1;
        }
        (spans, deltas)
    }

    fn keep_to_limit(&mut self) {
        while self.buckets.len() > BUCKET_LIMIT && self.schema > COARSEST_SCHEMA {
            self.schema -= 1;
            self.buckets.dedup_by(|next, kept| {
                let same = coarser(next.index(), 1) == coarser(kept.index(), 1);
                if same {
                    *kept = Bucket::new(kept.index(), kept.count() + next.count());
                }
                same
            });
            for bucket in &mut self.buckets {
                *bucket = Bucket::new(coarser(bucket.index(), 1), bucket.count());
            }
        }
    }
}

/// The index in schema 3 of a value above the zero threshold.
fn finest_index(value: f64) -> i16 {
    // value = fraction * 2^exponent with the fraction in [0.5, 1): frexp, for numbers that are not subnormal.
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff).cast_signed() - 1022;
    let fraction = f64::from_bits(bits & ((1 << 52) - 1) | 1022 << 52);
    let within = FRACTIONS.partition_point(|bound| *bound < fraction);
    let index = (exponent - 1) * 8 + i64::try_from(within).unwrap_or(0);
    // 11 bits of exponent and 3 of fraction fit.
    i16::try_from(index).unwrap_or(i16::MAX)
}

/// The index of the same value in a schema that is coarser by `steps`: the quotient by 2^steps, rounded up.
fn coarser(index: i16, steps: i8) -> i16 {
    index
        .wrapping_neg()
        .wrapping_shr(steps.unsigned_abs().into())
        .wrapping_neg()
}

#[cfg(test)]
mod tests;
