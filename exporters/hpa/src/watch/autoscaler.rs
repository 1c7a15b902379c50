//! `autoscaling/v2` `HorizontalPodAutoscaler`, as a cluster serves it and as people write it.

use std::sync::Arc;

use hpa_engine::{
    Autoscaler, Behavior, Condition, ConditionKind, Current, LabelSelector, MetricIdentifier,
    MetricSource, MetricSpec, MetricStatus, Moment, ObjectReference, ResourceName, Spec, Status,
    Target, TargetKind, Truth, WrittenRules,
};
use kube_watch::ObjectKey;
use serde::Deserialize;

use super::Metadata;
use super::time::{Time, now};
use crate::model::autoscaler::Observed;

/// The object.
#[derive(Debug, Deserialize)]
pub struct HorizontalPodAutoscaler {
    metadata: Metadata,
    spec: WrittenSpec,
    #[serde(default)]
    status: Option<WrittenStatus>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenSpec {
    scale_target_ref: ObjectReference,
    min_replicas: Option<i32>,
    max_replicas: i32,
    metrics: Option<Vec<Metric<Target>>>,
    behavior: Option<WrittenBehavior>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenBehavior {
    scale_up: Option<WrittenRules>,
    scale_down: Option<WrittenRules>,
}

/// `MetricSpec` with a target, and `MetricStatus` with a current value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric<T> {
    #[serde(rename = "type")]
    kind: String,
    resource: Option<OfResource<T>>,
    container_resource: Option<OfContainer<T>>,
    pods: Option<OfPods<T>>,
    object: Option<OfObject<T>>,
    external: Option<OfPods<T>>,
}

#[derive(Debug, Deserialize)]
struct OfResource<T> {
    name: ResourceName,
    #[serde(alias = "current")]
    target: T,
}

#[derive(Debug, Deserialize)]
struct OfContainer<T> {
    name: ResourceName,
    container: String,
    #[serde(alias = "current")]
    target: T,
}

#[derive(Debug, Deserialize)]
struct OfPods<T> {
    metric: WrittenIdentifier,
    #[serde(alias = "current")]
    target: T,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfObject<T> {
    metric: WrittenIdentifier,
    described_object: Option<ObjectReference>,
    #[serde(alias = "current")]
    target: T,
}

#[derive(Debug, Deserialize)]
struct WrittenIdentifier {
    name: String,
    selector: Option<LabelSelector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenStatus {
    observed_generation: Option<i64>,
    last_scale_time: Option<Time>,
    current_replicas: Option<i32>,
    desired_replicas: Option<i32>,
    current_metrics: Option<Vec<Metric<WrittenCurrent>>>,
    conditions: Option<Vec<WrittenCondition>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenCurrent {
    value: Option<hpa_engine::Quantity>,
    average_value: Option<hpa_engine::Quantity>,
    average_utilization: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenCondition {
    #[serde(rename = "type")]
    kind: ConditionKind,
    status: Truth,
    last_transition_time: Option<Time>,
    reason: Option<String>,
    message: Option<String>,
}

/// Trims an autoscaler, filling in what an API server would have.
pub fn autoscaler(object: HorizontalPodAutoscaler) -> Observed {
    let HorizontalPodAutoscaler {
        metadata,
        spec,
        status,
    } = object;
    let behavior = spec.behavior.map(|written| {
        let rules = |rules: Option<WrittenRules>| rules.unwrap_or_default();
        Behavior::written(rules(written.scale_up), rules(written.scale_down))
    });
    let metrics = spec.metrics.unwrap_or_default().into_iter();
    let spec = Spec {
        target: spec.scale_target_ref,
        minimum: spec.min_replicas,
        maximum: spec.max_replicas,
        metrics: exactly(metrics.map(metric_spec)),
        behavior,
    };
    let ObjectKey { namespace, name } = metadata.key();
    Observed {
        seen: now(),
        uid: metadata.uid.unwrap_or_default().into(),
        autoscaler: Arc::new(Autoscaler {
            namespace,
            name,
            generation: metadata.generation.unwrap_or_default(),
            spec: spec.defaulted(),
        }),
        status: Arc::new(self::status(status.unwrap_or_default())),
    }
}

/// A list as long as it is: one that is collected in place keeps the room of what was written, which is four times as much.
fn exactly<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut list: Vec<T> = items.collect();
    list.shrink_to_fit();
    list
}

fn metric_spec(metric: Metric<Target>) -> MetricSpec {
    // A metric whose type and field do not fit has no target; the API server refuses it, and so does the engine.
    let none = Target {
        kind: TargetKind::Unknown,
        value: None,
        average_value: None,
        average_utilization: None,
    };
    let (source, target) = metric.taken_apart();
    MetricSpec {
        source,
        target: target.unwrap_or(none),
    }
}

impl<T> Metric<T> {
    fn taken_apart(self) -> (MetricSource, Option<T>) {
        let found = match self.kind.as_str() {
            "Resource" => self.resource.map(|of| {
                let name = of.name;
                (MetricSource::Resource { name }, of.target)
            }),
            "ContainerResource" => self.container_resource.map(|of| {
                let (name, container) = (of.name, of.container);
                (
                    MetricSource::ContainerResource { name, container },
                    of.target,
                )
            }),
            "Pods" => self.pods.map(|of| {
                let metric = of.metric.into();
                (MetricSource::Pods { metric }, of.target)
            }),
            "Object" => self.object.map(|of| {
                let source = MetricSource::Object {
                    metric: of.metric.into(),
                    described: of.described_object.unwrap_or_default(),
                };
                (source, of.target)
            }),
            "External" => self.external.map(|of| {
                let metric = of.metric.into();
                (MetricSource::External { metric }, of.target)
            }),
            _ => None,
        };
        match found {
            Some((source, target)) => (source, Some(target)),
            None => (MetricSource::Unknown { kind: self.kind }, None),
        }
    }
}

impl From<WrittenIdentifier> for MetricIdentifier {
    fn from(written: WrittenIdentifier) -> Self {
        Self {
            name: written.name,
            selector: written.selector,
        }
    }
}

fn status(status: WrittenStatus) -> Status {
    let metrics = status.current_metrics.unwrap_or_default().into_iter();
    let conditions = status.conditions.unwrap_or_default().into_iter();
    Status {
        observed_generation: status.observed_generation,
        last_scale_time: status.last_scale_time.map(|time| time.0),
        current_replicas: status.current_replicas.unwrap_or_default(),
        desired_replicas: status.desired_replicas.unwrap_or_default(),
        current_metrics: exactly(metrics.map(metric_status)),
        conditions: exactly(conditions.map(|written| {
            let since = written.last_transition_time;
            Condition {
                kind: written.kind,
                status: written.status,
                since: since.map_or(Moment::ZERO, |time| time.0),
                reason: written.reason.unwrap_or_default().into(),
                message: written.message.unwrap_or_default().into(),
            }
        })),
    }
}

/// A metric that gave no number is written with an empty type.
fn metric_status(metric: Metric<WrittenCurrent>) -> MetricStatus {
    let (source, current) = metric.taken_apart();
    match current {
        None => MetricStatus::default(),
        Some(current) => MetricStatus {
            source: Some(source),
            current: Current {
                value: current.value,
                average_value: current.average_value,
                average_utilization: current.average_utilization,
            },
        },
    }
}
