//! What one metric asks for: `computeReplicasForMetric` in `horizontal.go`, and below it `replica_calculator.go`.

mod average;
mod plain;
mod ratio;
mod utilization;

use serde::{Deserialize, Serialize};

use crate::decide::{Controller, Sync};
use crate::group::PodCounts;
use crate::moment::Moment;
use crate::pod::Pod;
use crate::profile::Profile;
use crate::quantity::{Format, Quantity};
use crate::resource::ResourceName;
use crate::sample::Samples;
use crate::scale::Scale;
use crate::settings::Settings;
use crate::spec::{
    MetricIdentifier, MetricSource, MetricSpec, ObjectReference, TargetKind, printed,
};
use crate::status::{Current, MetricStatus, Text};
use crate::tolerance::Tolerance;

/// Everything that a proposal is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) scale: &'a Scale,
    /// Those that the scale's selector matches.
    pub(crate) pods: &'a [&'a Pod],
    pub(crate) samples: &'a Samples,
    pub(crate) settings: &'a Settings,
    pub(crate) profile: &'a Profile,
    pub(crate) tolerance: Tolerance,
    /// Whether pods without a metric, or with one that does not count yet, dampen the change. They do, but for a counterfactual.
    pub(crate) dampening: bool,
    pub(crate) now: Moment,
}

/// What a metric asks for, and how it came to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The replicas.
    pub replicas: i32,
    /// What the controller calls the metric in events and conditions.
    pub name: String,
    /// The calculation.
    pub calculation: Calculation,
    /// Its line in `status.currentMetrics`.
    pub status: MetricStatus,
}

/// The numbers behind a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calculation {
    /// What is compared with the target.
    pub measure: Measure,
    /// What was measured: percent for a utilization, else thousandths; of all pods, or of one, as the measure says.
    pub usage: i64,
    /// What it is to be, in the same unit.
    pub target: i64,
    /// Usage by target, before missing and unready pods are filled in.
    pub ratio: f64,
    /// The same with them filled in, where that was done.
    pub dampened_ratio: Option<f64>,
    /// What the ratio is multiplied with: pods, in one count or another.
    pub counted: i64,
    /// The replicas by the first ratio alone, tolerance included.
    pub undampened: i32,
    /// Why the present number was kept in spite of the ratio.
    pub held: Option<Held>,
    /// How the pods were counted, where they were.
    pub pods: Option<PodCounts>,
}

/// What is compared with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// Percent of what the pods request.
    Utilization,
    /// Thousandths, on average over the pods with a metric.
    PodAverage,
    /// Thousandths, in sum.
    Total,
    /// Thousandths in sum, divided by the replicas that the target reports.
    ReplicaAverage,
}

/// Why a metric keeps the present number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Held {
    /// The ratio is within the tolerance.
    Tolerance,
    /// With missing and unready pods filled in, it is within the tolerance.
    DampenedIntoTolerance,
    /// With them filled in, it is on the other side of the target.
    DampenedAcross,
    /// With them counted, the number would move against the ratio.
    DampenedCount,
}

/// A metric that gives no number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricFailure {
    /// The reason of the event and of the condition.
    pub reason: Text,
    /// The event's message.
    pub message: String,
    /// The same as it is told upwards.
    pub error: String,
}

impl Calculation {
    /// Whether the pods that tell nothing changed the answer.
    pub fn is_dampened(&self, replicas: i32) -> bool {
        self.dampened_ratio.is_some() && replicas != self.undampened
    }
}

/// The greatest proposal and its metric (`computeReplicasForMetrics`). A zero so far gives way to anything, also to another
/// zero or less.
pub(crate) fn highest(proposals: &[Result<Proposal, MetricFailure>]) -> (Option<usize>, i32) {
    let (mut selected, mut highest) = (None, 0);
    for (index, proposal) in proposals.iter().enumerate() {
        if let Ok(proposal) = proposal
            && (highest == 0 || proposal.replicas > highest)
        {
            (selected, highest) = (Some(index), proposal.replicas);
        }
    }
    (selected, highest)
}

