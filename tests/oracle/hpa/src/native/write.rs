//! A status out, and without what makes no difference.

use hpa_engine::{
    ConditionKind, Current, MetricIdentifier, MetricSource, MetricStatus, Moment, Quantity, Status,
    Truth,
};
use serde_json::{Map, Value, json};

use super::time;

/// As the API server would serve it, but for fields that are empty.
pub fn status(status: &Status) -> Value {
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
    pruned(json!({
        "observedGeneration": status.observed_generation,
        "lastScaleTime": time(status.last_scale_time),
        "currentReplicas": status.current_replicas,
        "desiredReplicas": status.desired_replicas,
        "currentMetrics": status.current_metrics.iter().map(metric).collect::<Vec<_>>(),
        "conditions": conditions.collect::<Vec<_>>(),
    }))
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
    let identifier =
        |metric: &MetricIdentifier| json!({"name": metric.name, "selector": metric.selector});
    let (key, body) = match source {
        MetricSource::Resource { name } => ("resource", json!({"name": name, "current": current})),
        MetricSource::ContainerResource { name, container } => (
            "containerResource",
            json!({"name": name, "container": container, "current": current}),
        ),
        MetricSource::Pods { metric } => (
            "pods",
            json!({"metric": identifier(metric), "current": current}),
        ),
        MetricSource::Object { metric, described } => (
            "object",
            json!({"metric": identifier(metric), "describedObject": described, "current": current}),
        ),
        MetricSource::External { metric } => (
            "external",
            json!({"metric": identifier(metric), "current": current}),
        ),
        MetricSource::Unknown { .. } => ("unknown", Value::Null),
    };
    json!({"type": source.kind(), key: body})
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
