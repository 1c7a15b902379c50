//! A total and its target: `GetObjectMetricReplicas`, `GetExternalMetricReplicas`, `getUsageRatioReplicaCount`.

use super::{Calculation, Held, Inputs, Measure};
use crate::spec::{MetricIdentifier, ObjectReference, printed};

impl Inputs<'_> {
    /// `GetObjectMetric` of `metrics/client.go`, in thousandths.
    pub(super) fn object_value(
        &self,
        metric: &MetricIdentifier,
        described: &ObjectReference,
    ) -> Result<i64, String> {
        let answer = self.samples.of_object(metric, described);
        answer
            .map(|value| value.milli(self.profile.architecture))
            .map_err(|text| {
                let text = format!("unable to fetch metrics from custom metrics API: {text}");
                let (name, namespace) = (&metric.name, self.namespace);
                let ObjectReference {
                    kind, name: object, ..
                } = described;
                // Until 1.36 the error stands where the object's kind should, and so on.
                if self.profile.object_error_ordered {
                    format!("unable to get metric {name} on {kind} {namespace}/{object}: {text}")
                } else {
                    format!("unable to get metric {name}: {kind} on {namespace} {object}/{text}")
                }
            })
    }

    /// `GetExternalMetric` of `metrics/client.go`, in thousandths.
    pub(super) fn external_values(&self, metric: &MetricIdentifier) -> Result<Vec<i64>, String> {
        let answer = self
            .samples
            .of_external(metric)
            .map_err(|text| format!("unable to fetch metrics from external metrics API: {text}"))
            .and_then(|values| {
                if values.is_empty() {
                    return Err("no metrics returned from external metrics API".to_owned());
                }
                let architecture = self.profile.architecture;
                Ok(values.iter().map(|it| it.milli(architecture)).collect())
            });
        answer.map_err(|text| {
            let selector = printed(metric.selector.as_ref());
            let (namespace, name) = (self.namespace, &metric.name);
            format!("unable to get external metric {namespace}/{name}/{selector}: {text}")
        })
    }

    /// The sum in `GetExternalMetricReplicas`: it stops at the top, and wraps at the bottom.
    pub(super) fn external_sum(&self, values: &[i64]) -> i64 {
        let mut sum = 0_i64;
        for value in values {
            if self.profile.external_sum_saturates
                && *value > 0
                && sum > i64::MAX.wrapping_sub(*value)
            {
                return i64::MAX;
            }
            sum = sum.wrapping_add(*value);
        }
        sum
    }

    /// `getUsageRatioReplicaCount`. From zero there are no pods to multiply with, and no tolerance.
    pub(super) fn by_ratio(&self, usage: i64, target: i64) -> Result<(i32, Calculation), String> {
        let architecture = self.profile.architecture;
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion, to nearest")]
        let ratio = usage as f64 / target as f64;
        let calculation = |counted, replicas, held| Calculation {
            measure: Measure::Total,
            usage,
            target,
            ratio,
            dampened_ratio: None,
            counted,
            undampened: replicas,
            held,
            pods: None,
        };
        let current = self.scale.replicas;
        if current == 0 {
            let replicas = architecture.to_i32(ratio.ceil());
            return Ok((replicas, calculation(1, replicas, None)));
        }
        let ready = self.pods.iter().filter(|pod| pod.is_running_and_ready());
        let ready = ready.count();
        let counted = i64::try_from(ready).unwrap_or(i64::MAX);
        if self.tolerance.is_within(ratio) {
            return Ok((
                current,
                calculation(counted, current, Some(Held::Tolerance)),
            ));
        }
        if self.pods.is_empty() {
            return Err(
                "unable to calculate ready pods: no pods returned by selector while calculating replica count"
                    .to_owned(),
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion, to nearest")]
        let product = ratio * ready as f64;
        let replicas = if self.profile.ratio_clamped && product > f64::from(i32::MAX) {
            i32::MAX
        } else {
            architecture.to_i32(product.ceil())
        };
        Ok((replicas, calculation(counted, replicas, None)))
    }
}
