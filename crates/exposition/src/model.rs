//! The protobuf model of a registry, from which text 0.0.4 and protobuf are written.

use std::fmt;

use prometheus_client::encoding::prometheus_protobuf;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    Metric, MetricFamily, MetricType, Untyped,
};
use prometheus_client::registry::Registry;

use crate::names::Kind;

/// All families of a registry, put right where the encoder and Prometheus' parser disagree.
pub(crate) fn gather(registry: &Registry) -> Result<Vec<MetricFamily>, fmt::Error> {
    let mut families = prometheus_protobuf::encode(registry)?;
    for family in &mut families {
        if family.r#type() == MetricType::Untyped {
            family.metric.iter_mut().for_each(fill_untyped);
        }
    }
    Ok(families)
}

/// The name that a family has in OpenMetrics, and its kind.
pub(crate) fn name_and_kind(family: &MetricFamily) -> (&str, Kind) {
    match family.r#type() {
        MetricType::Counter => (
            family.name.strip_suffix("_total").unwrap_or(&family.name),
            Kind::Counter,
        ),
        MetricType::Histogram => (&family.name, Kind::Histogram),
        _ => (&family.name, Kind::Plain),
    }
}

/// A metric of unknown type encodes itself as a gauge or a counter, but an untyped family must carry untyped values:
/// Prometheus' parser would read 0.
fn fill_untyped(metric: &mut Metric) {
    let value = metric.gauge.take().map(|gauge| gauge.value);
    let value = value.or(metric.counter.take().map(|counter| counter.value));
    if let (Some(value), None) = (value, &metric.untyped) {
        metric.untyped = Some(Untyped { value });
    }
}
