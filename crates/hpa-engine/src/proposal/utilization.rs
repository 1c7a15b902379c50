//! Percent of what the pods request: `GetResourceReplicas`.

use std::collections::HashMap;

use super::{Calculation, Inputs, Measure};
use crate::group::PodMetrics;
use crate::requests::requests;
use crate::resource::ResourceName;

/// What `GetResourceUtilizationRatio` gives.
struct Utilization {
    ratio: f64,
    percent: i32,
    /// Thousandths, on average.
    average: i64,
}

impl<'a> Inputs<'a> {
    /// Gives the replicas, the calculation, and the average that the status tells beside the percentage.
    pub(super) fn utilization(
        &self,
        metrics: PodMetrics<'a>,
        target: i32,
        resource: &ResourceName,
        container: Option<&str>,
    ) -> Result<(i32, Calculation, i64), String> {
        let passes = self.first_pass(metrics, *resource == ResourceName::Cpu)?;
        let requests = requests(self.pods, container, resource, self.profile)?;
        let first = Utilization::of(&passes.metrics, &requests, target)?;
        let calculation = Calculation {
            measure: Measure::Utilization,
            usage: i64::from(first.percent),
            target: i64::from(target),
            ..self.begin(&passes, first.ratio)
        };
        // Below the target a pod without a metric counts with all that it requests, or with the target if that is more.
        let fallback = i64::from(target.max(100));
        let at_rest = |pod: &str| {
            let request = requests.get(pod).copied().unwrap_or(0);
            request.wrapping_mul(fallback) / 100
        };
        let again = |metrics: &PodMetrics<'_>| {
            Utilization::of(metrics, &requests, target).map(|second| second.ratio)
        };
        let (replicas, calculation) = self.conclude(passes, calculation, at_rest, again)?;
        Ok((replicas, calculation, first.average))
    }
}

impl Utilization {
    /// `GetResourceUtilizationRatio` of `metrics/utilization.go`: over the pods that have both. The ratio is of the whole
    /// percentage: 109.9 % are 109.
    fn of(
        metrics: &PodMetrics<'_>,
        requests: &HashMap<&str, i64>,
        target: i32,
    ) -> Result<Self, String> {
        let (mut used, mut requested, mut count) = (0_i64, 0_i64, 0_i64);
        for (pod, metric) in metrics {
            if let Some(request) = requests.get(pod) {
                used = used.wrapping_add(metric.value);
                requested = requested.wrapping_add(*request);
                count += 1;
            }
        }
        if requested == 0 {
            return Err("no metrics returned matched known pods".to_owned());
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "Go's int32() of an int64 wraps as well"
        )]
        let percent = used.wrapping_mul(100).wrapping_div(requested) as i32;
        Ok(Self {
            ratio: f64::from(percent) / f64::from(target),
            percent,
            average: used.wrapping_div(count.max(1)),
        })
    }
}
