//! A recording under other rules: what changes with an upgrade.

use serde::{Deserialize, Serialize};

use crate::decide::{Controller, Sync};
use crate::decision::Decision;
use crate::memory::Memory;
use crate::moment::Moment;
use crate::pod::Pod;
use crate::rivals::Rivals;
use crate::sample::Samples;
use crate::scale::{Put, Scale, ScaleFailure};
use crate::spec::Autoscaler;
use crate::status::Status;

/// One sync's inputs, kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When.
    pub now: Moment,
    /// The autoscaler.
    pub autoscaler: Autoscaler,
    /// The target's scale.
    pub scale: Result<Scale, ScaleFailure>,
    /// The pods that its selector matches.
    pub pods: Vec<Pod>,
    /// What the metric APIs answered.
    pub samples: Samples,
    /// What came of writing the scale.
    pub put: Put,
}

/// What there was before the first sync of a recording. Without it the controller has just started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Before {
    /// What the controller remembered.
    pub memory: Memory,
    /// The autoscaler's status.
    pub status: Status,
}

/// A sync that comes out otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The place in the recording.
    pub index: usize,
    /// Under the first rules.
    pub before: Box<Decision>,
    /// Under the others.
    pub after: Box<Decision>,
}

impl Controller {
    /// Plays a recording of one autoscaler. Each sync starts from the recorded replicas; status and memory are the play's own.
    /// Other autoscalers are not in it, so that nobody claims the same pods.
    pub fn replay(&self, before: &Before, recording: &[Recorded]) -> Vec<Decision> {
        let Before {
            mut memory,
            mut status,
        } = before.clone();
        let mut rivals = Rivals::default();
        let mut decisions = Vec::with_capacity(recording.len());
        for recorded in recording {
            let autoscaler = &recorded.autoscaler;
            rivals.register(&autoscaler.namespace, &autoscaler.name);
            let pods: Vec<_> = recorded.pods.iter().collect();
            let sync = Sync {
                autoscaler,
                status: &status,
                scale: recorded.scale.as_ref(),
                pods: &pods,
                samples: &recorded.samples,
                put: &recorded.put,
                now: recorded.now,
            };
            let decision = self.sync(&sync, &mut memory, &mut rivals);
            status = decision.status.clone();
            decisions.push(decision);
        }
        decisions
    }

    /// The syncs of a recording that come out otherwise under another controller: another number, or another reason for it.
    pub fn changes(&self, other: &Self, before: &Before, recording: &[Recorded]) -> Vec<Change> {
        let pairs = self
            .replay(before, recording)
            .into_iter()
            .zip(other.replay(before, recording));
        let differ = |before: &Decision, after: &Decision| {
            let reasons = |decision: &Decision| -> Vec<_> {
                let conditions = decision.status.conditions.iter();
                conditions
                    .map(|it| (it.kind, it.status, it.reason.clone()))
                    .collect()
            };
            (before.wish, before.desired, before.path) != (after.wish, after.desired, after.path)
                || reasons(before) != reasons(after)
        };
        pairs
            .enumerate()
            .filter(|(_, (before, after))| differ(before, after))
            .map(|(index, (before, after))| Change {
                index,
                before: Box::new(before),
                after: Box::new(after),
            })
            .collect()
    }
}
