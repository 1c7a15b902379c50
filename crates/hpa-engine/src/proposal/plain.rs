//! Averages over pods: `calcPlainMetricReplicas`, and the pass that all pod metrics share.

use super::{Calculation, Held, Inputs, Measure};
use crate::group::{Groups, PodMetric, PodMetrics};
use crate::resource::ResourceName;
use crate::sample::PodUsage;
use crate::spec::MetricIdentifier;

/// What a pass over the pods found.
pub(super) struct Passes<'a> {
    pub(super) groups: Groups<'a>,
    pub(super) metrics: PodMetrics<'a>,
}

/// What the second pass came to.
pub(super) struct Second {
    pub(super) ratio: f64,
    pub(super) counted: usize,
}

impl<'a> Inputs<'a> {
    /// `GetResourceMetric` of `metrics/client.go`.
    pub(super) fn pod_metrics(
        &self,
        resource: &ResourceName,
        container: Option<&str>,
    ) -> Result<PodMetrics<'a>, String> {
        self.resource_answer(resource, container)
            .map_err(|text| format!("unable to get metrics for resource {resource}: {text}"))
    }

    fn resource_answer(
        &self,
        resource: &ResourceName,
        container: Option<&str>,
    ) -> Result<PodMetrics<'a>, String> {
        let usages = self
            .samples
            .of_resource()
            .map_err(|text| format!("unable to fetch metrics from resource metrics API: {text}"))?;
        if usages.is_empty() {
            return Err("no metrics returned from resource metrics API".to_owned());
        }
        let mut metrics = PodMetrics::with_capacity(usages.len());
        for usage in usages {
            let value = match container {
                Some(container) => self.of_container(usage, resource, container)?,
                None => self.of_all_containers(usage, resource),
            };
            // Of two answers about one pod the last one with a value stays.
            if let Some(value) = value {
                let metric = PodMetric {
                    value,
                    timestamp: usage.timestamp,
                    window: usage.window,
                };
                metrics.insert(&usage.pod, metric);
            }
        }
        Ok(metrics)
    }

    /// `getContainerMetrics`.
    fn of_container(
        &self,
        usage: &PodUsage,
        resource: &ResourceName,
        container: &str,
    ) -> Result<Option<i64>, String> {
        let found = usage.containers.iter().find(|it| &*it.name == container);
        match found {
            Some(found) => Ok(found
                .usage
                .get(resource)
                .map(|value| value.milli(self.profile.architecture))),
            None if self.profile.missing_container_metric_fails => Err(format!(
                "failed to get container metrics: container {container} not present in metrics for pod {}/{}",
                usage.namespace, usage.pod
            )),
            None => Ok(None),
        }
    }

    /// `getPodMetrics`: the sum, unless one container lacks the resource.
    fn of_all_containers(&self, usage: &PodUsage, resource: &ResourceName) -> Option<i64> {
        let mut sum = 0_i64;
        for container in &usage.containers {
            let value = container.usage.get(resource)?;
            sum = sum.wrapping_add(value.milli(self.profile.architecture));
        }
        (!usage.containers.is_empty()).then_some(sum)
    }

    /// `GetRawMetric` of `metrics/client.go`.
    pub(super) fn custom_pod_metrics(
        &self,
        metric: &MetricIdentifier,
    ) -> Result<PodMetrics<'a>, String> {
        let values = self
            .samples
            .of_pods(metric)
            .map_err(|text| format!("unable to fetch metrics from custom metrics API: {text}"))?;
        if values.is_empty() {
            return Err("no metrics returned from custom metrics API".to_owned());
        }
        let architecture = self.profile.architecture;
        let metric = |value: i64| PodMetric::stand_in(value);
        Ok(values
            .iter()
            .map(|it| (&*it.pod, metric(it.value.milli(architecture))))
            .collect())
    }

    /// Groups the pods and drops the metrics that do not count.
    pub(super) fn first_pass(
        &self,
        mut metrics: PodMetrics<'a>,
        cpu: bool,
    ) -> Result<Passes<'a>, String> {
        if self.pods.is_empty() {
            return Err("no pods returned by selector while calculating replica count".to_owned());
        }
        let groups = Groups::of(self.pods, &metrics, cpu, self.settings, self.now);
        groups.remove_uncounted(&mut metrics);
        if metrics.is_empty() {
            return Err(
                "did not receive metrics for targeted pods (pods might be unready)".to_owned(),
            );
        }
        Ok(Passes { groups, metrics })
    }

    /// `calcPlainMetricReplicas`. Gives the replicas and the calculation.
    pub(super) fn plain(
        &self,
        metrics: PodMetrics<'a>,
        target: i64,
        cpu: bool,
    ) -> Result<(i32, Calculation), String> {
        let passes = self.first_pass(metrics, cpu)?;
        let (ratio, usage) = average_ratio(&passes.metrics, target);
        let calculation = Calculation {
            measure: Measure::PodAverage,
            usage,
            target,
            ..self.begin(&passes, ratio)
        };
        self.conclude(
            passes,
            calculation,
            |_| target,
            |metrics| Ok(average_ratio(metrics, target).0),
        )
    }

    /// What the first pass says of itself; measure, usage and target are the caller's.
    pub(super) fn begin(&self, passes: &Passes<'_>, ratio: f64) -> Calculation {
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion, to nearest")]
        let counted = passes.groups.ready as f64;
        let by_ratio = self.profile.architecture.to_i32((ratio * counted).ceil());
        let within = self.tolerance.is_within(ratio);
        Calculation {
            measure: Measure::PodAverage,
            usage: 0,
            target: 0,
            ratio,
            dampened_ratio: None,
            counted: i64::try_from(passes.groups.ready).unwrap_or(i64::MAX),
            undampened: if within {
                self.scale.replicas
            } else {
                by_ratio
            },
            held: within.then_some(Held::Tolerance),
            pods: Some(passes.groups.counts(&passes.metrics)),
        }
    }

    /// What follows the first ratio, for all metrics of pods alike: either that is the answer, or the pods that tell nothing
    /// are filled in so that they slow the change down, and the ratio is taken again.
    pub(super) fn conclude(
        &self,
        mut passes: Passes<'a>,
        mut calculation: Calculation,
        at_rest: impl Fn(&str) -> i64,
        again: impl Fn(&PodMetrics<'_>) -> Result<f64, String>,
    ) -> Result<(i32, Calculation), String> {
        let first = calculation.ratio;
        let current = self.scale.replicas;
        let fill_unready = !passes.groups.unready.is_empty() && first > 1.0;
        let nothing_to_fill = !fill_unready && passes.groups.missing.is_empty();
        if nothing_to_fill || !self.dampening {
            return Ok((calculation.undampened, calculation));
        }
        for pod in &passes.groups.missing {
            if first < 1.0 {
                let metric = PodMetric::stand_in(at_rest(pod));
                passes.metrics.insert(pod, metric);
            } else if first > 1.0 {
                passes.metrics.insert(pod, PodMetric::stand_in(0));
            }
        }
        if fill_unready {
            for pod in &passes.groups.unready {
                passes.metrics.insert(pod, PodMetric::stand_in(0));
            }
        }
        let second = Second {
            ratio: again(&passes.metrics)?,
            counted: passes.metrics.len(),
        };
        let (replicas, held) = self.second_pass(first, &second);
        calculation.dampened_ratio = Some(second.ratio);
        calculation.counted = i64::try_from(second.counted).unwrap_or(i64::MAX);
        calculation.held = held;
        Ok((held.map_or(replicas, |_| current), calculation))
    }

    /// The second ratio may neither turn the direction around nor, times the pods that it is of, move against itself.
    fn second_pass(&self, first: f64, second: &Second) -> (i32, Option<Held>) {
        let current = self.scale.replicas;
        if self.tolerance.is_within(second.ratio) {
            return (current, Some(Held::DampenedIntoTolerance));
        }
        if (first < 1.0 && second.ratio > 1.0) || (first > 1.0 && second.ratio < 1.0) {
            return (current, Some(Held::DampenedAcross));
        }
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion, to nearest")]
        let product = second.ratio * second.counted as f64;
        let replicas = self.profile.architecture.to_i32(product.ceil());
        let against = (second.ratio < 1.0 && replicas > current)
            || (second.ratio > 1.0 && replicas < current);
        (replicas, against.then_some(Held::DampenedCount))
    }
}

/// `GetMetricUsageRatio` of `metrics/utilization.go`: the ratio is of the whole average, cut towards zero.
fn average_ratio(metrics: &PodMetrics<'_>, target: i64) -> (f64, i64) {
    let sum = metrics
        .values()
        .fold(0_i64, |sum, metric| sum.wrapping_add(metric.value));
    let average = i64::try_from(metrics.len()).map_or(0, |count| sum.wrapping_div(count.max(1)));
    #[expect(clippy::cast_precision_loss, reason = "Go's conversion, to nearest")]
    let ratio = average as f64 / target as f64;
    (ratio, average)
}
