//! `SuccessfulRescale`: what the controller tells of a change of the scale (`reconcileAutoscaler` in `horizontal.go`).

use hpa_engine::{Direction, Moment};
use kube_watch::ObjectKey;
use serde::Deserialize;

use super::Metadata;
use super::time::Time;
use crate::model::rescale::Rescale;

/// `v1` `Event`, of that reason.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenEvent {
    metadata: Metadata,
    involved_object: Option<Involved>,
    message: Option<String>,
    count: Option<i64>,
    last_timestamp: Option<Time>,
    event_time: Option<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Involved {
    namespace: String,
    name: String,
    uid: String,
}

/// What the API client puts before the words of the last of more than ten events (`EventAggregatorByReasonMessageFunc`).
const COMBINED: &str = "(combined from similar events): ";

/// Trims an event. One that does not say to what size it went tells nothing, and is kept as nothing.
pub fn rescale(event: WrittenEvent) -> Option<Rescale> {
    let message = event.message.unwrap_or_default();
    let (words, combined) = match message.strip_prefix(COMBINED) {
        Some(words) => (words, true),
        None => (message.as_str(), false),
    };
    let (size, reason) = words.strip_prefix("New size: ")?.split_once("; reason: ")?;
    let involved = event.involved_object.unwrap_or_default();
    let at = event.last_timestamp.or(event.event_time)?;
    Some(Rescale {
        key: event.metadata.key(),
        autoscaler: ObjectKey::new(involved.namespace, involved.name),
        uid: involved.uid.into(),
        at: Moment::whole_seconds(at.0),
        size: size.parse().ok()?,
        direction: direction(reason),
        single: !combined && event.count.is_none_or(|count| count <= 1),
    })
}

/// An old wish, which has no words of its own, may go either way.
fn direction(reason: &str) -> Option<Direction> {
    match reason {
        "All metrics below target" | "Current number of replicas above Spec.MaxReplicas" => {
            Some(Direction::Down)
        }
        "Current number of replicas below Spec.MinReplicas" => Some(Direction::Up),
        reason if reason.ends_with(" above target") => Some(Direction::Up),
        _ => None,
    }
}
