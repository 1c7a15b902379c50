//! What an agent saw.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dial::{DialId, PodName, seconds};
use crate::outcome::Outcome;
use crate::peer::Peer;
use crate::plan::Revision;
use crate::{MOST_PEERS, MOST_SIGHTINGS, is_name};

/// What an agent saw since its last report, and which plan it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Who saw it. Whoever receives it compares this with whose token it came with.
    pub agent: Agent,
    /// The plan that it has; none when it has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// What it saw, oldest first. The dials may be of an earlier plan: their numbers are still theirs.
    #[serde(default)]
    pub sightings: Vec<Sighting>,
    /// Whom it saw the application of its pod dial, if it looks: those that are new, and the others now and then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
}

/// Who reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// A container of this pod: dials with the pod's own address.
    Pod(PodName),
    /// On this node's own network, which every policy lets through to the node's own pods: the control. It may also enter pods.
    Node(String),
}

/// What came of a dial.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// Of which dial.
    pub dial: DialId,
    /// Which generation of it: what had happened to it when it was made.
    #[serde(default)]
    pub generation: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// Seconds from its start to its outcome.
    pub took_seconds: f64,
    /// Seconds from its start to the moment at which the report was sent.
    pub age_seconds: f64,
}

/// Why a report is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportFault {
    /// Whoever that is.
    #[error("the agent's name is empty, too long, or has characters that no name has")]
    Name,
    /// More than a report may hold.
    #[error("more than {MOST_SIGHTINGS} sightings")]
    TooMany,
    /// More than a report may hold.
    #[error("more than {MOST_PEERS} peers")]
    TooManyPeers,
}

/// An age beyond this is as good as none, seconds.
const OLDEST: f64 = 1e6;

/// What is no age is as old as can be: nothing is fresh by a trick.
pub(crate) fn age(age_seconds: f64) -> Duration {
    let believed = (0.0..=OLDEST).contains(&age_seconds);
    seconds(if believed { age_seconds } else { OLDEST })
}

// === impl Report ===

impl Report {
    /// Whether it may be looked at. Sightings of dials that are not in the plan are the receiver's to leave out.
    pub fn check(&self) -> Result<(), ReportFault> {
        let named = match &self.agent {
            Agent::Pod(pod) => pod.is_named(),
            Agent::Node(name) => is_name(name),
        };
        if !named {
            return Err(ReportFault::Name);
        }
        if self.sightings.len() > MOST_SIGHTINGS {
            return Err(ReportFault::TooMany);
        }
        if self.peers.len() > MOST_PEERS {
            return Err(ReportFault::TooManyPeers);
        }
        Ok(())
    }
}

// === impl Sighting ===

impl Sighting {
    /// How long ago it began when the report was sent.
    pub fn age(&self) -> Duration {
        age(self.age_seconds)
    }

    /// How long it took, at most its age.
    pub fn took(&self) -> Duration {
        seconds(self.took_seconds).min(self.age())
    }
}
