//! What a trace has to have a column for.

use anyhow::{Result, bail};
use hpa_engine::{MetricSource, Spec};

/// One metric's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name in the trace.
    pub(super) name: String,
    /// It is what the pods use or do together, and not something outside of them: it cannot be negative.
    pub(super) of_pods: bool,
}

/// The columns of a spec's metrics, in their order.
pub(super) fn of(spec: &Spec) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for metric in &spec.metrics {
        let (name, of_pods) = match &metric.source {
            MetricSource::Resource { name } => (name.to_string(), true),
            MetricSource::ContainerResource { name, container } => {
                (format!("{container}/{name}"), true)
            }
            MetricSource::Pods { metric } => (metric.name.clone(), true),
            MetricSource::Object { metric, .. } | MetricSource::External { metric } => {
                (metric.name.clone(), false)
            }
            MetricSource::Unknown { kind } => (kind.clone(), false),
        };
        if columns.iter().any(|column| column.name == name) {
            bail!("two metrics are called `{name}`, and a trace could not tell them apart");
        }
        columns.push(Column { name, of_pods });
    }
    let has = |wanted: fn(&MetricSource) -> bool| spec.metrics.iter().any(|it| wanted(&it.source));
    if has(|it| matches!(it, MetricSource::Resource { .. }))
        && has(|it| matches!(it, MetricSource::ContainerResource { .. }))
    {
        bail!(
            "metrics of whole pods and of single containers together are not played: a trace does not say what the other containers use"
        );
    }
    Ok(columns)
}
