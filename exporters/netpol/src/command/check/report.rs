//! What is found, whatever it is written as.

use std::path::PathBuf;

use netpol_engine::{
    Direction, Explanation, Finding, Flow, FlowState, ObjectKey, Query, Reason, Verdict, explain,
    findings,
};

use crate::command::flow;
use crate::command::read::{Place, Scene};

/// What is found.
#[derive(Debug)]
pub(super) struct Report {
    /// What becomes of each required flow.
    pub(super) flows: Vec<Judged>,
    /// What the API server would refuse.
    pub(super) refused: Vec<Refused>,
    /// What is odd about policies by themselves.
    pub(super) odd: Vec<Odd>,
    /// The first file of flows, as it was given.
    pub(super) file: Option<PathBuf>,
}

/// A required flow, and what becomes of it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) flow: Flow,
    /// As it is written in a file of flows.
    pub(super) name: String,
    pub(super) state: FlowState,
    /// How many pairs of replicas there are, and how many of them are denied.
    pub(super) pairs: usize,
    pub(super) denied: usize,
    /// Why the first pair that is not allowed is not.
    pub(super) causes: Vec<Cause>,
}

/// Why one end lets nothing through.
#[derive(Debug)]
pub(super) struct Cause {
    pub(super) direction: Direction,
    /// Whose end it is.
    pub(super) subject: String,
    /// What isolates it: network policies, or a rule of a cluster-wide one.
    pub(super) by: Vec<Blamed>,
    /// The rule that comes nearest, with what it misses by.
    pub(super) nearest: Option<Blamed>,
}

/// A policy, with more about it.
#[derive(Debug)]
pub(super) struct Blamed {
    pub(super) policy: ObjectKey,
    pub(super) text: String,
    pub(super) place: Option<Place>,
}

/// A policy that the API server would refuse: one field.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) policy: ObjectKey,
    /// `spec.ingress[0].ports[0].port: Invalid value: ...`
    pub(super) text: String,
    pub(super) place: Option<Place>,
}

/// Something odd, and where.
#[derive(Debug)]
pub(super) struct Odd {
    pub(super) finding: Finding,
    pub(super) place: Option<Place>,
}

// === impl Report ===

impl Report {
    pub(super) fn new(scene: &Scene) -> Self {
        let model = &scene.model;
        let place = |policy: &ObjectKey| scene.places.get(policy).cloned();
        let flows = model.required().iter().map(|it| Judged::new(it, scene));
        let refused = model.refused().flat_map(|refused| {
            let policy = &refused.policy;
            refused.problems.iter().map(move |problem| Refused {
                policy: policy.clone(),
                text: problem.to_string(),
                place: place(policy),
            })
        });
        let odd = findings(model.cluster(), model.matrix().profile());
        Self {
            flows: flows.collect(),
            refused: refused.collect(),
            odd: odd
                .into_iter()
                .map(|finding| Odd {
                    place: place(&finding.policy),
                    finding,
                })
                .collect(),
            file: scene.flows.first().cloned(),
        }
    }

    /// Whether whoever asked should not go on.
    pub(super) fn fails(&self) -> bool {
        let mut flows = self.flows.iter();
        flows.any(|it| it.state == FlowState::Blocked) || !self.refused.is_empty()
    }

    /// How many flows are in a state.
    pub(super) fn count(&self, of: impl Fn(FlowState) -> bool) -> usize {
        self.flows.iter().filter(|it| of(it.state)).count()
    }
}

// === impl Judged ===

impl Judged {
    fn new(flow: &Flow, scene: &Scene) -> Self {
        let (matrix, cluster) = (scene.model.matrix(), scene.model.cluster());
        let judged = flow.judge(cluster, |query| matrix.verdict(query));
        let is_denied = |it: &&(Query, Verdict)| it.1 == Verdict::Denied;
        let denied = judged.edges.iter().filter(is_denied);
        let mut not_allowed = judged.edges.iter().filter(|it| it.1 != Verdict::Allowed);
        let first = denied.clone().next().or_else(|| not_allowed.next());
        let causes = first.map(|(query, _)| {
            let explained = explain(cluster, matrix.profile(), query);
            causes(&explained, scene)
        });
        Self {
            name: flow::name(flow, &scene.namespace),
            flow: flow.clone(),
            state: judged.state,
            pairs: judged.edges.len(),
            denied: denied.count(),
            causes: causes.unwrap_or_default(),
        }
    }

    /// Where one would mend it: the rule that comes nearest, or else a policy that isolates.
    pub(super) fn blamed(&self) -> Option<&Blamed> {
        let mut nearest = self.causes.iter().filter_map(|it| it.nearest.as_ref());
        let isolating = || self.causes.iter().find_map(|it| it.by.first());
        nearest.next().or_else(isolating)
    }

    /// Everything about it in one sentence.
    pub(super) fn sentence(&self) -> String {
        let name = &self.name;
        match self.state {
            FlowState::Allowed => format!("{name} is allowed"),
            FlowState::SourceAbsent => format!("{name}: nobody dials, the source has no pods"),
            FlowState::TargetAbsent(missing) => format!("{name}: {}", missing.explanation()),
            FlowState::Undefined(reasons) => {
                let reasons: Vec<_> = reasons.iter().map(Reason::explanation).collect();
                format!("{name} is undefined: {}", reasons.join("; "))
            }
            FlowState::Blocked => {
                let causes: Vec<_> = self.causes.iter().map(Cause::sentence).collect();
                format!("{name} is blocked: {}", causes.join("; "))
            }
        }
    }
}

// === impl Cause ===

impl Cause {
    /// `ingress of emailservice is isolated by sre-demo/deny, and the nearest rule is ...`
    fn sentence(&self) -> String {
        let by: Vec<_> = self.by.iter().map(|it| it.text.as_str()).collect();
        let mut text = format!(
            "{} of {} is closed by {}",
            self.direction,
            self.subject,
            by.join(", ")
        );
        if let Some(nearest) = &self.nearest {
            text.push_str(", and the nearest rule is ");
            text.push_str(&nearest.text);
        }
        text
    }
}

fn causes(explained: &Explanation, scene: &Scene) -> Vec<Cause> {
    let blamed = |policy: &ObjectKey, text: String| Blamed {
        policy: policy.clone(),
        text,
        place: scene.places.get(policy).cloned(),
    };
    let closed = explained
        .directions
        .iter()
        .filter(|it| it.verdict != Verdict::Allowed);
    closed
        .map(|one| Cause {
            direction: one.direction,
            subject: scene.workload(&one.subject),
            by: match one.cluster_rules.first() {
                Some((place, action)) if one.isolated_by.is_empty() => {
                    vec![blamed(&place.policy, format!("{place} ({action:?})"))]
                }
                _ => one
                    .isolated_by
                    .iter()
                    .map(|it| blamed(it, it.to_string()))
                    .collect(),
            },
            nearest: one
                .nearest
                .as_ref()
                .map(|it| blamed(&it.place.policy, it.to_string())),
        })
        .collect()
}
