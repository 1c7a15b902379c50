//! Names, help and labels; a [`Collector`] over the latest findings.

use std::borrow::Cow;
use std::fmt::Result;
use std::sync::Arc;

use arc_swap::ArcSwap;
use exposition::{Histogram, Label, Series};
use netpol_engine::{Flow, FlowSource, FlowTarget};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use self::table::Family;
use crate::decide::{Blocking, Coverage, Findings, FlowFinding, State, Survey};

mod evidence;
pub mod table;

/// Upper bounds of an evaluation's time, in seconds.
pub const EVALUATION_BOUNDS: &[f64] = &[
    0.0001, 0.0005, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
];

/// What the page reads.
#[derive(Clone, Debug)]
pub struct Latest {
    /// About required flows.
    pub findings: Arc<ArcSwap<Findings>>,
    /// About everything else.
    pub survey: Arc<ArcSwap<Survey>>,
    /// How many files and lines of flows cannot be understood.
    pub flow_problems: Arc<ArcSwap<Vec<crate::flows::Problem>>>,
    /// How long evaluations took.
    pub durations: Histogram,
    /// Reports of agents, by what became of them.
    pub reports: Arc<crate::receive::Counts>,
}

/// The page's part about flows and policies.
#[derive(Debug)]
pub struct Page {
    latest: Latest,
    max_series: usize,
}

type LabelSet<'a> = Vec<Label<'a>>;

// === impl Latest ===

impl Default for Latest {
    fn default() -> Self {
        Self {
            findings: Arc::default(),
            survey: Arc::default(),
            flow_problems: Arc::default(),
            durations: Histogram::new(EVALUATION_BOUNDS),
            reports: Arc::default(),
        }
    }
}

// === impl Page ===

