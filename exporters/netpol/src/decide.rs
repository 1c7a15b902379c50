//! What is required, what the policies say and what the network does, set side by side: a state for each flow, with its age and what
//! brought it about.
//!
//! ```text
//! model, changes ─> flow by flow: expectation, pairs to try ─> observer: evidence ─> state ─> since when, by what
//! ```
//! Only flows with an end in a namespace in which something changed are judged again; evidence ages, so the state is looked at each time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use netpol_engine::{Flow, Size};

pub use self::cause::Cause;
pub use self::expectation::{Blocking, Expectation};
pub use self::history::{History, Turn};
pub use self::observation::Observation;
pub use self::state::State;
pub use self::survey::{Coverage, Survey, survey};
use crate::model::Model;
use crate::model::changes::Changes;
use crate::model::policy::Refused;
use crate::observe::{Counts, Observer, Pair, Unlearnt, Who};

mod cause;
mod expectation;
mod history;
mod observation;
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
    /// Who observes, and how much.
    pub evidence: Evidence,
    /// States that have changed, the last ones.
    pub history: History,
}

/// Who observes, and how much.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Agents that have reported, and whether each still does.
    pub agents: Vec<(Who, bool)>,
    /// Dials that are planned: of flows, and of controls.
    pub planned: (usize, usize),
    /// From one dial of a pair to the next.
    pub every: Duration,
    /// What came in.
    pub counts: Counts,
    /// Flows that applications were seen to use.
    pub learnt: usize,
    /// Connections of applications that taught nothing, by why.
    pub unlearnt: BTreeMap<Unlearnt, u64>,
}

/// What was found about one required flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowFinding {
    /// Which.
    pub flow: Flow,
    /// What the policies say.
    pub expectation: Arc<Expectation>,
    /// Which of its pairs are tried.
    pub pairs: Arc<[Pair]>,
    /// What the network does.
    pub observation: Observation,
    /// All of it together.
    pub state: State,
    /// Since when, since the epoch.
    pub since: Duration,
    /// What brought it about.
    pub cause: Cause,
}

/// A flow, judged by the policies.
struct Judged<'a> {
    flow: &'a Flow,
    before: Option<&'a Arc<FlowFinding>>,
    expectation: Arc<Expectation>,
    pairs: Arc<[Pair]>,
    /// Whether a policy that may be about it has changed: then it is tried at once.
    urgent: bool,
}

/// What there is to say about every required flow now.
pub fn decide(
    model: &Model,
    changes: &Changes,
    observer: &mut Observer,
    now: Duration,
    before: &Findings,
) -> Findings {
    observer.settle(model);
    let judged = judge(model, changes, observer, before);
    if !changes.is_empty() {
        observer.tidy(model, now);
        let pairs = judged
            .iter()
            .flat_map(|it| it.pairs.iter().map(|pair| (pair, it.urgent)));
        observer.follow(pairs, now);
    }
    let mut history = before.history.clone();
    let flows = judged.into_iter().map(|judged| {
        let before = judged.before.map(|it| it.state);
        let finding = finding(judged, changes, observer, now);
        history.note(&finding, before);
        finding
    });
    let flows = flows.collect();
    Findings {
        at: now,
        flows,
        refused: model.refused().cloned().collect(),
        size: model.matrix().size(),
        evidence: evidence(observer, now),
        history,
    }
}

fn evidence(observer: &Observer, now: Duration) -> Evidence {
    let agents = observer.agents().iter(now);
    Evidence {
        agents: agents.map(|(who, speaks)| (who.clone(), speaks)).collect(),
        planned: observer.planned(),
        every: observer.every(),
        counts: observer.counts().clone(),
        learnt: observer.learnt().len(),
        unlearnt: observer.learnt().dropped().clone(),
    }
}

/// What the policies say of every flow; what was said before of those that nothing has touched.
fn judge<'a>(
    model: &'a Model,
    changes: &Changes,
    observer: &Observer,
    before: &'a Findings,
) -> Vec<Judged<'a>> {
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
            Some(before) if !concerns(changes, flow) => Judged {
                flow,
                expectation: Arc::clone(&before.expectation),
                pairs: Arc::clone(&before.pairs),
                before: Some(before),
                urgent: false,
            },
            before => {
                let (expectation, pairs) = Expectation::of(model, flow, observer);
                Judged {
                    flow,
                    before,
                    expectation: Arc::new(expectation),
                    pairs: pairs.into(),
                    urgent: flow.namespaces().any(|it| changes.policies_concern(it)),
                }
            }
        }
    });
    flows.collect()
}

/// Whether a flow may have another verdict: an end of it is in a namespace in which something has changed.
fn concerns(changes: &Changes, flow: &Flow) -> bool {
    let mut ends = flow.namespaces();
    changes.everything || ends.any(|namespace| changes.concern(namespace))
}

fn finding(
    judged: Judged<'_>,
    changes: &Changes,
    observer: &Observer,
    now: Duration,
) -> Arc<FlowFinding> {
    let Judged {
        flow,
        before,
        expectation,
        pairs,
        ..
    } = judged;
    let last = before.and_then(|it| it.observation.last);
    let observation = Observation::of(&pairs, observer, last, now);
    let state = State::of(&expectation, &observation, observer.settings().required);
    if let Some(before) = before
        && Arc::ptr_eq(&before.expectation, &expectation)
        && (before.state, before.observation) == (state, observation)
    {
        return Arc::clone(before);
    }
    let (since, cause) = match before {
        Some(before) if before.state == state => (before.since, before.cause.clone()),
        Some(before) if *before.expectation == *expectation => (now, Cause::Observed),
        Some(_) => (now, Cause::of(changes, flow, &expectation)),
        None => (now, Cause::FirstSeen),
    };
    Arc::new(FlowFinding {
        flow: flow.clone(),
        expectation,
        pairs,
        observation,
        state,
        since,
        cause,
    })
}

// === impl FlowFinding ===

impl FlowFinding {
    /// Whether the application does without: `hard` or `soft`.
    pub const fn need(&self) -> &'static str {
        if self.flow.soft { "soft" } else { "hard" }
    }

    /// Who says that it is required: `written`, `inferred` or `learnt`.
    pub const fn origin(&self) -> &'static str {
        self.flow.origin.as_str()
    }
}

// === impl Findings ===

impl Findings {
    /// How many flows are in a state.
    pub fn count(&self, state: State) -> usize {
        self.flows.iter().filter(|it| it.state == state).count()
    }
}
