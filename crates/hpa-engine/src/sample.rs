//! What the metric APIs answered.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::quantity::Quantity;
use crate::resource::Resources;
use crate::spec::{MetricIdentifier, ObjectReference};

/// An answer, or the text of the error that came instead.
pub type Answer<T> = Result<T, String>;

/// Everything that was asked for one autoscaler, at one time. A metric that was not asked for is an error when it is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Samples {
    /// `metrics.k8s.io`: the pods that the selector matches. Asked once, for all resources.
    pub resource: Option<Answer<Vec<PodUsage>>>,
    /// `custom.metrics.k8s.io` for pods.
    pub pods: Vec<(MetricIdentifier, Answer<Vec<PodValue>>)>,
    /// `custom.metrics.k8s.io` for one object.
    pub objects: Vec<(MetricIdentifier, ObjectReference, Answer<Quantity>)>,
    /// `external.metrics.k8s.io`.
    pub external: Vec<(MetricIdentifier, Answer<Vec<Quantity>>)>,
}

/// `PodMetrics` of `metrics.k8s.io`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodUsage {
    /// The pod's name.
    pub pod: Box<str>,
    /// The pod's namespace, as the answer has it. Only an error's text tells it.
    #[serde(default)]
    pub namespace: Box<str>,
    /// The end of the interval that was measured.
    pub timestamp: Moment,
    /// How long the interval was.
    pub window: Duration,
    /// Its containers.
    pub containers: Box<[ContainerUsage]>,
}

/// `ContainerMetrics`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerUsage {
    /// The container's name.
    pub name: Box<str>,
    /// What it uses.
    pub usage: Resources,
}

/// `MetricValue` of `custom.metrics.k8s.io`, for a pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodValue {
    /// The pod's name.
    pub pod: Box<str>,
    /// The value.
    pub value: Quantity,
}

impl Samples {
    pub(crate) fn of_pods(&self, metric: &MetricIdentifier) -> Answer<&[PodValue]> {
        let found = self.pods.iter().find(|(it, _)| it == metric);
        found.map_or_else(|| Err(never(metric)), |(_, answer)| borrowed(answer))
    }

    pub(crate) fn of_object(
        &self,
        metric: &MetricIdentifier,
        object: &ObjectReference,
    ) -> Answer<&Quantity> {
        let mut all = self.objects.iter();
        let found = all.find(|(it, described, _)| it == metric && described == object);
        found.map_or_else(
            || Err(never(metric)),
            |(_, _, answer)| answer.as_ref().map_err(Clone::clone),
        )
    }

    pub(crate) fn of_external(&self, metric: &MetricIdentifier) -> Answer<&[Quantity]> {
        let found = self.external.iter().find(|(it, _)| it == metric);
        found.map_or_else(|| Err(never(metric)), |(_, answer)| borrowed(answer))
    }

    pub(crate) fn of_resource(&self) -> Answer<&[PodUsage]> {
        match &self.resource {
            Some(answer) => borrowed(answer),
            None => Err("the resource metrics API was not asked".to_owned()),
        }
    }
}

fn borrowed<T>(answer: &Answer<Vec<T>>) -> Answer<&[T]> {
    answer.as_deref().map_err(Clone::clone)
}

fn never(metric: &MetricIdentifier) -> String {
    format!("the metric {} was not asked for", metric.name)
}
