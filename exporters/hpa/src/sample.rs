//! What was measured: from objects that lie beside the others, or from the metric APIs. And whatever else is asked for because it cannot
//! be watched.

use hpa_engine::{
    Answer, MetricIdentifier, MetricSource, Moment, ObjectReference, PodValue, Quantity, Samples,
    Selector,
};

use crate::model::{Model, Surroundings};

mod ask;
mod complaint;
mod configz;
mod waiting;

pub use ask::Asking;
pub use complaint::complaints;
pub use configz::Configz;
pub(crate) use waiting::{Answered, Waiting};

/// What `PodMetrics` objects say of the pods in these surroundings, as `metrics.k8s.io` would answer for their selector.
/// Nothing if there are no such objects at all.
pub fn of_objects(model: &Model, surroundings: &Surroundings) -> Samples {
    let mut samples = Samples::default();
    let Ok(scale) = &surroundings.scale else {
        return samples;
    };
    if !model.has_usages() {
        return samples;
    }
    let selector: Option<Selector> = scale.selector.parse().ok();
    let usages = model.usages(&surroundings.autoscaler.namespace);
    let selected = usages.filter(|usage| {
        // Whoever wrote them down may have left the labels out.
        let is_pods = || {
            let mut pods = surroundings.pods.iter();
            pods.any(|placed| *placed.pod.name == *usage.key.name)
        };
        let by_label = selector
            .as_ref()
            .is_some_and(|it| it.matches(&usage.labels));
        by_label || is_pods()
    });
    let mut usages: Vec<_> = selected.map(|usage| usage.usage.clone()).collect();
    usages.sort_by(|left, right| left.pod.cmp(&right.pod));
    samples.resource = Some(Ok(usages));
    samples
}

/// What was measured, and what a status tells of the rest. An answer that failed measures nothing.
#[must_use]
pub fn over(mut told: Samples, measured: &Samples) -> Samples {
    if let Some(Ok(usages)) = &measured.resource {
        told.resource = Some(Ok(usages.clone()));
    }
    for (metric, answer) in &mut told.pods {
        if let Some(Ok(values)) = of_pods(measured, metric) {
            *answer = Ok(values.clone());
        }
    }
    for (metric, described, answer) in &mut told.objects {
        if let Some(Ok(value)) = of_object(measured, metric, described) {
            *answer = Ok(value.clone());
        }
    }
    for (metric, answer) in &mut told.external {
        if let Some(Ok(values)) = of_external(measured, metric) {
            *answer = Ok(values.clone());
        }
    }
    told
}

/// Whether this metric was measured; nothing if nobody asked.
pub fn answered(samples: &Samples, source: &MetricSource) -> Option<bool> {
    match source {
        MetricSource::Resource { .. } | MetricSource::ContainerResource { .. } => {
            samples.resource.as_ref().map(Result::is_ok)
        }
        MetricSource::Pods { metric } => of_pods(samples, metric).map(Result::is_ok),
        MetricSource::Object { metric, described } => {
            of_object(samples, metric, described).map(Result::is_ok)
        }
        MetricSource::External { metric } => of_external(samples, metric).map(Result::is_ok),
        MetricSource::Unknown { .. } => None,
    }
}

/// Lets go of what was measured for this metric.
pub fn discard(samples: &mut Samples, source: &MetricSource) {
    match source {
        MetricSource::Resource { .. } | MetricSource::ContainerResource { .. } => {
            samples.resource = None;
        }
        MetricSource::Pods { metric } => samples.pods.retain(|(it, _)| it != metric),
        MetricSource::Object { metric, described } => {
            let objects = &mut samples.objects;
            objects.retain(|(it, other, _)| (it, other) != (metric, described));
        }
        MetricSource::External { metric } => samples.external.retain(|(it, _)| it != metric),
        MetricSource::Unknown { .. } => {}
    }
}

fn of_pods<'a>(
    samples: &'a Samples,
    metric: &MetricIdentifier,
) -> Option<&'a Answer<Vec<PodValue>>> {
    let mut pods = samples.pods.iter();
    pods.find(|(it, _)| it == metric).map(|(_, answer)| answer)
}

fn of_object<'a>(
    samples: &'a Samples,
    metric: &MetricIdentifier,
    described: &ObjectReference,
) -> Option<&'a Answer<Quantity>> {
    let mut objects = samples.objects.iter();
    let found = objects.find(|(it, other, _)| (it, other) == (metric, described));
    found.map(|(_, _, answer)| answer)
}

fn of_external<'a>(
    samples: &'a Samples,
    metric: &MetricIdentifier,
) -> Option<&'a Answer<Vec<Quantity>>> {
    let mut external = samples.external.iter();
    external
        .find(|(it, _)| it == metric)
        .map(|(_, answer)| answer)
}

/// The end of the oldest interval that a sample covers.
pub fn end(samples: &Samples) -> Option<Moment> {
    let usages = samples.resource.as_ref()?.as_ref().ok()?;
    usages.iter().map(|usage| usage.timestamp).min()
}
