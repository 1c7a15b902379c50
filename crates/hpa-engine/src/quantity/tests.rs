use super::*;
use crate::profile::Architecture::Amd64;

fn milli(text: &str) -> i64 {
    text.parse::<Quantity>().unwrap().milli(Amd64)
}

#[test]
fn thousandths_are_rounded_away_from_zero() {
    assert_eq!(milli("123456789n"), 124);
    assert_eq!(milli("-123456789n"), -124);
    assert_eq!(milli("1n"), 1);
    assert_eq!(milli("0.1"), 100);
    assert_eq!(milli("1Ki"), 1_024_000);
}

#[test]
fn what_overflows_is_what_go_makes_of_it() {
    // Eighteen places and three are no usual step: nothing is left.
    assert_eq!(milli("10E"), 0);
    // Six are: the product wraps.
    assert_eq!(
        milli("9300000000000000k"),
        9_300_000_000_000_000_i64.wrapping_mul(1_000_000)
    );
    // A power of two is capped at the greatest i64, which wraps times a thousand.
    assert_eq!(milli("9000000000000Ei"), -1000);
}

#[test]
fn a_tolerance_is_its_mantissa_times_a_power_of_ten() {
    let approximate = |text: &str| text.parse::<Quantity>().unwrap().approximate();
    assert!((approximate("9m") - 9.0 * 0.001).abs() < f64::EPSILON * 1e-9);
    assert!(approximate("9m").to_bits() != 0.009_f64.to_bits());
    assert_eq!(approximate("0.05").to_bits(), (5.0 * 0.01_f64).to_bits());
}

#[test]
fn text_is_canonical() {
    for (text, canonical) in [
        ("0.1", "100m"),
        ("1000m", "1"),
        ("1500", "1500"),
        ("100000", "100k"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("512", "512"),
        ("1e3", "1e3"),
        ("-9223372036854775808m", "-9223372036854775808m"),
    ] {
        assert_eq!(
            text.parse::<Quantity>().unwrap().to_string(),
            canonical,
            "{text}"
        );
    }
    let milli = |value, format| Quantity::from_milli(value, format).to_string();
    assert_eq!(milli(1_048_576_000, Format::BinarySi), "1Mi");
    assert_eq!(milli(1_023_000, Format::BinarySi), "1023");
    assert_eq!(milli(1_048_576_001, Format::BinarySi), "1048576001m");
    assert_eq!(milli(i64::MIN, Format::DecimalSi), "-9223372036854775808m");
}

#[test]
fn what_is_no_quantity_is_refused() {
    for text in [
        "", "a", "1x", "1.5.3", "--1", "1e", "1eE", "1m5", "1 Gi", "\u{e9}",
    ] {
        assert!(text.parse::<Quantity>().is_err(), "{text}");
    }
}

#[test]
fn sums_go_on_beyond_an_i64() {
    let sum = |left: &str, right: &str| {
        left.parse::<Quantity>()
            .unwrap()
            .plus(&right.parse().unwrap())
    };
    assert_eq!(sum("100m", "1"), "1100m".parse().unwrap());
    assert_eq!(sum("5E", "5E"), "10E".parse().unwrap());
    assert_eq!(sum("0.1", "1Gi"), "1073741824100m".parse().unwrap());
}
