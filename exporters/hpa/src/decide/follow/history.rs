//! How far what is remembered of an autoscaler can be believed.

use hpa_engine::{Autoscaler, Controller, Moment};

use super::Followed;
use crate::decide::findings::History;
use crate::decide::reach::reach;

impl Followed {
    /// How far the memory reaches at a sync that is only looked ahead to.
    pub(in crate::decide) fn history_ahead(
        &self,
        autoscaler: &Autoscaler,
        controller: &Controller,
        now: Moment,
    ) -> History {
        let mut history = self.history(autoscaler, controller, now);
        if self.memory.recommendations.is_empty() && self.since.is_some() {
            history.recommendations = false;
        }
        history
    }

    /// How far it reaches at a sync.
    pub(super) fn history(
        &self,
        autoscaler: &Autoscaler,
        controller: &Controller,
        now: Moment,
    ) -> History {
        let (window, period) = reach(autoscaler, controller);
        let past = |since: Option<Moment>, reach| since.is_none_or(|it| it.after(reach) < now);
        History {
            recommendations: past(self.since.and(self.stand_in.or(self.since)), window),
            scale_events: past(self.scales_since, period),
            bounds: None,
        }
    }
}
