//! API objects in.

use anyhow::{Context, Result};
use hpa_engine::{
    Autoscaler, Behavior, Condition, ConditionKind, Container, ContainerUsage, Current,
    InitContainer, Memory, MetricIdentifier, MetricSource, MetricSpec, MetricStatus, Moment,
    ObjectReference, Phase, Pod, PodUsage, PodValue, Quantity, Readiness, Recommendation,
    ResourceName, Resources, Scale, ScaleEvent, Spec, Status, Truth,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::time;
use crate::scenario::Remembered;

/// A field as some type; nothing if it is not there.
fn field<T: DeserializeOwned>(value: &Value, pointer: &str) -> Result<Option<T>> {
    match value.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(found) => T::deserialize(found)
            .map(Some)
            .with_context(|| format!("{pointer} of {value}")),
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.into_iter().flatten()
}

fn moment(value: &Value, pointer: &str) -> Result<Option<Moment>> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(time::parse).transpose()
}

/// A `HorizontalPodAutoscaler`.
pub fn autoscaler(namespace: &str, name: &str, value: &Value) -> Result<Autoscaler> {
    let metrics = list(value, "/spec/metrics").map(metric);
    Ok(Autoscaler {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        generation: field(value, "/metadata/generation")?.unwrap_or_default(),
        spec: Spec {
            target: field(value, "/spec/scaleTargetRef")?.unwrap_or_default(),
            minimum: field(value, "/spec/minReplicas")?,
            maximum: field(value, "/spec/maxReplicas")?.unwrap_or_default(),
            metrics: metrics.collect::<Result<_>>()?,
            behavior: field::<Behavior>(value, "/spec/behavior")?,
        },
    })
}

