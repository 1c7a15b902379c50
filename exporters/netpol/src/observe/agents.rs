//! Who reports, how often, and since when not.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use netpol_engine::ObjectKey;
use reach::{Dial, Revision};

use crate::model::Model;

/// Reports that an agent may send at once.
const BURST: f64 = 20.0;
/// Reports a second that an agent may send for ever: with news it sends more than it is asked for.
const RATE: f64 = 5.0;
/// An agent that was not heard for so long is silent.
const SILENCE: Duration = Duration::from_secs(15);
/// One that was not heard for so long is forgotten, if its pod or node is still there.
const FORGOTTEN: Duration = Duration::from_mins(30);

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// In a pod's network.
    Pod(ObjectKey),
    /// On a node's own.
    Node(String),
}

/// The agents that have reported.
#[derive(Clone, Debug, Default)]
pub struct Agents(BTreeMap<Who, Heard>);

#[derive(Clone, Copy, Debug)]
struct Heard {
    last: Duration,
    /// Reports that it may still send.
    allowance: f64,
}

/// Why a report is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody here knows such a pod or node.
    #[error("there is no such pod or node, or it is not known yet")]
    Stranger,
    /// Too many of them.
    #[error("too many reports")]
    Flood,
}

// === impl Agents ===

impl Agents {
    /// An agent reports; whether it is new. Only pods and nodes that there are can have one, so there are not more agents than these.
    pub(super) fn hear(&mut self, who: Who, model: &Model, now: Duration) -> Result<bool, Refusal> {
        if let Some(heard) = self.0.get_mut(&who) {
            let passed = now.saturating_sub(heard.last).as_secs_f64();
            let was_silent = passed > SILENCE.as_secs_f64();
            heard.allowance = (heard.allowance + passed * RATE).min(BURST);
            heard.last = now;
            if heard.allowance < 1.0 {
                return Err(Refusal::Flood);
            }
            heard.allowance -= 1.0;
            return Ok(was_silent);
        }
        if !exists(&who, model) {
            return Err(Refusal::Stranger);
        }
        let heard = Heard {
            last: now,
            allowance: BURST - 1.0,
        };
        self.0.insert(who, heard);
        Ok(true)
    }

    /// Forgets those whose pod or node is gone, and those that have been silent for long.
    pub(crate) fn tidy(&mut self, model: &Model, now: Duration) {
        self.0
            .retain(|who, heard| exists(who, model) && now.saturating_sub(heard.last) <= FORGOTTEN);
    }

    /// Whether it has reported, and is not forgotten.
    pub fn knows(&self, who: &Who) -> bool {
        self.0.contains_key(who)
    }

    /// Each agent, and whether it still reports.
    pub fn iter(&self, now: Duration) -> impl Iterator<Item = (&Who, bool)> {
        let speaks = move |heard: &Heard| now.saturating_sub(heard.last) <= SILENCE;
        self.0.iter().map(move |(who, heard)| (who, speaks(heard)))
    }
}

fn exists(who: &Who, model: &Model) -> bool {
    let cluster = model.cluster();
    match who {
        Who::Pod(key) => cluster.pods.get(key).is_some_and(|it| !it.finished),
        // From a folder of manifests nodes are known by their pods alone.
        Who::Node(name) => {
            cluster.nodes.contains_key(name)
                || cluster
                    .pods
                    .values()
                    .any(|it| it.node.as_deref() == Some(name))
        }
    }
}

/// What tells this plan from others.
pub(super) fn revision(dials: &[Dial]) -> Revision {
    let mut hasher = DefaultHasher::new();
    for dial in dials {
        (dial.id, dial.generation, dial.every_seconds.to_bits()).hash(&mut hasher);
    }
    Revision(hasher.finish())
}
