//! Names, help and labels; a [`Collector`] over the latest findings.

use std::borrow::Cow;
use std::fmt::Result;
use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use self::table::{Family, Kind};
use crate::decide::Findings;

mod autoscaler;
mod controller;
mod metric;
pub mod table;

pub(crate) use metric::{in_unit, name};

/// The page's part about autoscalers, and the controller behind them.
#[derive(Debug)]
pub struct Decisions {
    findings: Arc<ArcSwap<Findings>>,
}

impl Decisions {
    /// Shows whatever the findings are at the time of the scrape.
    pub fn new(findings: Arc<ArcSwap<Findings>>) -> Self {
        Self { findings }
    }
}

impl Collector for Decisions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result {
        let findings = self.findings.load();
        metric::encode(&mut encoder, &findings.autoscalers)?;
        autoscaler::encode(&mut encoder, &findings.autoscalers)?;
        controller::encode(&mut encoder, &findings)
    }
}

type Label<'a> = (&'a str, Cow<'a, str>);
type LabelSet<'a> = Vec<Label<'a>>;

fn with<'a>(labels: &LabelSet<'a>, name: &'a str, value: impl Into<Cow<'a, str>>) -> LabelSet<'a> {
    let mut labels = labels.clone();
    labels.push((name, value.into()));
    labels
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

/// Seconds since the epoch.
#[expect(
    clippy::cast_precision_loss,
    reason = "a float's microsecond is near enough"
)]
fn seconds(moment: hpa_engine::Moment) -> f64 {
    moment.nanoseconds() as f64 / 1e9
}

/// The series of one family, under its one descriptor.
struct Series<'a>(MetricEncoder<'a>);

impl<'a> Series<'a> {
    fn open(
        encoder: &'a mut DescriptorEncoder<'_>,
        family: &'a Family,
    ) -> std::result::Result<Self, std::fmt::Error> {
        let (name, metric_type) = match family.kind {
            // The encoders put the suffix back.
            Kind::Counter => (family.name.trim_end_matches("_total"), MetricType::Counter),
            Kind::Gauge => (family.name, MetricType::Gauge),
        };
        encoder
            .encode_descriptor(name, family.help, None, metric_type)
            .map(Self)
    }

    fn metric(&mut self, labels: &[Label<'_>], metric: &impl EncodeMetric) -> Result {
        metric.encode(self.0.encode_family(&labels)?)
    }

    fn gauge(&mut self, labels: &[Label<'_>], value: f64) -> Result {
        self.metric(labels, &ConstGauge::new(value))
    }

    fn count(&mut self, labels: &[Label<'_>], value: u64) -> Result {
        self.metric(labels, &ConstCounter::new(value))
    }
}