fn metric(value: &Value) -> Result<MetricSpec> {
    let (source, within) = source(value)?;
    let target = match &source {
        MetricSource::Unknown { .. } => serde_json::from_str(r#"{"type":"Value"}"#)?,
        _ => field(value, &format!("{within}/target"))?.context("a metric without a target")?,
    };
    Ok(MetricSpec { source, target })
}

/// The source, and where in the object it lies.
fn source(value: &Value) -> Result<(MetricSource, &'static str)> {
    let resource = |pointer| ResourceName::from(text(value, pointer));
    let identifier = |pointer| -> Result<MetricIdentifier> {
        field(value, pointer)?.context("a metric without an identifier")
    };
    Ok(match value["type"].as_str().unwrap_or_default() {
        "Resource" => {
            let name = resource("/resource/name");
            (MetricSource::Resource { name }, "/resource")
        }
        "ContainerResource" => {
            let name = resource("/containerResource/name");
            let container = text(value, "/containerResource/container");
            let source = MetricSource::ContainerResource { name, container };
            (source, "/containerResource")
        }
        "Pods" => {
            let metric = identifier("/pods/metric")?;
            (MetricSource::Pods { metric }, "/pods")
        }
        "Object" => {
            let metric = identifier("/object/metric")?;
            let described: Option<ObjectReference> = field(value, "/object/describedObject")?;
            let described = described.unwrap_or_default();
            (MetricSource::Object { metric, described }, "/object")
        }
        "External" => {
            let metric = identifier("/external/metric")?;
            (MetricSource::External { metric }, "/external")
        }
        other => {
            let kind = other.to_owned();
            (MetricSource::Unknown { kind }, "")
        }
    })
}

/// A `HorizontalPodAutoscalerStatus`.
pub fn status(value: &Value) -> Result<Status> {
    let metrics = list(value, "/currentMetrics").map(|value| {
        if value["type"].as_str().unwrap_or_default().is_empty() {
            return Ok(MetricStatus::default());
        }
        let (source, within) = source(value)?;
        let current = |name| field::<Quantity>(value, &format!("{within}/current/{name}"));
        Ok(MetricStatus {
            source: Some(source),
            current: Current {
                value: current("value")?,
                average_value: current("averageValue")?,
                average_utilization: field(value, &format!("{within}/current/averageUtilization"))?,
            },
        })
    });
    let conditions = list(value, "/conditions").map(|value| {
        Ok(Condition {
            kind: field::<ConditionKind>(value, "/type")?.unwrap_or(ConditionKind::Unknown),
            status: field::<Truth>(value, "/status")?.unwrap_or_default(),
            since: moment(value, "/lastTransitionTime")?.unwrap_or(Moment::ZERO),
            reason: text(value, "/reason").into(),
            message: text(value, "/message").into(),
        })
    });
    Ok(Status {
        observed_generation: field(value, "/observedGeneration")?,
        last_scale_time: moment(value, "/lastScaleTime")?,
        current_replicas: field(value, "/currentReplicas")?.unwrap_or_default(),
        desired_replicas: field(value, "/desiredReplicas")?.unwrap_or_default(),
        current_metrics: metrics.collect::<Result<_>>()?,
        conditions: conditions.collect::<Result<_>>()?,
    })
}

/// A `Scale`.
pub fn scale(value: &Value) -> Result<Scale> {
    Ok(Scale {
        replicas: field(value, "/spec/replicas")?.unwrap_or_default(),
        reported_replicas: field(value, "/status/replicas")?.unwrap_or_default(),
        selector: text(value, "/status/selector"),
    })
}

fn requests(value: &Value, pointer: &str) -> Result<Resources> {
    Ok(field(value, pointer)?.unwrap_or_default())
}

fn container(value: &Value) -> Result<Container> {
    Ok(Container {
        name: text(value, "/name").into(),
        requests: requests(value, "/resources/requests")?,
    })
}

/// A `Pod`.
pub fn pod(value: &Value) -> Result<Pod> {
    let init = list(value, "/spec/initContainers").map(|value| {
        Ok(InitContainer {
            container: container(value)?,
            restartable: text(value, "/restartPolicy") == "Always",
        })
    });
    let ready = list(value, "/status/conditions").find(|it| it["type"] == "Ready");
    let ready = ready.map(|value| -> Result<_> {
        Ok(Readiness {
            status: field(value, "/status")?.unwrap_or_default(),
            since: moment(value, "/lastTransitionTime")?.unwrap_or(Moment::ZERO),
        })
    });
    Ok(Pod {
        name: text(value, "/metadata/name").into(),
        labels: field(value, "/metadata/labels")?.unwrap_or_default(),
        deleting: moment(value, "/metadata/deletionTimestamp")?.is_some(),
        phase: field::<Phase>(value, "/status/phase")?.unwrap_or_default(),
        start_time: moment(value, "/status/startTime")?,
        ready: ready.transpose()?,
        containers: list(value, "/spec/containers")
            .map(container)
            .collect::<Result<_>>()?,
        init_containers: init.collect::<Result<_>>()?,
        requests: requests(value, "/spec/resources/requests")?,
        overhead: requests(value, "/spec/overhead")?,
    })
}

/// What a record or a step tells of the controller's memory.
pub fn memory(told: &Remembered) -> Result<Memory> {
    let events = |events: &[[i64; 3]]| -> Result<Vec<ScaleEvent>> {
        let events = events.iter().map(|[change, at, outdated]| {
            Ok(ScaleEvent {
                change: i32::try_from(*change)?,
                at: Moment::from_nanoseconds(*at),
                outdated: *outdated != 0,
            })
        });
        events.collect()
    };
    let recommendations = told.recommendations.iter().map(|[replicas, at]| {
        Ok(Recommendation {
            replicas: i32::try_from(*replicas)?,
            at: Moment::from_nanoseconds(*at),
        })
    });
    Ok(Memory {
        recommendations: recommendations.collect::<Result<_>>()?,
        ups: events(&told.ups)?,
        downs: events(&told.downs)?,
    })
}

/// `PodMetrics`.
pub fn pod_usage(value: &Value) -> Result<PodUsage> {
    let containers = list(value, "/containers").map(|value| {
        Ok(ContainerUsage {
            name: text(value, "/name").into(),
            usage: requests(value, "/usage")?,
        })
    });
    Ok(PodUsage {
        pod: text(value, "/metadata/name").into(),
        namespace: text(value, "/metadata/namespace").into(),
        timestamp: moment(value, "/timestamp")?.unwrap_or(Moment::ZERO),
        window: time::duration(&text(value, "/window"))?,
        containers: containers.collect::<Result<_>>()?,
    })
}

/// `MetricValue` of a pod.
pub fn pod_value(value: &Value) -> Result<PodValue> {
    Ok(PodValue {
        pod: text(value, "/describedObject/name").into(),
        value: self::value(value)?,
    })
}

/// The `value` of any metric.
pub fn value(value: &Value) -> Result<Quantity> {
    field(value, "/value")?.context("a metric without a value")
}
