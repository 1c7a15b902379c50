//! What the policies say about a required flow, and which of them are to blame.

use netpol_engine::{
    Action, Direction, DirectionExplanation, Flow, FlowState, ObjectKey, Query, Reason, Verdict,
    explain,
};

use crate::model::Model;
use crate::model::policy::Version;
use crate::observe::{Observer, Pair, pair};

/// What the policies say about a required flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// All pairs of replicas together.
    pub verdict: FlowState,
    /// How many pairs of replicas there are.
    pub pairs: usize,
    /// How many of them may not connect.
    pub denied: usize,
    /// The policies that forbid it; none unless it is blocked.
    pub blocking: Vec<Blocking>,
    /// Why, for a person: of one pair, the worst. Empty if it is allowed.
    pub why: String,
}

/// A policy that forbids a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for a cluster-wide one.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// At which end.
    pub direction: Direction,
    /// As the engine calls it.
    pub key: ObjectKey,
    /// Which state of it is in force.
    pub version: Option<Version>,
}

// === impl Expectation ===

impl Expectation {
    /// Nobody dials.
    pub(super) const fn nothing() -> Self {
        Self {
            verdict: FlowState::SourceAbsent,
            pairs: 0,
            denied: 0,
            blocking: Vec::new(),
            why: String::new(),
        }
    }

    /// What the policies say about a flow now, and which of its pairs are to be tried.
    pub(super) fn of(model: &Model, flow: &Flow, observer: &Observer) -> (Self, Vec<Pair>) {
        let matrix = model.matrix();
        let judged = flow.judge(matrix.cluster(), |query| matrix.verdict(query));
        let denied = judged.edges.iter().filter(|(_, it)| *it == Verdict::Denied);
        let worst = judged
            .edges
            .iter()
            .max_by_key(|(_, it)| match it {
                Verdict::Allowed => 0,
                Verdict::Undefined(_) => 1,
                Verdict::Denied => 2,
            })
            .filter(|(_, it)| *it != Verdict::Allowed);
        let mut expectation = Self {
            verdict: judged.state,
            pairs: judged.edges.len(),
            denied: denied.count(),
            ..Self::nothing()
        };
        match judged.state {
            FlowState::Allowed => {}
            FlowState::TargetAbsent(missing) => {
                missing.explanation().clone_into(&mut expectation.why);
            }
            FlowState::SourceAbsent => {
                "nobody dials: the source has no pods".clone_into(&mut expectation.why);
            }
            FlowState::Undefined(reasons) => {
                let reasons: Vec<_> = reasons.iter().map(Reason::explanation).collect();
                expectation.why = reasons.join("; ");
            }
            FlowState::Blocked => {
                if let Some((query, _)) = worst {
                    expectation.blame(model, query);
                }
            }
        }
        let can_dial = |pod: &ObjectKey, node: Option<&str>| observer.can_dial(pod, node);
        let pairs = pair::sample(flow, &judged.edges, matrix.cluster(), can_dial);
        (expectation, pairs)
    }

    /// Names the policies that forbid this connection, and the rule that comes nearest to allowing it.
    fn blame(&mut self, model: &Model, query: &Query) {
        let explained = explain(model.cluster(), model.matrix().profile(), query);
        let mut blocking = Vec::new();
        let mut why = Vec::new();
        for one in &explained.directions {
            if one.verdict != Verdict::Denied {
                continue;
            }
            blocking.extend(deniers(one).map(|key| Blocking::new(key, one.direction, model)));
            let names: Vec<String> = deniers(one).map(ToString::to_string).collect();
            let mut text = format!("{} denied by {}", one.direction, names.join(", "));
            if let Some(nearest) = &one.nearest {
                text.push_str("; nearest is ");
                text.push_str(&nearest.to_string());
            }
            why.push(text);
        }
        self.blocking = blocking;
        self.why = why.join("; ");
    }

    /// Whether the policies let it through; nothing where they do not say.
    pub fn allows(&self) -> Option<bool> {
        match self.verdict {
            FlowState::Allowed => Some(true),
            FlowState::Blocked => Some(false),
            FlowState::Undefined(_) | FlowState::SourceAbsent | FlowState::TargetAbsent(_) => None,
        }
    }
}

/// The policies by which one direction is denied: a cluster-wide one that says so first, or else those that isolate.
fn deniers(one: &DirectionExplanation) -> impl Iterator<Item = &ObjectKey> {
    let first = one
        .cluster_rules
        .iter()
        .find(|(_, action)| *action != Action::Pass);
    let wide = first
        .filter(|(_, action)| *action == Action::Deny)
        .map(|(place, _)| &place.policy);
    let isolating = one.isolated_by.iter().filter(move |_| wide.is_none());
    wide.into_iter().chain(isolating)
}

// === impl Blocking ===

impl Blocking {
    fn new(key: &ObjectKey, direction: Direction, model: &Model) -> Self {
        let (kind, name) = Self::kind_and_name(key);
        Self {
            kind: kind.to_owned(),
            namespace: key.namespace.clone(),
            name: name.to_owned(),
            direction,
            key: key.clone(),
            version: model.version(key).cloned(),
        }
    }

    /// The kind and name of a policy: the engine calls a cluster-wide one by both.
    pub fn kind_and_name(key: &ObjectKey) -> (&str, &str) {
        let wide = key
            .name
            .split_once('/')
            .filter(|_| key.namespace.is_empty());
        wide.unwrap_or(("NetworkPolicy", &key.name))
    }
}
