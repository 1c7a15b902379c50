//! What was measured: from objects that lie beside the others, or from the metric APIs.

use hpa_engine::{Moment, Samples, Selector};

use crate::model::{Model, Surroundings};

mod ask;

pub use ask::Asking;

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

/// What was measured, and what a status tells of the rest.
#[must_use]
pub fn over(told: Samples, measured: Samples) -> Samples {
    Samples {
        resource: measured.resource.or(told.resource),
        pods: if measured.pods.is_empty() {
            told.pods
        } else {
            measured.pods
        },
        objects: if measured.objects.is_empty() {
            told.objects
        } else {
            measured.objects
        },
        external: if measured.external.is_empty() {
            told.external
        } else {
            measured.external
        },
    }
}

/// What was asked for in vain, with the API and the reason.
pub fn failures(samples: &Samples) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(Err(text)) = &samples.resource {
        found.push(format!("metrics.k8s.io: {text}"));
    }
    for (metric, answer) in &samples.pods {
        if let Err(text) = answer {
            found.push(format!("custom.metrics.k8s.io {}: {text}", metric.name));
        }
    }
    for (metric, _, answer) in &samples.objects {
        if let Err(text) = answer {
            found.push(format!("custom.metrics.k8s.io {}: {text}", metric.name));
        }
    }
    for (metric, answer) in &samples.external {
        if let Err(text) = answer {
            found.push(format!("external.metrics.k8s.io {}: {text}", metric.name));
        }
    }
    found
}

/// The end of the oldest interval that a sample covers.
pub fn end(samples: &Samples) -> Option<Moment> {
    let usages = samples.resource.as_ref()?.as_ref().ok()?;
    usages.iter().map(|usage| usage.timestamp).min()
}
