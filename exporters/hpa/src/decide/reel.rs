//! What is recorded of one autoscaler's syncs, each as a line of a [recording](crate::recording).

use hpa_engine::{Before, Controller, Moment};

use super::check::same;
use crate::recording::Line;

/// Syncs of one autoscaler, until somebody takes them.
#[derive(Debug, Default)]
pub(super) struct Reel {
    lines: Vec<(Controller, Line)>,
    end: Option<End>,
}

/// Where a replay of the lines so far ends. There is none where that is not what the controller remembers.
#[derive(Debug)]
struct End {
    controller: Controller,
    at: Moment,
    after: Before,
}

impl Reel {
    /// Records a sync. What its line says was before it is left out where a replay of the lines so far comes to that.
    pub(super) fn record(
        &mut self,
        controller: &Controller,
        mut line: Line,
        after: Option<Before>,
    ) {
        let at = line.sync.now;
        let known = self.end.as_ref().zip(line.before.as_ref());
        let follows = known.is_some_and(|(end, before)| {
            end.controller == *controller
                && end.at <= at
                && end.after.memory == before.memory
                && same(&end.after.status, &before.status)
        });
        if follows {
            line.before = None;
        }
        self.end = after.map(|after| End {
            controller: *controller,
            at,
            after,
        });
        self.lines.push((*controller, line));
    }

    /// What was recorded since the last time.
    pub(super) fn take(&mut self) -> Vec<(Controller, Line)> {
        std::mem::take(&mut self.lines)
    }
}
