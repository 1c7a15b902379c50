//! The series of each metric of an autoscaler.

use std::fmt::Result;
use std::sync::Arc;

use hpa_engine::{
    Calculation, Held, Measure, MetricFailure, MetricSource, MetricSpec, Proposal, TargetKind,
};
use prometheus_client::encoding::DescriptorEncoder;

use super::{LabelSet, Series, flag, table, with};
use crate::decide::Finding;
use crate::decide::findings::Sampled;

/// A metric of an autoscaler, and what it proposed.
struct Row<'a> {
    index: usize,
    finding: &'a Finding,
    spec: &'a MetricSpec,
    proposal: Option<&'a std::result::Result<Proposal, MetricFailure>>,
}

impl<'a> Row<'a> {
    fn proposal(&self) -> Option<&'a Proposal> {
        self.proposal?.as_ref().ok()
    }

    fn calculation(&self) -> Option<&'a Calculation> {
        Some(&self.proposal()?.calculation)
    }

    /// Those of kube-state-metrics, and what it takes to tell two metrics of one autoscaler apart.
    fn labels(&self) -> LabelSet<'a> {
        let source = &self.spec.source;
        let (container, object) = match source {
            MetricSource::ContainerResource { container, .. } => {
                (container.as_str(), String::new())
            }
            MetricSource::Object { described, .. } => {
                ("", format!("{}/{}", described.kind, described.name))
            }
            _ => ("", String::new()),
        };
        let mut labels = self.finding.labels();
        labels.extend([
            ("metric_index", self.index.to_string().into()),
            ("metric_source", source.kind().into()),
            ("metric_name", name(source).into()),
            ("metric_target_type", target_type(self.spec).into()),
            ("container", container.into()),
            ("object", object.into()),
        ]);
        labels
    }
}

fn rows(findings: &[Arc<Finding>]) -> impl Iterator<Item = Row<'_>> {
    findings.iter().flat_map(|finding| {
        let metrics = finding.autoscaler.spec.metrics.iter().enumerate();
        metrics.map(|(index, spec)| Row {
            index,
            finding,
            spec,
            proposal: finding.decision.proposals.get(index),
        })
    })
}

/// The metric's own name.
pub(crate) fn name(source: &MetricSource) -> &str {
    match source {
        MetricSource::Resource { name } | MetricSource::ContainerResource { name, .. } => {
            name.as_str()
        }
        MetricSource::Pods { metric }
        | MetricSource::Object { metric, .. }
        | MetricSource::External { metric } => &metric.name,
        MetricSource::Unknown { .. } => "",
    }
}

fn target_type(spec: &MetricSpec) -> &'static str {
    match spec.target.kind {
        TargetKind::Utilization => "utilization",
        TargetKind::Value => "value",
        TargetKind::AverageValue => "average",
        TargetKind::Unknown => "",
    }
}

/// A number of a calculation in the unit of the target: percent as they are, thousandths as units.
#[expect(
    clippy::cast_precision_loss,
    reason = "a metric's number, near enough for a page"
)]
pub(crate) fn in_unit(calculation: &Calculation, number: i64) -> f64 {
    match calculation.measure {
        Measure::Utilization => number as f64,
        Measure::PodAverage | Measure::Total => number as f64 / 1000.0,
        Measure::ReplicaAverage => number as f64 / 1000.0 / (calculation.counted as f64).max(1.0),
    }
}

/// What is to be shown of a row, if anything.
type Number = fn(&Row<'_>) -> Option<f64>;

const NUMBERS: [(&table::Family, Number); 9] = [
    (&table::USAGE, |row| {
        let calculation = row.calculation()?;
        Some(in_unit(calculation, calculation.usage))
    }),
    (&table::TARGET, |row| {
        let calculation = row.calculation()?;
        let whole = Calculation {
            counted: 1,
            ..*calculation
        };
        Some(in_unit(&whole, calculation.target))
    }),
    (&table::USAGE_RATIO, |row| Some(row.calculation()?.ratio)),
    (&table::DAMPENED_RATIO, |row| {
        row.calculation()?.dampened_ratio
    }),
    (&table::PROPOSED, |row| {
        Some(row.proposal()?.replicas.into())
    }),
    (&table::UNDAMPENED, |row| {
        Some(row.calculation()?.undampened.into())
    }),
    (&table::VALID, |row| Some(flag(row.proposal?.is_ok()))),
    (&table::WITHIN_TOLERANCE, |row| {
        Some(flag(row.calculation()?.held == Some(Held::Tolerance)))
    }),
    (&table::SELECTED, |row| {
        row.proposal?;
        Some(flag(row.finding.decision.selected == Some(row.index)))
    }),
];

pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, findings: &[Arc<Finding>]) -> Result {
    for (family, number) in NUMBERS {
        let mut series = Series::open(encoder, family)?;
        for row in rows(findings) {
            if let Some(value) = number(&row) {
                series.gauge(&row.labels(), value)?;
            }
        }
    }
    let mut series = Series::open(encoder, &table::ERRORS)?;
    for row in rows(findings) {
        for ((index, reason), count) in &row.finding.tally.metric_errors {
            if *index == row.index {
                series.count(&with(&row.labels(), "reason", reason), *count)?;
            }
        }
    }
    let mut series = Series::open(encoder, &table::SAMPLES)?;
    for row in rows(findings) {
        let counts = row.finding.tally.samples.get(row.index);
        for (result, count) in Sampled::ALL.iter().zip(counts.into_iter().flatten()) {
            let labels = with(&row.labels(), "result", result.as_str());
            series.count(&labels, *count)?;
        }
    }
    let mut series = Series::open(encoder, &table::PODS)?;
    for row in rows(findings) {
        let Some(pods) = row.calculation().and_then(|it| it.pods) else {
            continue;
        };
        for (state, count) in [
            ("ready", pods.ready),
            ("unready", pods.unready),
            ("missing", pods.missing),
            ("ignored", pods.ignored),
            ("extraneous", pods.extraneous),
        ] {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            series.gauge(&with(&row.labels(), "state", state), count.into())?;
        }
    }
    let mut series = Series::open(encoder, &table::MOVE_AT)?;
    for row in rows(findings) {
        let thresholds = row.finding.thresholds.get(row.index).copied().flatten();
        let Some((thresholds, calculation)) = thresholds.zip(row.calculation()) else {
            continue;
        };
        for (direction, usage) in [("down", thresholds.down), ("up", thresholds.up)] {
            let labels = with(&row.labels(), "direction", direction);
            series.gauge(&labels, in_unit(calculation, usage))?;
        }
    }
    Ok(())
}
