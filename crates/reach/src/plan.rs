//! What an agent is to dial.

use core::time::Duration;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::MOST_DIALS;
use crate::dial::{Dial, DialFault, DialId, seconds};

/// What the exporter answers to a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Seconds until the next report at the latest: the exporter's share of the load of many agents. News are sent sooner.
    pub ask_again_seconds: f64,
    /// Another plan than the one whose revision the report names; none if that one stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

/// What an agent is to dial, all of it: what is not in it is dialled no longer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Tells it from every other plan.
    pub revision: Revision,
    /// The dials.
    pub dials: Vec<Dial>,
}

/// Tells one plan from another, and nothing more: it has no order, so that an exporter may start anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// What an agent left out of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// A dial that may not be made.
    #[error("dial {}: {fault}", id.0)]
    Dial {
        /// Which.
        id: DialId,
        /// Why.
        fault: DialFault,
    },
    /// A number that was given before.
    #[error("dial {}: its number is another's", .0.0)]
    Twice(DialId),
    /// More than anybody needs.
    #[error("{0} dials beyond the most that are made")]
    TooMany(usize),
}

// === impl Answer ===

impl Answer {
    /// The bounds of `ask_again_seconds`.
    const ASK_AGAIN: (f64, f64) = (0.2, 300.0);

    /// How long to wait before the next report, if there is nothing to say; never so short or so long that either side would suffer.
    pub fn ask_again(&self) -> Duration {
        let (least, most) = Self::ASK_AGAIN;
        // A NaN is neither and becomes the least.
        seconds(self.ask_again_seconds.max(least).min(most))
    }
}

// === impl Plan ===

impl Plan {
    /// What may be dialled, with what was left out and why. One bad dial never hides the others.
    pub fn checked(self) -> (Self, Vec<PlanFault>) {
        let mut faults = Vec::new();
        let mut seen = HashSet::new();
        let mut dials = self.dials;
        if dials.len() > MOST_DIALS {
            faults.push(PlanFault::TooMany(dials.len() - MOST_DIALS));
            dials.truncate(MOST_DIALS);
        }
        dials.retain(|dial| {
            let id = dial.id;
            let fault = match dial.check() {
                Err(fault) => Some(PlanFault::Dial { id, fault }),
                Ok(()) if !seen.insert(id) => Some(PlanFault::Twice(id)),
                Ok(()) => None,
            };
            faults.extend(fault);
            fault.is_none()
        });
        let revision = self.revision;
        (Self { revision, dials }, faults)
    }
}
