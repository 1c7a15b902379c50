#![expect(clippy::float_cmp, reason = "these sums are exact")]

use prometheus_client::encoding::prometheus_protobuf;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::*;

const BOUNDS: &[f64] = &[0.1, 0.5, 1.0];

fn counts(histogram: &Histogram) -> Vec<u64> {
    histogram
        .snapshot()
        .buckets()
        .map(|(_, count)| count)
        .collect()
}

#[test]
fn a_bound_is_inclusive_and_the_rest_is_above() {
    let histogram = Histogram::new(BOUNDS);
    for value in [0.0, 0.1, 0.100_000_001, 0.5, 1.0, 7.0] {
        histogram.observe(value);
    }
    assert_eq!(counts(&histogram), [2, 2, 1, 1]);
    let snapshot = histogram.snapshot();
    assert_eq!(snapshot.count(), 6);
    assert!((snapshot.sum() - 8.700_000_001).abs() < 1e-12);
}

#[test]
fn values_that_are_not_finite_are_dropped() {
    let histogram = Histogram::new(BOUNDS);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        histogram.observe(value);
    }
    assert_eq!(histogram.snapshot().count(), 0);
    assert_eq!(histogram.snapshot().sum(), 0.0);
}

#[test]
fn a_negative_value_counts_as_zero() {
    let histogram = Histogram::new(BOUNDS);
    histogram.observe(-3.0);
    let snapshot = histogram.snapshot();
    assert_eq!((snapshot.count(), snapshot.sum()), (1, 0.0));
    assert_eq!(snapshot.native.zero_count(), 1);
    assert!(snapshot.sum().is_sign_positive());
}

#[test]
fn an_infinite_bound_that_was_given_is_not_a_second_one() {
    let histogram = Histogram::new(&[1.0, f64::INFINITY]);
    histogram.observe(5.0);
    assert_eq!(counts(&histogram), [0, 1]);
}

#[test]
fn text_never_fails_for_it_with_no_bounds_and_no_values() {
    for bounds in [&[][..], BOUNDS] {
        for observations in [0, 3] {
            let histogram = Histogram::new(bounds);
            (0..observations).for_each(|value| histogram.observe(f64::from(value)));
            let mut registry = Registry::default();
            registry.register("latency_seconds", "Latency", histogram);
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            assert!(
                text.contains(&format!(
                    "latency_seconds_bucket{{le=\"+Inf\"}} {observations}\n"
                )),
                "{text}"
            );
            assert!(
                text.contains(&format!("latency_seconds_count {observations}\n")),
                "{text}"
            );
        }
    }
}

#[test]
fn protobuf_carries_both_kinds_of_buckets() {
    let family =
        Family::<[(&str, &str); 1], Histogram, _>::new_with_constructor(|| Histogram::new(BOUNDS));
    let histogram = family.get_or_create_owned(&[("phase", "rpc")]);
    for value in [0.0, 0.9, 1.0, 1.0] {
        histogram.observe(value);
    }
    let mut registry = Registry::default();
    registry.register("latency_seconds", "Latency", family);
    let families = prometheus_protobuf::encode(&registry).unwrap();
    let encoded = families[0].metric[0].histogram.as_ref().unwrap();
    assert_eq!(encoded.sample_count, 4);
    let cumulative: Vec<u64> = encoded
        .bucket
        .iter()
        .map(|bucket| bucket.cumulative_count)
        .collect();
    assert_eq!(cumulative, [1, 1, 4, 4]);
    assert_eq!((encoded.schema, encoded.zero_count), (3, 1));
    assert_eq!(encoded.positive_span.len(), 1);
    assert_eq!(
        encoded.positive_delta,
        [1, 1],
        "one in (0.84, 0.917], two in (0.917, 1]"
    );
    assert_eq!(
        encoded.zero_threshold, ZERO_THRESHOLD,
        "by which an empty one is known as native"
    );
}

#[test]
fn clones_count_into_one_state() {
    let histogram = Histogram::new(BOUNDS);
    histogram.clone().observe(0.2);
    assert_eq!(histogram.snapshot().count(), 1);
}
