//! What is required, set beside what the policies say: a state for each flow, with its age and what brought it about.
//!
//! ```text
//! model, changes, before ─> flow by flow: judge ─> state ─> since when, by what
//! ```
//! Only flows with an end in a namespace in which something changed are judged again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use netpol_engine::{Flow, Size};

pub use self::cause::Cause;
pub use self::expectation::{Blocking, Expectation};
pub use self::state::State;
pub use self::survey::{Survey, survey};
use crate::model::Model;
use crate::model::changes::Changes;
use crate::model::policy::Refused;

mod cause;
mod expectation;
mod state;
mod survey;

/// What was found at one moment.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// When, since the epoch.
    pub at: Duration,
    /// One for each required flow, in order.
    pub flows: Vec<Arc<FlowFinding>>,
    /// Policies that the API server would refuse.
    pub refused: Vec<Refused>,
    /// How much there is.
    pub size: Size,
}

/// What was found about one required flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowFinding {
    /// Which.
    pub flow: Flow,
    /// What the policies say.
    pub expectation: Expectation,
    /// All of it together.
    pub state: State,
    /// Since when, since the epoch.
    pub since: Duration,
    /// What brought it about.
    pub cause: Cause,
}

/// What there is to say about every required flow now.
pub fn decide(model: &Model, changes: &Changes, now: Duration, before: &Findings) -> Findings {
    let required = model.required();
    let known: HashMap<&Flow, &Arc<FlowFinding>> = if changes.required {
        before.flows.iter().map(|it| (&it.flow, it)).collect()
    } else {
        HashMap::new()
    };
    let flows = required.iter().enumerate().map(|(index, flow)| {
        let before = if changes.required {
            known.get(flow).copied()
        } else {
            before.flows.get(index)
        };
        match before {
            Some(before) if !concerns(changes, flow) => Arc::clone(before),
            before => finding(model, changes, now, flow, before),
        }
    });
    Findings {
        at: now,
        flows: flows.collect(),
        refused: model.refused().cloned().collect(),
        size: model.matrix().size(),
    }
}

/// Whether a flow may have another verdict: an end of it is in a namespace in which something has changed.
fn concerns(changes: &Changes, flow: &Flow) -> bool {
    let mut ends = flow.namespaces();
    ends.any(|namespace| changes.concern(namespace))
}

fn finding(
    model: &Model,
    changes: &Changes,
    now: Duration,
    flow: &Flow,
    before: Option<&Arc<FlowFinding>>,
) -> Arc<FlowFinding> {
    let expectation = Expectation::of(model, flow);
    let state = State::of(&expectation);
    let (since, cause) = match before {
        Some(before) if before.state == state => (before.since, before.cause.clone()),
        Some(_) => (now, Cause::of(changes, flow, &expectation)),
        None => (now, Cause::FirstSeen),
    };
    let finding = FlowFinding {
        flow: flow.clone(),
        expectation,
        state,
        since,
        cause,
    };
    match before {
        Some(before) if **before == finding => Arc::clone(before),
        _ => Arc::new(finding),
    }
}

// === impl Findings ===

impl Findings {
    /// How many flows are in a state.
    pub fn count(&self, state: State) -> usize {
        self.flows.iter().filter(|it| it.state == state).count()
    }
}
