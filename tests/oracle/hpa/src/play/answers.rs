//! What the metric APIs answer in a scenario, as the engine takes it.

use anyhow::Result;
use hpa_engine::{Autoscaler, MetricIdentifier, MetricSource, ObjectReference, Quantity, Samples};
use serde_json::Value;

use super::NAMESPACE;
use crate::native::read;
use crate::scenario::{Answer, Metrics};

/// What the autoscaler's metrics are answered, in the oracle's words where there is no answer.
pub(super) fn samples(autoscaler: &Autoscaler, metrics: &Metrics) -> Result<Samples> {
    let mut samples = Samples::default();
    for spec in &autoscaler.spec.metrics {
        match &spec.source {
            MetricSource::Resource { .. } | MetricSource::ContainerResource { .. } => {
                samples.resource = Some(match &metrics.resource {
                    Some(answer) => answered(answer, read::pod_usage)?,
                    None => Err("the server could not find the requested resource".to_owned()),
                });
            }
            MetricSource::Pods { metric } => {
                let answer = match metrics.pods.get(&metric.name) {
                    Some(answer) => answered(answer, read::pod_value)?,
                    None => Err(format!(
                        "the server could not find the metric {} for Pod",
                        metric.name
                    )),
                };
                samples.pods.push((metric.clone(), answer));
            }
            MetricSource::Object { metric, described } => {
                let answer = match metrics.objects.get(&metric.name) {
                    Some(answer) => answered(answer, read::value)?.and_then(the_only),
                    None => Err(no_object_metric(metric, described)),
                };
                samples
                    .objects
                    .push((metric.clone(), described.clone(), answer));
            }
            MetricSource::External { metric } => {
                let answer = match metrics.external.get(&metric.name) {
                    Some(answer) => answered(answer, read::value)?,
                    None => Err(format!(
                        "the server could not find the metric {}",
                        metric.name
                    )),
                };
                samples.external.push((metric.clone(), answer));
            }
            MetricSource::Unknown { .. } => {}
        }
    }
    Ok(samples)
}

fn answered<T>(
    answer: &Answer,
    of: impl Fn(&Value) -> Result<T>,
) -> Result<Result<Vec<T>, String>> {
    if !answer.error.is_empty() {
        return Ok(Err(answer.error.clone()));
    }
    let items = answer.items.iter().map(of).collect::<Result<_>>()?;
    Ok(Ok(items))
}

fn the_only(mut values: Vec<Quantity>) -> Result<Quantity, String> {
    let count = values.len();
    values.pop().filter(|_| count == 1).ok_or_else(|| {
        format!(
            "the custom metrics API server returned {count} results when we asked for exactly one"
        )
    })
}

fn no_object_metric(metric: &MetricIdentifier, described: &ObjectReference) -> String {
    let ObjectReference {
        api_version,
        kind,
        name,
        ..
    } = described;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let dot = if group.is_empty() { "" } else { "." };
    // The controller asks for its own namespace, whichever is named.
    let name = match (group, &**kind) {
        ("", "Namespace") => NAMESPACE,
        _ => name,
    };
    let metric = &metric.name;
    format!("the server could not find the metric {metric} for {kind}{dot}{group} {name}")
}
