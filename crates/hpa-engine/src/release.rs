//! When limits let go, should the load stay as it is: the staircase of stabilization, and the budgets of rate policies.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bounds::Direction;
use crate::decide::Controller;
use crate::decision::Decision;
use crate::memory::{Memory, Recommendation};
use crate::moment::Moment;
use crate::spec::Autoscaler;

/// What is going to be let go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Releases {
    /// How low stabilization lets it go, from when on: descending to the wish.
    pub down: Vec<Release>,
    /// How high, from when on: ascending to the wish. Only a behavior has a window upwards.
    pub up: Vec<Release>,
    /// When the binding policy has more to spend.
    pub rate: Option<Moment>,
}

/// From that moment on, stabilization allows that many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Release {
    /// The bound from then on.
    pub replicas: i32,
    /// The first instant at which a sync gets it.
    pub at: Moment,
}

impl Controller {
    /// What is going to be let go after a decision, as long as the wish is repeated. `memory` is that of after the sync.
    pub fn releases(
        &self,
        autoscaler: &Autoscaler,
        memory: &Memory,
        decision: &Decision,
    ) -> Releases {
        let Some(stabilization) = &decision.stabilization else {
            return Releases::default();
        };
        let behavior = autoscaler.spec.behavior.as_ref();
        // Without a behavior an age equal to the window still counts.
        let grace = match behavior {
            None => Duration::from_nanos(1),
            Some(_) => Duration::ZERO,
        };
        let wish = stabilization.wish;
        let window = stabilization.down_window + grace;
        let higher = |it: &&Recommendation| it.replicas > wish;
        let down = staircase(memory, window, decision.at, higher, |bounds| {
            bounds.fold(wish, i32::max)
        });
        let lower = |it: &&Recommendation| it.replicas < wish;
        let up = stabilization.up_window.map(|window| {
            staircase(memory, window, decision.at, lower, |bounds| {
                bounds.fold(wish, i32::min)
            })
        });
        Releases {
            down,
            up: up.unwrap_or_default(),
            rate: rate_release(autoscaler, memory, decision),
        }
    }

    /// The first sync at or after a moment, if syncs go on in the period's rhythm.
    pub fn next_sync(&self, last: Moment, at: Moment) -> Moment {
        let period = self.settings.sync_period.as_nanos().max(1);
        let periods = at.since(last).as_nanos().div_ceil(period).max(1);
        let wait = u64::try_from(periods.saturating_mul(period)).unwrap_or(u64::MAX);
        last.after(Duration::from_nanos(wait))
    }
}

/// The bounds to come: each entry counts until its window is over.
fn staircase(
    memory: &Memory,
    window: Duration,
    now: Moment,
    counts: impl Fn(&&Recommendation) -> bool,
    bound: impl Fn(&mut dyn Iterator<Item = i32>) -> i32,
) -> Vec<Release> {
    let entries: Vec<_> = memory
        .recommendations
        .iter()
        .filter(counts)
        .map(|it| (it.at.after(window), it.replicas))
        .filter(|(until, _)| *until > now)
        .collect();
    let mut ends: Vec<_> = entries.iter().map(|(until, _)| *until).collect();
    ends.sort_unstable();
    ends.dedup();
    let at = |moment: Moment| {
        let young = entries.iter().filter(|(until, _)| *until > moment);
        bound(&mut young.map(|(_, replicas)| *replicas))
    };
    let (mut held, mut steps) = (at(now), Vec::new());
    for end in ends {
        let replicas = at(end);
        if replicas != held {
            steps.push(Release { replicas, at: end });
            held = replicas;
        }
    }
    steps
}

/// When the first change that the binding policy counts is older than its period.
fn rate_release(autoscaler: &Autoscaler, memory: &Memory, decision: &Decision) -> Option<Moment> {
    let rate = decision.bounds.as_ref()?.rate.as_ref()?;
    let behavior = autoscaler.spec.behavior.as_ref()?;
    let (rules, events) = match rate.direction {
        Direction::Up => (&behavior.scale_up, &memory.ups),
        Direction::Down => (&behavior.scale_down, &memory.downs),
    };
    let period = rules.policies.get(rate.binding?)?.period();
    let ends = events.iter().map(|event| event.at.after(period));
    ends.filter(|end| *end > decision.at).min()
}
