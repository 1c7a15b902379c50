//! API objects out, and statuses without what makes no difference.

use hpa_engine::{
    Autoscaler, ConditionKind, Container, Current, Memory, MetricIdentifier, MetricSource,
    MetricStatus, Moment, Pod, PodUsage, PodValue, Quantity, Scale, ScaleEvent, Status, Truth,
};
use serde_json::{Map, Value, json};

use super::time;
use crate::scenario::Remembered;

/// As the API server would serve it, but for fields that are empty.
pub fn status(status: &Status) -> Value {
    pruned(whole_status(status))
}

/// As the API server would serve it.
pub fn whole_status(status: &Status) -> Value {
    let time = |moment: Option<Moment>| moment.map(time::format);
    let conditions = status.conditions.iter().map(|it| {
        json!({
            "type": condition_kind(it.kind),
            "status": truth(it.status),
            "lastTransitionTime": time(Some(it.since).filter(|since| *since != Moment::ZERO)),
            "reason": it.reason,
            "message": it.message,
        })
    });
    json!({
        "observedGeneration": status.observed_generation,
        "lastScaleTime": time(status.last_scale_time),
        "currentReplicas": status.current_replicas,
        "desiredReplicas": status.desired_replicas,
        "currentMetrics": status.current_metrics.iter().map(metric).collect::<Vec<_>>(),
        "conditions": conditions.collect::<Vec<_>>(),
    })
}

const fn condition_kind(kind: ConditionKind) -> &'static str {
    match kind {
        ConditionKind::AbleToScale => "AbleToScale",
        ConditionKind::ScalingActive => "ScalingActive",
        ConditionKind::ScalingLimited => "ScalingLimited",
        ConditionKind::ScaledToZero => "ScaledToZero",
        ConditionKind::Unknown => "",
    }
}

const fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown => "Unknown",
    }
}

/// As it is after a way through JSON: 100,000,000 bytes are written as just that, for no power of 1024 is in them, and read
/// as a decimal number, which is written as `100M`.
fn served(quantity: &Quantity) -> String {
    let written = quantity.to_string();
    let read = written.parse::<Quantity>();
    read.map_or(written, |quantity| quantity.to_string())
}

fn metric(status: &MetricStatus) -> Value {
    let Some(source) = &status.source else {
        return json!({"type": ""});
    };
    let Current {
        value,
        average_value,
        average_utilization,
    } = &status.current;
    let current = json!({
        "value": value.as_ref().map(served),
        "averageValue": average_value.as_ref().map(served),
        "averageUtilization": average_utilization,
    });
    sourced(source, "current", &current)
}

/// A metric's source, with what is told of it.
fn sourced(source: &MetricSource, key: &str, told: &Value) -> Value {
    let identifier =
        |metric: &MetricIdentifier| json!({"name": metric.name, "selector": metric.selector});
    let (within, body) = match source {
        MetricSource::Resource { name } => ("resource", json!({"name": name, key: told})),
        MetricSource::ContainerResource { name, container } => (
            "containerResource",
            json!({"name": name, "container": container, key: told}),
        ),
        MetricSource::Pods { metric } => ("pods", json!({"metric": identifier(metric), key: told})),
        MetricSource::Object { metric, described } => (
            "object",
            json!({"metric": identifier(metric), "describedObject": described, key: told}),
        ),
        MetricSource::External { metric } => {
            ("external", json!({"metric": identifier(metric), key: told}))
        }
        MetricSource::Unknown { .. } => ("unknown", Value::Null),
    };
    json!({"type": source.kind(), within: body})
}

/// A `HorizontalPodAutoscaler` without its status.
pub fn autoscaler(autoscaler: &Autoscaler) -> Value {
    let spec = &autoscaler.spec;
    let metrics = spec.metrics.iter();
    let metrics = metrics.map(|it| sourced(&it.source, "target", &json!(it.target)));
    json!({
        "metadata": {"name": autoscaler.name, "generation": autoscaler.generation},
        "spec": {
            "scaleTargetRef": spec.target,
            "minReplicas": spec.minimum,
            "maxReplicas": spec.maximum,
            "metrics": metrics.collect::<Vec<_>>(),
            "behavior": spec.behavior,
        },
    })
}

/// A `Scale` of a target of this name.
pub fn scale(name: &str, scale: &Scale) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"replicas": scale.replicas},
        "status": {"replicas": scale.reported_replicas, "selector": scale.selector},
    })
}

/// A `Pod`, as far as an autoscaler asks.
pub fn pod(pod: &Pod) -> Value {
    let container =
        |it: &Container| json!({"name": it.name, "resources": {"requests": it.requests}});
    let beside = pod.init_containers.iter().map(|it| {
        let mut written = container(&it.container);
        if it.restartable {
            written["restartPolicy"] = json!("Always");
        }
        written
    });
    let ready = pod.ready.map(|it| {
        let since = Some(it.since).filter(|since| *since != Moment::ZERO);
        json!({"type": "Ready", "status": truth(it.status), "lastTransitionTime": since.map(time::format)})
    });
    // When it was asked to go does not matter.
    let going = pod.deleting.then(|| time::format(Moment::ZERO));
    json!({
        "metadata": {"name": pod.name, "labels": pod.labels, "deletionTimestamp": going},
        "spec": {
            "containers": pod.containers.iter().map(container).collect::<Vec<_>>(),
            "initContainers": beside.collect::<Vec<_>>(),
            "resources": {"requests": pod.requests},
            "overhead": pod.overhead,
        },
        "status": {"phase": pod.phase, "startTime": pod.start_time.map(time::format), "conditions": ready.into_iter().collect::<Vec<_>>()},
    })
}

/// `PodMetrics`.
pub fn pod_usage(usage: &PodUsage) -> Value {
    let containers = usage.containers.iter();
    let containers = containers.map(|it| json!({"name": it.name, "usage": it.usage}));
    json!({
        "metadata": {"name": usage.pod, "namespace": usage.namespace},
        "timestamp": time::format_exactly(usage.timestamp),
        "window": format!("{}s", usage.window.as_secs_f64()),
        "containers": containers.collect::<Vec<_>>(),
    })
}

/// `MetricValue` of a pod.
pub fn pod_value(value: &PodValue) -> Value {
    json!({"describedObject": {"name": value.pod}, "value": value.value})
}

/// The `value` of any other metric.
pub fn value(value: &Quantity) -> Value {
    json!({"value": value})
}

/// What a record tells of the controller's memory.
pub fn memory(memory: &Memory) -> Remembered {
    let scaled = |events: &[ScaleEvent]| {
        let events = events.iter();
        events
            .map(|it| [it.change.into(), it.at.nanoseconds(), it.outdated.into()])
            .collect()
    };
    let recommendations = memory.recommendations.iter();
    Remembered {
        recommendations: recommendations
            .map(|it| [it.replicas.into(), it.at.nanoseconds()])
            .collect(),
        ups: scaled(&memory.ups),
        downs: scaled(&memory.downs),
    }
}

/// Without nulls, empty texts, lists and objects, and zeros: Go leaves some of them out, and some not. The entries of a
/// list stay, empty or not.
pub fn pruned(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().map(|(key, value)| (key, pruned(value)));
            Value::Object(
                kept.filter(|(_, value)| !is_empty(value))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(list) => Value::Array(list.into_iter().map(pruned).collect()),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(_) => false,
    }
}
