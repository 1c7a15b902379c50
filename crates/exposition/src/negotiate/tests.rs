use proptest::prelude::*;

use super::*;

/// What Prometheus 3 sends by default.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
     application/openmetrics-text;version=0.0.1;q=0.5,\
     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// What it sends with `scrape_native_histograms: true`.
const PROMETHEUS_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
     encoding=delimited;escaping=allow-utf-8;q=0.7,\
     application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
     application/openmetrics-text;version=0.0.1;q=0.5,\
     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

#[test]
fn prometheus_gets_what_it_likes_best() {
    assert_eq!(format(Some(PROMETHEUS)), Format::OpenMetrics);
    assert_eq!(format(Some(PROMETHEUS_NATIVE)), Format::Protobuf);
}

#[test]
fn without_a_usable_wish_it_is_text_0_0_4() {
    let browser =
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
    for accept in [
        "",
        "*/*",
        "*",
        "text/*",
        "text/html",
        browser,
        ",,;;,",
        ";q=1",
        "\"",
        "application/json",
        "text/plain",
        "text/plain;version=0.0.3",
        "text/plain;q=0",
        "*/*;q=0",
        "application/vnd.google.protobuf",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
        "application/vnd.google.protobuf;proto=other.Message;encoding=delimited",
    ] {
        assert_eq!(format(Some(accept)), Format::Text0, "{accept}");
    }
    assert_eq!(format(None), Format::Text0);
}

#[test]
fn openmetrics_1_0_0_is_for_those_who_accept_it() {
    for accept in [
        "application/openmetrics-text",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "Application/OpenMetrics-Text ; Version = \"1.0.0\"",
        "application/openmetrics-text;version=0.0.1,application/openmetrics-text;version=1.0.0;q=0.1",
        "application/*",
    ] {
        assert_eq!(format(Some(accept)), Format::OpenMetrics, "{accept}");
    }
    for accept in [
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;version=0.0.1;q=0.9,text/plain;q=0.1",
    ] {
        assert_eq!(format(Some(accept)), Format::Text0, "{accept}");
    }
}

#[test]
fn text_1_0_0_is_announced_as_it_was_asked_for() {
    let accept = "text/plain;version=1.0.0;escaping=underscores,text/plain;version=0.0.4;q=0.5";
    assert_eq!(format(Some(accept)), Format::Text1);
    assert!(
        Format::Text1
            .content_type()
            .starts_with("text/plain; version=1.0.0")
    );
}

#[test]
fn the_heaviest_wins_and_the_first_of_equals() {
    let open_metrics = "application/openmetrics-text;version=1.0.0";
    for (accept, expected) in [
        (
            format!("text/plain;q=0.4,{open_metrics};q=0.41"),
            Format::OpenMetrics,
        ),
        (
            format!("{open_metrics};q=0.4,text/plain;q=0.41"),
            Format::Text0,
        ),
        (format!("{open_metrics},text/plain"), Format::OpenMetrics),
        (format!("text/plain,{open_metrics}"), Format::Text0),
        (
            format!("{open_metrics};q=nonsense,text/plain;q=0.1"),
            Format::Text0,
        ),
        (
            format!("{open_metrics};q=1.5,text/plain;q=0.1"),
            Format::Text0,
        ),
        (
            format!("{open_metrics};q=NaN,text/plain;q=0.1"),
            Format::Text0,
        ),
        (
            format!("{open_metrics};q=-1,text/plain;q=0.1"),
            Format::Text0,
        ),
        (
            format!("{open_metrics};q=0.33333333,text/plain;q=0.3"),
            Format::OpenMetrics,
        ),
        (
            format!("{open_metrics};q=0.0001,text/html"),
            Format::OpenMetrics,
        ),
        ("text/plain;q=0,*/*".to_owned(), Format::OpenMetrics),
        // Several headers, joined.
        (
            format!("text/html, {open_metrics};q=0.5"),
            Format::OpenMetrics,
        ),
        (
            format!("text/html;note=\"x, text/plain;version=1.0.0, y\", {open_metrics};q=0.5"),
            Format::OpenMetrics,
        ),
    ] {
        assert_eq!(format(Some(&accept)), expected, "{accept}");
    }
}

#[test]
fn gzip_is_for_those_who_accept_it() {
    for accept_encoding in [
        "gzip",
        "GZIP",
        "x-gzip",
        "gzip, deflate, br, zstd",
        "gzip;q=0.001",
        "*",
        "identity;q=0.5, *;q=0.6",
        "gzip;q=0.5, identity;q=0.5",
        "gzip;q=0, gzip;q=1",
    ] {
        assert_eq!(
            coding(Some(accept_encoding)),
            Coding::Gzip,
            "{accept_encoding}"
        );
    }
    for accept_encoding in [
        "",
        "identity",
        "gzip;q=0",
        "gzip;q=0.0, *",
        "gzip;q=x",
        "deflate, br",
        "identity, gzip;q=0.5",
        "identity;q=0",
        "*;q=0",
        ";;,,",
    ] {
        assert_eq!(
            coding(Some(accept_encoding)),
            Coding::Identity,
            "{accept_encoding}"
        );
    }
    assert_eq!(coding(None), Coding::Identity);
}

/// Pieces of which odd headers are made.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("application/openmetrics-text".to_owned()),
        Just("text/plain".to_owned()),
        Just("*/*".to_owned()),
        Just(";version=1.0.0".to_owned()),
        Just(";q=".to_owned()),
        Just("0.".to_owned()),
        Just("1".to_owned()),
        Just(",".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just(";".to_owned()),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_header_is_an_error(fragments in prop::collection::vec(fragment(), 0..20)) {
        let header = fragments.concat();
        let _format = format(Some(&header));
        let _coding = coding(Some(&header));
    }

    #[test]
    fn the_order_of_distinct_weights_decides_wherever_they_stand(
        ranges in Just(vec![
            (Format::Protobuf, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"),
            (Format::OpenMetrics, "application/openmetrics-text;version=1.0.0"),
            (Format::Text1, "text/plain;version=1.0.0;escaping=allow-utf-8"),
            (Format::Text0, "text/plain;version=0.0.4"),
        ]).prop_shuffle(),
        weights in Just(vec![100_u16, 250, 999, 7]).prop_shuffle(),
    ) {
        let header: Vec<String> = ranges.iter().zip(&weights).map(|((_, range), weight)| format!("{range};q=0.{weight:03}")).collect();
        let heaviest = weights.iter().position(|weight| *weight == 999).unwrap();
        prop_assert_eq!(format(Some(&header.join(","))), ranges[heaviest].0);
    }

    #[test]
    fn a_weight_is_read_to_three_decimals(thousandths in 0_u16..=999, more in "[0-9]{0,4}") {
        let read = parse_weight(&format!("0.{thousandths:03}{more}"));
        let tiny = thousandths == 0 && more.bytes().any(|digit| digit != b'0');
        prop_assert_eq!(read, Some(if tiny { 1 } else { thousandths }));
    }
}
