//! `SuccessfulRescale`: what the controller tells of a change of the scale (`reconcileAutoscaler` in `horizontal.go`).

use hpa_engine::{Direction, Moment};
use kube_watch::ObjectKey;
use serde::Deserialize;

use super::Metadata;
use super::time::Time;
use crate::model::rescale::{Others, Rescale};

/// `v1` `Event`, of that reason.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenEvent {
    metadata: Metadata,
    involved_object: Option<Involved>,
    message: Option<String>,
    count: Option<i64>,
    first_timestamp: Option<Time>,
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
    let others = match (event.count.unwrap_or(1), event.first_timestamp) {
        _ if combined => Others::Combined,
        (..=1, _) => Others::None,
        (2, Some(first)) => Others::One(Moment::whole_seconds(first.0)),
        _ => Others::Several,
    };
    Some(Rescale {
        key: event.metadata.key(),
        autoscaler: ObjectKey::new(involved.namespace, involved.name),
        uid: involved.uid.into(),
        at: Moment::whole_seconds(at.0),
        size: size.parse().ok()?,
        direction: direction(reason),
        others,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(count: Option<i64>, words: &str) -> Rescale {
        let event = json!({"metadata": {"name": "web.1", "namespace": "shop"}, "involvedObject": {"name": "web", "namespace": "shop"},
            "message": format!("{words}New size: 4; reason: cpu resource utilization (percentage of request) above target"),
            "count": count, "firstTimestamp": "2026-11-25T20:00:00Z", "lastTimestamp": "2026-11-25T20:10:00Z"});
        rescale(serde_json::from_value(event).unwrap()).unwrap()
    }

    #[test]
    fn an_event_tells_of_others_by_its_count() {
        let first = Moment::from_seconds(1_795_636_800);
        for (count, others) in [
            (None, Others::None),
            (Some(1), Others::None),
            (Some(2), Others::One(first)),
            (Some(3), Others::Several),
        ] {
            assert_eq!(read(count, "").others, others);
        }
        assert_eq!(read(Some(2), COMBINED).others, Others::Combined);
        let told: Vec<_> = read(Some(2), "")
            .told()
            .iter()
            .map(|it| (it.at, it.size, it.direction))
            .collect();
        let last = first.after(std::time::Duration::from_mins(10));
        let up = Some(Direction::Up);
        assert_eq!(told, [(last, 4, up), (first, 4, up)]);
    }
}