impl<'a> Inputs<'a> {
    /// What a controller's sync goes by.
    pub(crate) const fn of(
        controller: &'a Controller,
        sync: &Sync<'a>,
        scale: &'a Scale,
        tolerance: Tolerance,
    ) -> Self {
        Self {
            namespace: sync.autoscaler.namespace.as_str(),
            scale,
            pods: sync.pods,
            samples: sync.samples,
            settings: &controller.settings,
            profile: &controller.profile,
            tolerance,
            dampening: true,
            now: sync.now,
        }
    }
}

impl Inputs<'_> {
    /// `computeReplicasForMetric`.
    pub(crate) fn propose(&self, spec: &MetricSpec) -> Result<Proposal, MetricFailure> {
        match &spec.source {
            MetricSource::Resource { name } => self.of_resource(spec, name, None),
            MetricSource::ContainerResource { name, container } => {
                self.of_resource(spec, name, Some(container))
            }
            MetricSource::Pods { metric } => self.of_pods(spec, metric),
            MetricSource::Object { metric, described } => self.of_object(spec, metric, described),
            MetricSource::External { metric } => self.of_external(spec, metric),
            MetricSource::Unknown { kind } => {
                let message = format!("unknown metric source type {kind:?}");
                Err(MetricFailure {
                    reason: Text::Borrowed("InvalidMetricSourceType"),
                    error: message.clone(),
                    message,
                })
            }
        }
    }

    /// `computeStatusForResourceMetricGeneric`.
    fn of_resource(
        &self,
        spec: &MetricSpec,
        resource: &ResourceName,
        container: Option<&str>,
    ) -> Result<Proposal, MetricFailure> {
        let failure = |message: String| match container {
            None => MetricFailure {
                reason: Text::Borrowed("FailedGetResourceMetric"),
                error: format!("failed to get {resource} resource metric value: {message}"),
                message,
            },
            Some(container) => MetricFailure {
                reason: Text::Borrowed("FailedGetContainerResourceMetric"),
                error: format!("failed to get {container} container metric value: {message}"),
                message,
            },
        };
        let format = if *resource == ResourceName::Memory && self.profile.binary_memory {
            Format::BinarySi
        } else {
            Format::DecimalSi
        };
        let status = |average, average_utilization| {
            let current = Current {
                average_value: Some(Quantity::from_milli(average, format)),
                average_utilization,
                value: None,
            };
            MetricStatus::of(&spec.source, current)
        };
        if let Some(target) = &spec.target.average_value {
            let (replicas, calculation) = self
                .pod_metrics(resource, container)
                .and_then(|metrics| {
                    let cpu = *resource == ResourceName::Cpu;
                    self.plain(metrics, target.milli(self.profile.architecture), cpu)
                })
                .map_err(|text| failure(format!("failed to get {resource} usage: {text}")))?;
            return Ok(Proposal {
                replicas,
                name: format!("{resource} resource"),
                calculation,
                status: status(calculation.usage, None),
            });
        }
        let Some(target) = spec.target.average_utilization else {
            return Err(failure(
                "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set"
                    .to_owned(),
            ));
        };
        let (replicas, calculation, average) = self
            .pod_metrics(resource, container)
            .and_then(|metrics| self.utilization(metrics, target, resource, container))
            .map_err(|text| failure(format!("failed to get {resource} utilization: {text}")))?;
        let of = if container.is_some() {
            "container resource"
        } else {
            "resource"
        };
        let percent = i32::try_from(calculation.usage).unwrap_or_default();
        Ok(Proposal {
            replicas,
            name: format!("{resource} {of} utilization (percentage of request)"),
            calculation,
            status: status(average, Some(percent)),
        })
    }

    /// `computeStatusForPodsMetric`. A target without an average, which the API server refuses, ends the controller; here it
    /// is an error.
    fn of_pods(
        &self,
        spec: &MetricSpec,
        metric: &MetricIdentifier,
    ) -> Result<Proposal, MetricFailure> {
        let failure = |message: String| MetricFailure {
            reason: Text::Borrowed("FailedGetPodsMetric"),
            error: format!("failed to get pods metric value: {message}"),
            message,
        };
        let Some(target) = &spec.target.average_value else {
            return Err(failure("no average value target was set".to_owned()));
        };
        let metrics = self
            .custom_pod_metrics(metric)
            .map_err(|text| failure(format!("unable to get metric {}: {text}", metric.name)))?;
        let target = target.milli(self.profile.architecture);
        let (replicas, calculation) = self.plain(metrics, target, false).map_err(failure)?;
        let average = Quantity::from_milli(calculation.usage, Format::DecimalSi);
        Ok(Proposal {
            replicas,
            name: format!("pods metric {}", metric.name),
            calculation,
            status: MetricStatus::of(&spec.source, Current::average(average)),
        })
    }

    /// `computeStatusForObjectMetric`.
    fn of_object(
        &self,
        spec: &MetricSpec,
        metric: &MetricIdentifier,
        described: &ObjectReference,
    ) -> Result<Proposal, MetricFailure> {
        let failure = |message: String| MetricFailure {
            reason: Text::Borrowed("FailedGetObjectMetric"),
            error: format!("failed to get object metric value: {message}"),
            message,
        };
        let architecture = self.profile.architecture;
        let target = &spec.target;
        match (target.kind, &target.value, &target.average_value) {
            (TargetKind::Value, Some(value), _) => {
                let usage = self.object_value(metric, described).map_err(failure)?;
                let (replicas, calculation) = self
                    .by_ratio(usage, value.milli(architecture))
                    .map_err(failure)?;
                Ok(Proposal {
                    replicas,
                    name: format!("{} metric {}", described.kind, metric.name),
                    calculation,
                    status: MetricStatus::of(&spec.source, Current::total(usage)),
                })
            }
            (TargetKind::AverageValue, _, Some(average)) => {
                let usage = self
                    .object_value(metric, described)
                    .map_err(|message| MetricFailure {
                        reason: Text::Borrowed("FailedGetObjectMetric"),
                        error: format!(
                            "failed to get object metric value: failed to get {} object metric: {message}",
                            metric.name
                        ),
                        message,
                    })?;
                let (replicas, calculation, average) =
                    self.object_average(usage, average.milli(architecture));
                let mut status = MetricStatus::of(&spec.source, Current::average(average));
                if !self.profile.object_average_described {
                    status.forget_object();
                }
                Ok(Proposal {
                    replicas,
                    name: external_name(metric),
                    calculation,
                    status,
                })
            }
            _ => Err(failure(
                "invalid object metric source: neither a value target nor an average value target was set"
                    .to_owned(),
            )),
        }
    }

    /// `computeStatusForExternalMetric`.
    fn of_external(
        &self,
        spec: &MetricSpec,
        metric: &MetricIdentifier,
    ) -> Result<Proposal, MetricFailure> {
        let MetricIdentifier { name, .. } = metric;
        let failure = |told: String, message: String| MetricFailure {
            reason: Text::Borrowed("FailedGetExternalMetric"),
            error: format!("failed to get {name} external metric value: {told}"),
            message,
        };
        let architecture = self.profile.architecture;
        let target = &spec.target;
        if let Some(average) = &target.average_value {
            let values = self.external_values(metric).map_err(|message| {
                failure(
                    format!("failed to get {name} external metric: {message}"),
                    message,
                )
            })?;
            let (replicas, calculation, average) =
                self.external_average(&values, average.milli(architecture));
            return Ok(Proposal {
                replicas,
                name: external_name(metric),
                calculation,
                status: MetricStatus::of(&spec.source, Current::average(average)),
            });
        }
        if let Some(value) = &target.value {
            let failure = |message: String| {
                failure(
                    format!("failed to get external metric {name}: {message}"),
                    message,
                )
            };
            let values = self.external_values(metric).map_err(failure)?;
            let usage = self.external_sum(&values);
            let (replicas, calculation) = self
                .by_ratio(usage, value.milli(architecture))
                .map_err(failure)?;
            return Ok(Proposal {
                replicas,
                name: external_name(metric),
                calculation,
                status: MetricStatus::of(&spec.source, Current::total(usage)),
            });
        }
        let message = "invalid external metric source: neither a value target nor an average value target was set";
        Err(failure(message.to_owned(), message.to_owned()))
    }
}

/// What the controller calls External metrics, and the averages of objects.
fn external_name(metric: &MetricIdentifier) -> String {
    let selector = printed(metric.selector.as_ref());
    format!("external metric {}({selector})", metric.name)
}
