//! Prometheus text 0.0.4, written from the protobuf model.
//!
//! What that format cannot say is left out or said otherwise: exemplars and units go, info is a gauge, unknown is
//! `untyped`. Floats in `le` are written as OpenMetrics writes them (`1.0`, not `1`), so that a series is the same
//! whichever format carried it.

use std::fmt::{self, Write};

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::model;
use crate::section::{Fault, Section};

/// Bytes of text collected before they are handed on.
const CHUNK: usize = 16 * 1024;

/// Writes the families that were asked for.
pub(crate) fn write(families: &[MetricFamily], section: &mut Section<'_>) -> Result<(), Fault> {
    let mut text = String::new();
    for family in families {
        let (name, kind) = model::name_and_kind(family);
        if !section.open(name, kind)? {
            continue;
        }
        head(&mut text, family)?;
        for metric in &family.metric {
            samples(&mut text, &family.name, metric)?;
            if text.len() >= CHUNK {
                section.body.write(text.as_bytes());
                text.clear();
            }
        }
        section.body.write(text.as_bytes());
        text.clear();
    }
    Ok(())
}

fn head(text: &mut String, family: &MetricFamily) -> fmt::Result {
    let kind = match family.r#type() {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::Summary => "summary",
        MetricType::Untyped | MetricType::GaugeHistogram => "untyped",
    };
    text.write_str("# HELP ")?;
    text.write_str(&family.name)?;
    text.write_char(' ')?;
    escape(text, &family.help, &['\\', '\n'])?;
    writeln!(text, "\n# TYPE {} {kind}", family.name)
}

fn samples(text: &mut String, name: &str, metric: &Metric) -> fmt::Result {
    let plain = metric.counter.as_ref().map(|counter| counter.value);
    let plain = plain.or(metric.gauge.as_ref().map(|gauge| gauge.value));
    let plain = plain.or(metric.untyped.as_ref().map(|untyped| untyped.value));
    if let Some(value) = plain {
        sample(text, name, "", &metric.label, None, Value(value))?;
    }
    if let Some(histogram) = &metric.histogram {
        buckets(text, name, &metric.label, histogram)?;
    }
    Ok(())
}

fn buckets(
    text: &mut String,
    name: &str,
    labels: &[LabelPair],
    histogram: &Histogram,
) -> fmt::Result {
    for bucket in histogram
        .bucket
        .iter()
        .filter(|bucket| bucket.upper_bound.is_finite())
    {
        sample(
            text,
            name,
            "_bucket",
            labels,
            Some(bucket.upper_bound),
            bucket.cumulative_count,
        )?;
    }
    // The last bucket is optional in the model and required in the text.
    sample(
        text,
        name,
        "_bucket",
        labels,
        Some(f64::INFINITY),
        histogram.sample_count,
    )?;
    sample(
        text,
        name,
        "_sum",
        labels,
        None,
        Value(histogram.sample_sum),
    )?;
    sample(text, name, "_count", labels, None, histogram.sample_count)
}

fn sample(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &[LabelPair],
    bound: Option<f64>,
    value: impl fmt::Display,
) -> fmt::Result {
    text.write_str(name)?;
    text.write_str(suffix)?;
    let mut separator = '{';
    for label in labels {
        text.write_char(separator)?;
        text.write_str(&label.name)?;
        text.write_str("=\"")?;
        escape(text, &label.value, &['\\', '\n', '"'])?;
        text.write_char('"')?;
        separator = ',';
    }
    if let Some(bound) = bound {
        write!(text, "{separator}le=\"{}\"", Bound(bound))?;
        separator = ',';
    }
    if separator == ',' {
        text.write_char('}')?;
    }
    writeln!(text, " {value}")
}

fn escape(text: &mut String, raw: &str, special: &[char]) -> fmt::Result {
    for part in raw.split_inclusive(special) {
        match part
            .chars()
            .next_back()
            .filter(|last| special.contains(last))
        {
            Some(last) => {
                text.write_str(&part[..part.len() - 1])?;
                text.write_char('\\')?;
                text.write_char(if last == '\n' { 'n' } else { last })?;
            }
            None => text.write_str(part)?,
        }
    }
    Ok(())
}

/// A sample's value: whole numbers without a fraction, the rest as short as it can be read back exactly.
struct Value(f64);

/// A bucket's bound, as OpenMetrics writes floats.
struct Bound(f64);

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Below it each whole number is a float and a float's display has no exponent.
        const WHOLE: f64 = 1e15;
        if self.0.is_finite() && self.0.abs() < WHOLE && self.0.fract() == 0.0 {
            write!(formatter, "{}", self.0)
        } else {
            Bound(self.0).fmt(formatter)
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            infinite if infinite.is_infinite() => {
                formatter.write_str(if infinite > 0.0 { "+Inf" } else { "-Inf" })
            }
            not_a_number if not_a_number.is_nan() => formatter.write_str("NaN"),
            finite => write!(formatter, "{finite:?}"),
        }
    }
}
