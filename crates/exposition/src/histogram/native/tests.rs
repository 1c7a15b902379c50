use proptest::prelude::*;

use super::*;

/// The upper bound of a bucket by its definition.
fn upper_bound(index: i32, schema: i32) -> f64 {
    (f64::from(index) * (-f64::from(schema)).exp2()).exp2()
}

fn counts(native: &Native) -> Vec<(i16, u64)> {
    native
        .buckets
        .iter()
        .map(|bucket| (bucket.index(), bucket.count()))
        .collect()
}

/// Spans and deltas read back as Prometheus reads them; empty buckets left out.
fn decoded(native: &Native) -> Vec<(i32, i64)> {
    let (spans, deltas) = native.spans_and_deltas();
    assert_eq!(
        spans
            .iter()
            .map(|(_, length)| *length as usize)
            .sum::<usize>(),
        deltas.len()
    );
    let mut deltas = deltas.into_iter();
    let (mut index, mut count, mut read) = (0, 0, Vec::new());
    for (gap, length) in spans {
        index += gap;
        for _ in 0..length {
            count += deltas.next().unwrap();
            read.push((index, count));
            index += 1;
        }
    }
    read.retain(|(_, count)| *count != 0);
    read
}

#[test]
fn a_bound_belongs_to_the_bucket_below() {
    for (value, index) in [
        (1.0, 0),
        (2.0, 8),
        (0.5, -8),
        (4.0, 16),
        (0.707_106_781_186_547_5, -4),
    ] {
        assert_eq!(finest_index(value), index, "{value}");
        assert_eq!(
            finest_index(value.next_up()),
            index + 1,
            "just above {value}"
        );
    }
}

#[test]
fn the_whole_range_has_its_buckets() {
    assert_eq!(finest_index(f64::MAX), 1024 * 8);
    assert_eq!(finest_index(ZERO_THRESHOLD.next_up()), -128 * 8 + 1);
    assert_eq!(ZERO_THRESHOLD.to_bits(), 2_f64.powi(-128).to_bits());
    let mut native = Native::default();
    for value in [0.0, f64::MIN_POSITIVE, ZERO_THRESHOLD] {
        native.observe(value);
    }
    assert_eq!((native.zero_count(), native.buckets.len()), (3, 0));
}

#[test]
fn an_empty_one_has_neither_spans_nor_deltas() {
    assert_eq!(Native::default().spans_and_deltas(), (vec![], vec![]));
}

#[test]
fn short_gaps_are_bridged_and_long_ones_begin_a_span() {
    let mut native = Native::default();
    for index in [0, 1, 1, 4, 10] {
        // Just below the bound, whatever the last digit of the power.
        native.observe(upper_bound(index, 3) * 0.99);
    }
    assert_eq!(
        native.spans_and_deltas(),
        (vec![(0, 5), (5, 1)], vec![1, 1, -2, 0, 1, 0])
    );
}

#[test]
fn too_many_buckets_halve_the_resolution_and_lose_nothing() {
    let mut native = Native::default();
    for index in -100..=100 {
        native.observe(upper_bound(index, 3) * 0.99);
        assert!(native.buckets.len() <= BUCKET_LIMIT);
    }
    assert_eq!(native.schema(), 2);
    assert_eq!(
        native
            .buckets
            .iter()
            .map(|bucket| bucket.count())
            .sum::<u64>(),
        201
    );
}

#[test]
fn the_widest_spread_ends_at_the_coarsest_schema() {
    let mut native = Native::default();
    for exponent in -127..1024 {
        for fraction in [1.0, 1.2, 1.5, 1.9] {
            native.observe(fraction * 2_f64.powi(exponent));
        }
    }
    assert!(
        native.buckets.len() <= BUCKET_LIMIT,
        "{}",
        native.buckets.len()
    );
    assert_eq!(
        native
            .buckets
            .iter()
            .map(|bucket| bucket.count())
            .sum::<u64>(),
        4 * 1151
    );
}

proptest! {
    #[test]
    fn every_value_lies_within_its_bucket(value in 1e-30_f64..1e30, steps in 0_i8..=7) {
        let schema = FINEST_SCHEMA - steps;
        let index = i32::from(coarser(finest_index(value), steps));
        let slack = 1e-9;
        prop_assert!(value <= upper_bound(index, schema.into()) * (1.0 + slack));
        prop_assert!(value > upper_bound(index - 1, schema.into()) * (1.0 - slack));
    }

    #[test]
    fn spans_and_deltas_say_what_was_counted(values in prop::collection::vec(1e-9_f64..1e9, 0..400)) {
        let mut native = Native::default();
        for value in &values {
            native.observe(*value);
        }
        let expected: Vec<(i32, i64)> = counts(&native).into_iter().map(|(index, count)| (index.into(), count.cast_signed())).collect();
        prop_assert_eq!(decoded(&native), expected);
        prop_assert_eq!(native.buckets.iter().map(|bucket| bucket.count()).sum::<u64>(), values.len() as u64);
        prop_assert!(native.buckets.is_sorted_by_key(|bucket| bucket.index()));
    }

    #[test]
    fn a_bucket_keeps_index_and_count_apart(index: i16, count in 0_u64..1 << 48) {
        let bucket = Bucket::new(index, count);
        prop_assert_eq!((bucket.index(), bucket.count()), (index, count));
    }
}
