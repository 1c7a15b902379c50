//! Stabilization: a wish is held against the recent ones. `stabilizeRecommendation` without a behavior,
//! `stabilizeRecommendationWithBehaviors` with one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::memory::Memory;
use crate::moment::Moment;
use crate::settings::Settings;
use crate::spec::Behavior;

/// What stabilization made of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stabilization {
    /// The wish.
    pub wish: i32,
    /// What is left of it.
    pub replicas: i32,
    /// The window downwards.
    pub down_window: Duration,
    /// The window upwards; none without a behavior.
    pub up_window: Option<Duration>,
    /// The highest wish within the window downwards, this one included: not lower than that.
    pub highest: i32,
    /// The lowest within the window upwards, this one included: not higher than that. None without a behavior.
    pub lowest: Option<i32>,
    /// Whose place in the memory this wish takes: the last one that is too old for both windows.
    pub replaces: Option<usize>,
}

impl Stabilization {
    /// Of a wish, by the memory before it.
    pub(crate) fn of(
        wish: i32,
        current: i32,
        behavior: Option<&Behavior>,
        memory: &Memory,
        settings: &Settings,
        now: Moment,
    ) -> Self {
        match behavior {
            None => Self::by_flag(wish, memory, settings, now),
            Some(behavior) => Self::by_behavior(wish, current, behavior, memory, settings, now),
        }
    }

    /// The highest of the window, even if that is above the present number: then an old wish scales up.
    fn by_flag(wish: i32, memory: &Memory, settings: &Settings, now: Moment) -> Self {
        let window = settings.downscale_stabilization;
        let cutoff = now.before(window);
        let (mut highest, mut replaces) = (wish, None);
        for (index, recommendation) in memory.recommendations.iter().enumerate() {
            if recommendation.at < cutoff {
                replaces = Some(index);
            } else {
                highest = highest.max(recommendation.replicas);
            }
        }
        Self {
            wish,
            replicas: highest,
            down_window: window,
            up_window: None,
            highest,
            lowest: None,
            replaces,
        }
    }

    /// The present number, moved into what the windows allow. It never crosses it.
    fn by_behavior(
        wish: i32,
        current: i32,
        behavior: &Behavior,
        memory: &Memory,
        settings: &Settings,
        now: Moment,
    ) -> Self {
        let up_window = behavior.scale_up.window().unwrap_or_default();
        // Go cuts the flag's fraction of a second off (`maybeInitScaleDownStabilizationWindow`).
        let whole = Duration::from_secs(settings.downscale_stabilization.as_secs());
        let down_window = behavior.scale_down.window().unwrap_or(whole);
        let (up_cutoff, down_cutoff) = (now.before(up_window), now.before(down_window));
        let (mut lowest, mut highest, mut replaces) = (wish, wish, None);
        for (index, recommendation) in memory.recommendations.iter().enumerate() {
            if recommendation.at > up_cutoff {
                lowest = lowest.min(recommendation.replicas);
            }
            if recommendation.at > down_cutoff {
                highest = highest.max(recommendation.replicas);
            }
            if recommendation.at < up_cutoff && recommendation.at < down_cutoff {
                replaces = Some(index);
            }
        }
        Self {
            wish,
            replicas: current.max(lowest).min(highest),
            down_window,
            up_window: Some(up_window),
            highest,
            lowest: Some(lowest),
            replaces,
        }
    }

    /// Whether the wish is not what came out.
    pub const fn changed(&self) -> bool {
        self.replicas != self.wish
    }

    /// The reason and the message of the condition `AbleToScale`.
    pub(crate) const fn told(&self, current: i32) -> (&'static str, &'static str) {
        const LOWER: &str = "recent recommendations were lower than current one, applying the lowest recent recommendation";
        const HIGHER: &str = "recent recommendations were higher than current one, applying the highest recent recommendation";
        if !self.changed() {
            ("ReadyForNewScale", "recommended size matches current size")
        } else if self.up_window.is_some() && self.wish >= current {
            ("ScaleUpStabilized", LOWER)
        } else {
            ("ScaleDownStabilized", HIGHER)
        }
    }
}
