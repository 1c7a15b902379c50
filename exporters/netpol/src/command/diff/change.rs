//! What has changed between two sets of policies: required flows first, then every other edge.

use std::collections::BTreeSet;

use netpol_engine::{
    Difference, Edge, EdgeEnd, Endpoint, Flow, FlowSource, FlowState, ObjectKey, Protocol, Verdict,
    difference, explain,
};

use crate::command::flow;
use crate::command::read::Scene;

/// What has changed.
#[derive(Debug)]
pub(super) struct Change {
    /// Required flows whose state is another, those that are blocked now first.
    pub(super) required: Vec<Changed>,
    /// How many flows are required, and how many of them are blocked: before and after.
    pub(super) flows: usize,
    pub(super) blocked: (usize, usize),
    /// Edges between workloads that nobody requires.
    pub(super) lost: Vec<Edge>,
    pub(super) gained: Vec<Edge>,
    pub(super) unclear: Vec<Edge>,
    /// Policies that the API server would refuse: on the new side alone.
    pub(super) refused: Vec<String>,
    /// How many policies there are: before and after.
    pub(super) policies: (usize, usize),
}

/// A required flow whose state is another.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) name: String,
    pub(super) soft: bool,
    pub(super) before: FlowState,
    pub(super) after: FlowState,
    /// Why it is not allowed now, one line an end.
    pub(super) why: Vec<String>,
}

type Place = (EdgeEnd, EdgeEnd, Protocol, u16);

// === impl Change ===

impl Change {
    pub(super) fn new(old: &Scene, new: &Scene) -> Self {
        let flows = new.model.required();
        let mut required = Vec::new();
        let mut places = BTreeSet::new();
        let mut blocked = (0, 0);
        for flow in flows.iter() {
            let (before, after) = (state(flow, old), state(flow, new));
            blocked.0 += usize::from(before == FlowState::Blocked);
            blocked.1 += usize::from(after == FlowState::Blocked);
            places.extend(edges(flow, new));
            if before != after {
                required.push(Changed {
                    name: flow::name(flow, &new.namespace),
                    soft: flow.soft,
                    before,
                    after,
                    why: why(flow, new),
                });
            }
        }
        required.sort_by_key(|it| it.after != FlowState::Blocked);
        let Difference {
            lost,
            gained,
            unclear,
        } = difference(old.model.matrix(), new.model.matrix());
        let others = |edges: Vec<Edge>| {
            let others = edges.into_iter().filter(|it| !is_required(it, &places));
            others.collect()
        };
        Self {
            required,
            flows: flows.len(),
            blocked,
            lost: others(lost),
            gained: others(gained),
            unclear: others(unclear),
            refused: refused(old, new),
            policies: (count(old), count(new)),
        }
    }

    /// Whether a required flow is blocked that was not, or a policy is written that nobody will take.
    pub(super) fn breaks(&self) -> bool {
        let mut required = self.required.iter();
        required.any(|it| it.after == FlowState::Blocked) || !self.refused.is_empty()
    }

    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        let edges = [&self.lost, &self.gained, &self.unclear];
        self.required.is_empty() && self.refused.is_empty() && edges.iter().all(|it| it.is_empty())
    }
}

fn state(flow: &Flow, scene: &Scene) -> FlowState {
    let matrix = scene.model.matrix();
    flow.judge(scene.model.cluster(), |query| matrix.verdict(query))
        .state
}

/// The edges between workloads that a flow is.
fn edges(flow: &Flow, scene: &Scene) -> Vec<Place> {
    let cluster = scene.model.cluster();
    let source = match &flow.source {
        FlowSource::Workload(key) => EdgeEnd::Workload(key.clone()),
        FlowSource::Outside(_) => EdgeEnd::Outside,
    };
    let queries = flow.queries(cluster).unwrap_or_default();
    let edges = queries.into_iter().map(|query| {
        let destination = match &query.destination {
            Endpoint::Pod(key) => cluster.pods.get(key).map_or(EdgeEnd::Outside, |pod| {
                EdgeEnd::Workload(ObjectKey::new(&key.namespace, &pod.workload))
            }),
            Endpoint::Address(_) | Endpoint::Node(_) => EdgeEnd::Outside,
        };
        (source.clone(), destination, query.protocol, query.port)
    });
    edges.collect()
}

/// Whether an edge is a required flow and nothing more: one port, and that one.
fn is_required(edge: &Edge, places: &BTreeSet<Place>) -> bool {
    let place = (
        edge.source.clone(),
        edge.destination.clone(),
        edge.protocol,
        edge.first,
    );
    edge.first == edge.last && places.contains(&place)
}

fn why(flow: &Flow, scene: &Scene) -> Vec<String> {
    let (matrix, cluster) = (scene.model.matrix(), scene.model.cluster());
    let judged = flow.judge(cluster, |query| matrix.verdict(query));
    let mut queries = judged.edges.iter();
    let Some((query, _)) = queries.find(|it| it.1 == Verdict::Denied) else {
        return Vec::new();
    };
    let explained = explain(cluster, matrix.profile(), query);
    let closed = explained
        .directions
        .iter()
        .filter(|it| it.verdict != Verdict::Allowed);
    closed
        .map(|one| {
            let nearest = one.nearest.as_ref().map(ToString::to_string);
            let by: Vec<_> = one.isolated_by.iter().map(ToString::to_string).collect();
            let closed_by = format!("{} is closed by {}", one.direction, by.join(", "));
            nearest.map_or(closed_by, |it| {
                format!("{}: nearest is {it}", one.direction)
            })
        })
        .collect()
}

fn refused(old: &Scene, new: &Scene) -> Vec<String> {
    let list = |scene: &Scene| -> BTreeSet<String> {
        let refused = scene.model.refused();
        let problems = refused.flat_map(|it| {
            let problems = it.problems.iter();
            problems.map(move |problem| format!("{}: {problem}", it.policy))
        });
        problems.collect()
    };
    list(new).difference(&list(old)).cloned().collect()
}

fn count(scene: &Scene) -> usize {
    let cluster = scene.model.cluster();
    cluster.policies.len() + cluster.cluster_policies.len()
}
