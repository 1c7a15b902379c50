//! What the controller remembers of a sync where its answer is not ours: its wish, and its change of the scale.
//!
//! Of the wish, it writes down what became of it: read backwards, the status tells between which numbers it lay.

use std::ops::RangeInclusive;

use hpa_engine::{Autoscaler, ConditionKind, Memory, Moment, ScaleEvent, Status};

use crate::model::Write;

/// Moves our own wish of this instant to the nearest that can have led to the status, and takes it back if the controller came
/// to none.
pub(super) fn wish(memory: &mut Memory, at: Moment, status: &Status) {
    let recommendations = &mut memory.recommendations;
    let Some(place) = recommendations.iter().rposition(|it| it.at == at) else {
        return;
    };
    if let Some(wishes) = wishes(status) {
        let wish = &mut recommendations[place].replicas;
        *wish = (*wish).max(*wishes.start()).min(*wishes.end());
    } else {
        recommendations.remove(place);
    }
}

/// The wishes that can have led to a status: first what limits left of them, then what stabilization did, as
/// `normalizeDesiredReplicas` tells of both. A rescale hides what stabilization did. Then an older wish may have been followed, but
/// that one is remembered already.
fn wishes(status: &Status) -> Option<RangeInclusive<i32>> {
    let reason = |kind| status.condition(kind).map(|condition| &*condition.reason);
    let desired = status.desired_replicas;
    let (lowest, highest) = match reason(ConditionKind::ScalingLimited) {
        Some("ScaleUpLimit" | "TooManyReplicas") => (desired.saturating_add(1), i32::MAX),
        Some("ScaleDownLimit" | "TooFewReplicas") => (0, desired.saturating_sub(1).max(0)),
        _ => (desired, desired),
    };
    match reason(ConditionKind::AbleToScale)? {
        "ReadyForNewScale" => Some(lowest..=highest),
        "SucceededRescale" if desired > status.current_replicas => Some(lowest..=highest),
        "SucceededRescale" => Some(0..=highest),
        "ScaleDownStabilized" => Some(0..=highest.saturating_sub(1).max(0)),
        "ScaleUpStabilized" => Some(lowest.saturating_add(1)..=i32::MAX),
        // The metrics gave no number: what was set first is what is left.
        "SucceededGetScale" => None,
        // Of a scale that could not be written, the desired number is an older one.
        _ => Some(0..=i32::MAX),
    }
}

/// A rescale that we would not have made, or not by as much, is remembered all the same: the controller does.
pub(super) fn scale(memory: &mut Memory, autoscaler: &Autoscaler, write: &Write) {
    if autoscaler.spec.behavior.is_none() {
        return;
    }
    let Memory { ups, downs, .. } = memory;
    ups.retain(|ours| ours.at != write.at);
    downs.retain(|ours| ours.at != write.at);
    let (from, to) = (write.after.current_replicas, write.after.desired_replicas);
    let events = if to > from { ups } else { downs };
    events.push(ScaleEvent {
        change: to.abs_diff(from).try_into().unwrap_or(i32::MAX),
        at: write.at,
        outdated: false,
    });
}

#[cfg(test)]
mod tests {
    use hpa_engine::{Condition, Recommendation, Truth};

    use super::*;

    const NOW: Moment = Moment::from_seconds(1000);

    fn status(able: &'static str, limited: &'static str, from: i32, to: i32) -> Status {
        let condition = |kind, reason: &'static str| Condition {
            kind,
            status: Truth::True,
            since: NOW,
            reason: reason.into(),
            message: "".into(),
        };
        Status {
            current_replicas: from,
            desired_replicas: to,
            conditions: vec![
                condition(ConditionKind::AbleToScale, able),
                condition(ConditionKind::ScalingLimited, limited),
            ],
            ..Status::default()
        }
    }

    /// What is remembered of a wish of six.
    fn corrected(able: &'static str, limited: &'static str, from: i32, to: i32) -> Option<i32> {
        let wish = |replicas, at| Recommendation { replicas, at };
        let before = wish(9, Moment::from_seconds(985));
        let mut memory = Memory {
            recommendations: vec![before, wish(6, NOW)],
            ..Memory::default()
        };
        super::wish(&mut memory, NOW, &status(able, limited, from, to));
        assert_eq!(memory.recommendations[0], before);
        memory.recommendations.get(1).map(|it| it.replicas)
    }

    #[test]
    fn a_wish_is_moved_as_little_as_the_status_asks_for() {
        let within = "DesiredWithinRange";
        for (able, limited, from, to, remembered) in [
            ("ReadyForNewScale", within, 3, 3, Some(3)),
            ("ReadyForNewScale", within, 6, 6, Some(6)),
            ("ReadyForNewScale", "TooManyReplicas", 5, 5, Some(6)),
            ("ReadyForNewScale", "TooManyReplicas", 8, 8, Some(9)),
            ("ReadyForNewScale", "TooFewReplicas", 2, 2, Some(1)),
            ("ScaleDownStabilized", within, 9, 9, Some(6)),
            ("ScaleDownStabilized", within, 4, 4, Some(3)),
            ("ScaleUpStabilized", within, 4, 4, Some(6)),
            ("ScaleUpStabilized", within, 7, 7, Some(8)),
            ("SucceededRescale", within, 1, 3, Some(3)),
            ("SucceededRescale", "ScaleUpLimit", 4, 8, Some(9)),
            ("SucceededRescale", within, 9, 8, Some(6)),
            ("SucceededRescale", "ScaleDownLimit", 9, 5, Some(4)),
            ("FailedUpdateScale", within, 3, 3, Some(6)),
            ("SucceededGetScale", within, 3, 3, None),
        ] {
            let found = corrected(able, limited, from, to);
            assert_eq!(found, remembered, "{able}, {limited}, {from} to {to}");
        }
    }
}
