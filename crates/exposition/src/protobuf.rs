//! Delimited protobuf: each family preceded by its length.
//!
//! Native histograms travel so, and only so. The encoder makes a model of the whole registry first, some 1.4 KB a series
//! for as long as its collector is written: an exporter with very many series does well to have several collectors.

use prometheus_client::encoding::prometheus_protobuf;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    Metric, MetricFamily, MetricType, Untyped,
};
use prometheus_client::registry::Registry;
use prost::Message as _;

use crate::names::Kind;
use crate::section::{Fault, Section};

/// Writes everything that the registry has and was asked for.
pub(crate) fn write(registry: &Registry, section: &mut Section<'_>) -> Result<(), Fault> {
    for mut family in prometheus_protobuf::encode(registry)? {
        let (name, kind) = name_and_kind(&family);
        if section.open(name, kind)? {
            if family.r#type() == MetricType::Untyped {
                family.metric.iter_mut().for_each(fill_untyped);
            }
            section.body.write(&family.encode_length_delimited_to_vec());
        }
    }
    Ok(())
}

/// The name that a family has in OpenMetrics, and its kind. An info is a gauge by then.
fn name_and_kind(family: &MetricFamily) -> (&str, Kind) {
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