impl Page {
    /// Shows whatever is latest at the time of the scrape, with series for so many flows.
    pub fn new(latest: Latest, max_series: usize) -> Self {
        Self { latest, max_series }
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result {
        let findings = self.latest.findings.load();
        let shown = findings.flows.len().min(self.max_series);
        flows(&mut encoder, &findings.flows[..shown])?;
        totals(&mut encoder, &findings, findings.flows.len() - shown)?;
        let problems = self.latest.flow_problems.load().len();
        open(&mut encoder, &table::FLOW_PROBLEMS)?.gauge(&[], float(problems))?;
        policies(&mut encoder, &findings, &self.latest.survey.load())?;
        evidence::agents(&mut encoder, &findings)?;
        evidence::dials(&mut encoder, &findings.evidence, &self.latest.reports)?;
        evaluation(&mut encoder, &findings, &self.latest.durations)
    }
}

fn flows(encoder: &mut DescriptorEncoder<'_>, flows: &[Arc<FlowFinding>]) -> Result {
    let mut series = open(encoder, &table::STATE)?;
    for found in flows {
        let labels = flow_labels(&found.flow);
        for state in State::ALL {
            let labels = with(&labels, "state", state.as_str());
            series.gauge(&labels, flag(found.state == state))?;
        }
    }
    let mut series = open(encoder, &table::STATE_SINCE)?;
    for found in flows {
        series.gauge(&flow_labels(&found.flow), found.since.as_secs_f64())?;
    }
    let mut series = open(encoder, &table::EXPECTED)?;
    for found in flows {
        if let Some(allows) = found.expectation.allows() {
            series.gauge(&flow_labels(&found.flow), flag(allows))?;
        }
    }
    evidence::flows(encoder, flows)?;
    let mut series = open(encoder, &table::BLOCKING)?;
    for found in flows {
        for blocking in found.expectation.blocking.iter().take(MOST_BLOCKING) {
            let mut labels = flow_labels(&found.flow);
            labels.extend(policy_labels(blocking));
            let labels = with(&labels, "direction", blocking.direction.as_str());
            series.gauge(&labels, 1.0)?;
        }
    }
    let mut series = open(encoder, &table::INFO)?;
    for found in flows {
        let flow = &found.flow;
        let mut labels = flow_labels(flow);
        let kind = flow.kind.as_deref().unwrap_or_default();
        labels.push(("need", found.need().into()));
        labels.push(("origin", found.origin().into()));
        labels.push(("kind", kind.into()));
        series.gauge(&labels, 1.0)?;
    }
    Ok(())
}

/// Blocking policies of one flow that have series: who has more than that looks at the landing page.
const MOST_BLOCKING: usize = 10;

fn totals(encoder: &mut DescriptorEncoder<'_>, findings: &Findings, dropped: usize) -> Result {
    let mut series = open(encoder, &table::FLOWS)?;
    for state in State::ALL {
        let labels = [("state", state.as_str().into())];
        series.gauge(&labels, float(findings.count(state)))?;
    }
    open(encoder, &table::FLOWS_DROPPED)?.gauge(&[], float(dropped))?;
    evidence::mismatches(encoder, &findings.flows)
}

fn policies(encoder: &mut DescriptorEncoder<'_>, findings: &Findings, survey: &Survey) -> Result {
    let mut series = open(encoder, &table::POLICY_FINDINGS)?;
    let mut rest = survey.findings.as_slice();
    while let Some(first) = rest.first() {
        // Sorted by kind and policy, so that what belongs together stands together.
        let same = |it: &netpol_engine::Finding| it.kind == first.kind && it.policy == first.policy;
        let count = rest.iter().take_while(|it| same(it)).count();
        let (kind, name) = Blocking::kind_and_name(&first.policy);
        let labels = [
            ("policy_kind", kind.into()),
            ("policy_namespace", first.policy.namespace.as_str().into()),
            ("policy", name.into()),
            ("finding", first.kind.as_str().into()),
        ];
        series.gauge(&labels, float(count))?;
        rest = &rest[count..];
    }
    let mut series = open(encoder, &table::POLICIES_REFUSED)?;
    for refused in &findings.refused {
        let (kind, name) = Blocking::kind_and_name(&refused.policy);
        let labels = [
            ("policy_kind", kind.into()),
            ("policy_namespace", refused.policy.namespace.as_str().into()),
            ("policy", name.into()),
        ];
        series.gauge(&labels, float(refused.problems.len()))?;
    }
    coverage(encoder, survey)
}

/// A number of a namespace.
type Number = fn(&Coverage) -> usize;

fn coverage(encoder: &mut DescriptorEncoder<'_>, survey: &Survey) -> Result {
    let mut series = open(encoder, &table::WORKLOADS)?;
    for (namespace, coverage) in &survey.namespaces {
        let labels = [("namespace", namespace.into())];
        series.gauge(&labels, float(coverage.workloads))?;
    }
    let mut series = open(encoder, &table::ISOLATED)?;
    for (namespace, coverage) in &survey.namespaces {
        for (direction, isolated) in [
            ("egress", coverage.isolated_egress),
            ("ingress", coverage.isolated_ingress),
        ] {
            let labels = [
                ("namespace", namespace.into()),
                ("direction", direction.into()),
            ];
            series.gauge(&labels, float(isolated))?;
        }
    }
    let numbers: [(&Family, Number); 2] = [
        (&table::REACHABLE, |it| it.reachable),
        (&table::UNREQUIRED, |it| it.unrequired),
    ];
    for (family, number) in numbers {
        let mut series = open(encoder, family)?;
        for (namespace, coverage) in &survey.namespaces {
            let labels = [("source_namespace", namespace.into())];
            series.gauge(&labels, float(number(coverage)))?;
        }
    }
    Ok(())
}

fn evaluation(
    encoder: &mut DescriptorEncoder<'_>,
    findings: &Findings,
    durations: &Histogram,
) -> Result {
    open(encoder, &table::DURATION)?.histogram(&[], durations)?;
    let size = findings.size;
    for (family, value) in [
        (&table::PODS, size.pods),
        (&table::POLICIES, size.policies),
        (&table::CLASSES, size.classes),
        (&table::PORT_ATOMS, size.port_atoms),
    ] {
        open(encoder, family)?.gauge(&[], float(value))?;
    }
    open(encoder, &table::FINDINGS_TIMESTAMP)?.gauge(&[], findings.at.as_secs_f64())
}

/// The labels of a flow are those of its two ends as somebody wrote them, and not of the pods that happen to be there: they stay
/// while pods come and go.
fn flow_labels(flow: &Flow) -> LabelSet<'_> {
    let (source_namespace, source): (&str, Cow<'_, str>) = match &flow.source {
        FlowSource::Workload(key) => (&key.namespace, key.name.as_str().into()),
        FlowSource::Outside(None) => ("", "external".into()),
        FlowSource::Outside(Some(address)) => ("", address.to_string().into()),
    };
    let (kind, namespace, name): (_, &str, Cow<'_, str>) = match &flow.target {
        FlowTarget::Service(key) => ("service", &key.namespace, key.name.as_str().into()),
        FlowTarget::Workload(key) => ("workload", &key.namespace, key.name.as_str().into()),
        FlowTarget::Address(address) => ("address", "", address.to_string().into()),
    };
    let values: [Cow<'_, str>; 7] = [
        source_namespace.into(),
        source,
        namespace.into(),
        kind.into(),
        name,
        flow.port.to_string().into(),
        flow.protocol.as_str().into(),
    ];
    table::FLOW.into_iter().zip(values).collect()
}

fn policy_labels(blocking: &Blocking) -> [Label<'_>; 3] {
    [
        ("policy_kind", blocking.kind.as_str().into()),
        ("policy_namespace", blocking.namespace.as_str().into()),
        ("policy", blocking.name.as_str().into()),
    ]
}

fn open<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    family: &'a Family,
) -> std::result::Result<Series<'a>, std::fmt::Error> {
    Series::open(encoder, family.name, family.kind, family.help)
}

fn with<'a>(labels: &LabelSet<'a>, name: &'a str, value: &'a str) -> LabelSet<'a> {
    let mut labels = labels.clone();
    labels.push((name, value.into()));
    labels
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no cluster has 2^52 of anything"
)]
fn float(count: usize) -> f64 {
    count as f64
}
