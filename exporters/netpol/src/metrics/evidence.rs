//! What agents have observed.

use std::collections::BTreeMap;
use std::fmt::Result;
use std::sync::Arc;

use netpol_engine::{FlowSource, FlowTarget};
use prometheus_client::encoding::DescriptorEncoder;

use super::{flag, float, flow_labels, open, table};
use crate::decide::{Evidence, Findings, FlowFinding, State};
use crate::observe::{Dropped, Unlearnt, Who};
use crate::receive::{Counts, Fate};

/// States that are a mismatch, by themselves.
const MISMATCHES: [State; 4] = [
    State::BlockedByPolicy,
    State::BrokenNotPolicy,
    State::EnforcementGap,
    State::AppDown,
];

pub(super) fn flows(encoder: &mut DescriptorEncoder<'_>, flows: &[Arc<FlowFinding>]) -> Result {
    let mut series = open(encoder, &table::OBSERVED)?;
    for found in flows {
        if let Some(reachable) = found.observation.reachable() {
            series.gauge(&flow_labels(&found.flow), flag(reachable))?;
        }
    }
    let mut series = open(encoder, &table::LAST_OBSERVATION)?;
    for found in flows {
        if let Some(last) = found.observation.last {
            series.gauge(&flow_labels(&found.flow), last.as_secs_f64())?;
        }
    }
    Ok(())
}

/// Bounded by pairs of namespaces that have required flows between them, whatever `--flows.max-series` says.
pub(super) fn mismatches(
    encoder: &mut DescriptorEncoder<'_>,
    flows: &[Arc<FlowFinding>],
) -> Result {
    let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for found in flows {
        let source = match &found.flow.source {
            FlowSource::Workload(key) => key.namespace.as_str(),
            FlowSource::Outside(_) => "",
        };
        let destination = match &found.flow.target {
            FlowTarget::Service(key) | FlowTarget::Workload(key) => key.namespace.as_str(),
            FlowTarget::Address(_) => "",
        };
        let by_state = MISMATCHES
            .into_iter()
            .map(|state| (state.as_str(), found.state == state));
        let others = [
            ("evidence_lost", found.observation.is_lost),
            ("node_disagreement", found.observation.disagrees()),
        ];
        for (kind, holds) in by_state.chain(others) {
            // 0 where it could be: an alert has something to compare with.
            *counts.entry((kind, source, destination)).or_default() += usize::from(holds);
        }
    }
    let mut series = open(encoder, &table::MISMATCHES)?;
    for ((kind, source, destination), count) in counts {
        let labels = [
            ("kind", kind.into()),
            ("source_namespace", source.into()),
            ("destination_namespace", destination.into()),
        ];
        series.gauge(&labels, float(count))?;
    }
    Ok(())
}

pub(super) fn agents(encoder: &mut DescriptorEncoder<'_>, findings: &Findings) -> Result {
    let agents = &findings.evidence.agents;
    let mut series = open(encoder, &table::AGENTS)?;
    for (role, is_node) in [("pod", false), ("node", true)] {
        for (state, up) in [("up", true), ("silent", false)] {
            let count = agents
                .iter()
                .filter(|(who, speaks)| matches!(who, Who::Node(_)) == is_node && *speaks == up);
            let labels = [("role", role.into()), ("state", state.into())];
            series.gauge(&labels, float(count.count()))?;
        }
    }
    let mut series = open(encoder, &table::AGENT_UP)?;
    for (who, speaks) in agents {
        if let Who::Node(node) = who {
            series.gauge(&[("node", node.as_str().into())], flag(*speaks))?;
        }
    }
    Ok(())
}

pub(super) fn dials(
    encoder: &mut DescriptorEncoder<'_>,
    evidence: &Evidence,
    reports: &Counts,
) -> Result {
    let (flows, controls) = evidence.planned;
    let mut series = open(encoder, &table::DIALS_PLANNED)?;
    series.gauge(&[("purpose", "flow".into())], float(flows))?;
    series.gauge(&[("purpose", "control".into())], float(controls))?;
    open(encoder, &table::DIAL_INTERVAL)?.gauge(&[], evidence.every.as_secs_f64())?;
    let mut series = open(encoder, &table::DIALS)?;
    for ((protocol, outcome), count) in &evidence.counts.dials {
        let labels = [
            ("protocol", protocol.as_str().into()),
            ("outcome", outcome.as_str().into()),
        ];
        series.count(&labels, *count)?;
    }
    open(encoder, &table::DIAL_DURATION)?.histogram(&[], &evidence.counts.durations)?;
    let mut series = open(encoder, &table::REPORTS)?;
    for fate in Fate::ALL {
        series.count(&[("result", fate.as_str().into())], reports.of(fate))?;
    }
    let mut series = open(encoder, &table::SIGHTINGS_DROPPED)?;
    for reason in Dropped::ALL {
        let count = evidence.counts.dropped.get(&reason).copied();
        let labels = [("reason", reason.as_str().into())];
        series.count(&labels, count.unwrap_or_default())?;
    }
    open(encoder, &table::LEARNT)?.gauge(&[], float(evidence.learnt))?;
    let mut series = open(encoder, &table::UNLEARNT)?;
    for reason in Unlearnt::ALL {
        let count = evidence.unlearnt.get(&reason).copied();
        let labels = [("reason", reason.as_str().into())];
        series.count(&labels, count.unwrap_or_default())?;
    }
    open(encoder, &table::LATENCY)?.histogram(&[], &evidence.counts.latency)
}
