//! One family of a collector, series by series.

use std::borrow::Cow;
use std::fmt::Result;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::Histogram;

/// A label: its name and its value.
pub type Label<'a> = (&'a str, Cow<'a, str>);

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes both ways.
    Gauge,
    /// Classic buckets and native ones.
    Histogram,
}

/// The series of one family, under its one descriptor.
#[derive(Debug)]
pub struct Series<'a>(MetricEncoder<'a>);

// === impl Kind ===

impl Kind {
    /// As the exposition formats write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

// === impl Series ===

impl<'a> Series<'a> {
    /// Opens the family of this name, as PromQL writes it: a counter's ends in `_total`.
    pub fn open(
        encoder: &'a mut DescriptorEncoder<'_>,
        name: &'a str,
        kind: Kind,
        help: &'a str,
    ) -> std::result::Result<Self, std::fmt::Error> {
        let (name, metric_type) = match kind {
            // The encoders put the suffix back.
            Kind::Counter => (name.trim_end_matches("_total"), MetricType::Counter),
            Kind::Gauge => (name, MetricType::Gauge),
            Kind::Histogram => (name, MetricType::Histogram),
        };
        encoder
            .encode_descriptor(name, help, None, metric_type)
            .map(Self)
    }

    /// A gauge with these labels.
    pub fn gauge(&mut self, labels: &[Label<'_>], value: f64) -> Result {
        self.metric(labels, &ConstGauge::new(value))
    }

    /// A counter with these labels.
    pub fn count(&mut self, labels: &[Label<'_>], value: u64) -> Result {
        self.metric(labels, &ConstCounter::new(value))
    }

    /// A histogram with these labels.
    pub fn histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram) -> Result {
        self.metric(labels, histogram)
    }

    fn metric(&mut self, labels: &[Label<'_>], metric: &impl EncodeMetric) -> Result {
        metric.encode(self.0.encode_family(&labels)?)
    }
}
