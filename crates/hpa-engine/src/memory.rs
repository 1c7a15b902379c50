//! What the controller remembers of one autoscaler, and forgets when it restarts: `recommendations`, `scaleUpEvents` and
//! `scaleDownEvents` of `HorizontalController`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::spec::Behavior;

/// The memory of one autoscaler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Wishes before stabilization. Old ones are replaced one by one, so they need not be in order.
    pub recommendations: Vec<Recommendation>,
    /// Scale-ups.
    pub ups: Vec<ScaleEvent>,
    /// Scale-downs.
    pub downs: Vec<ScaleEvent>,
}

/// `timestampedRecommendation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recommendation {
    /// The wish.
    pub replicas: i32,
    /// When.
    pub at: Moment,
}

/// `timestampedScaleEvent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScaleEvent {
    /// By how many replicas, without a sign.
    pub change: i32,
    /// When.
    pub at: Moment,
    /// Older than the longest period of its direction's policies when another event came: the place may be reused.
    pub outdated: bool,
}

impl Memory {
    /// `recordInitialRecommendation`: the first number seen counts like a wish for a whole window.
    pub(crate) fn begin(&mut self, replicas: i32, now: Moment) {
        if self.recommendations.is_empty() {
            self.recommendations
                .push(Recommendation { replicas, at: now });
        }
    }

    /// Keeps a wish, in the place of the one given or of none.
    pub(crate) fn recommend(&mut self, replicas: i32, now: Moment, place: Option<usize>) {
        let recommendation = Recommendation { replicas, at: now };
        match place.and_then(|place| self.recommendations.get_mut(place)) {
            Some(old) => *old = recommendation,
            None => self.recommendations.push(recommendation),
        }
    }

    /// `storeScaleEvent`, after the scale was written. Without a behavior nothing is kept, as nothing would be used.
    pub(crate) fn scaled(
        &mut self,
        behavior: Option<&Behavior>,
        before: i32,
        after: i32,
        now: Moment,
    ) {
        let Some(behavior) = behavior else { return };
        let (events, rules) = if after > before {
            (&mut self.ups, &behavior.scale_up)
        } else {
            (&mut self.downs, &behavior.scale_down)
        };
        let cutoff = now.before(rules.longest_period());
        let mut place = None;
        for (index, event) in events.iter_mut().enumerate() {
            event.outdated |= event.at < cutoff;
            if event.outdated {
                place = Some(index);
            }
        }
        let change = if after > before {
            after.wrapping_sub(before)
        } else {
            before.wrapping_sub(after)
        };
        let event = ScaleEvent {
            change,
            at: now,
            outdated: false,
        };
        match place {
            Some(index) => events[index] = event,
            None => events.push(event),
        }
    }
}

/// `getReplicasChangePerPeriod`: what is strictly younger than the period.
pub(crate) fn changed_within(events: &[ScaleEvent], period: Duration, now: Moment) -> i32 {
    let cutoff = now.before(period);
    let young = events.iter().filter(|event| event.at > cutoff);
    young.fold(0, |sum, event| sum.wrapping_add(event.change))
}
