//! The last changes of state, with what brought them about.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Cause, FlowFinding, State};

/// Changes that are kept.
const MOST: usize = 1_000;

/// The last changes of state, the latest last.
#[derive(Clone, Debug, Default)]
pub struct History(Arc<VecDeque<Turn>>);

/// A flow came into another state.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// When, since the epoch.
    pub at: Duration,
    /// Which flow: `sre-demo/a -> svc/b.sre-demo:80 TCP`.
    pub flow: String,
    /// What it was before.
    pub from: State,
    /// What it is since.
    pub to: State,
    /// What brought it about.
    pub cause: Cause,
}

// === impl History ===

impl History {
    /// Notes a finding, if its state is another than before.
    pub(super) fn note(&mut self, finding: &FlowFinding, before: Option<State>) {
        let Some(from) = before.filter(|it| *it != finding.state) else {
            return;
        };
        // Cloned only when there is something to note; scrapes and pages share the old one.
        let turns = Arc::make_mut(&mut self.0);
        if turns.len() == MOST {
            turns.pop_front();
        }
        turns.push_back(Turn {
            at: finding.since,
            flow: finding.flow.to_string(),
            from,
            to: finding.state,
            cause: finding.cause.clone(),
        });
    }

    /// The changes, the latest first.
    pub fn latest(&self) -> impl Iterator<Item = &Turn> {
        self.0.iter().rev()
    }
}
