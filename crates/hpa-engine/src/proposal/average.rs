//! A total by replica: `GetObjectPerPodMetricReplicas` and `GetExternalPerPodMetricReplicas`. The replicas are those that
//! the target reports, not those that it is told to have.

use super::{Calculation, Held, Inputs, Measure};
use crate::quantity::{Format, Quantity};

#[expect(clippy::cast_precision_loss, reason = "Go's conversions, to nearest")]
impl Inputs<'_> {
    /// Gives the replicas, the calculation, and the average for the status.
    pub(super) fn object_average(&self, usage: i64, target: i64) -> (i32, Calculation, Quantity) {
        let replicas = self.reported();
        let ratio = usage as f64 / (target as f64 * replicas);
        let (count, held) = if self.tolerance.is_outside(ratio) {
            let wanted = (usage as f64 / target as f64).ceil();
            (self.profile.architecture.to_i32(wanted), None)
        } else {
            (self.scale.reported_replicas, Some(Held::Tolerance))
        };
        self.averaged(usage, target, ratio, count, held)
    }

    /// The same over a list of values.
    pub(super) fn external_average(
        &self,
        values: &[i64],
        target: i64,
    ) -> (i32, Calculation, Quantity) {
        let clamped = self.profile.external_average_clamped;
        let mut usage = 0_i64;
        for value in values {
            usage = usage.wrapping_add(*value);
            // Meant for an overflow; a negative value is taken for one as well.
            if clamped && usage < 0 {
                usage = i64::MAX;
                break;
            }
        }
        let ratio = usage as f64 / (target as f64 * self.reported());
        let (count, held) = if self.tolerance.is_outside(ratio) {
            let wanted = (usage as f64 / target as f64).ceil();
            let count = if clamped && wanted > f64::from(i32::MAX) {
                i32::MAX
            } else {
                self.profile.architecture.to_i32(wanted)
            };
            (count, None)
        } else {
            (self.scale.reported_replicas, Some(Held::Tolerance))
        };
        let (count, calculation, average) = self.averaged(usage, target, ratio, count, held);
        // The float nearest to the greatest i64 is one more than it.
        if clamped && usage as f64 >= i64::MAX as f64 {
            let average = Quantity::from_milli(i64::MAX, Format::DecimalSi);
            return (count, calculation, average);
        }
        (count, calculation, average)
    }

    fn reported(&self) -> f64 {
        f64::from(self.scale.reported_replicas)
    }

    fn averaged(
        &self,
        usage: i64,
        target: i64,
        ratio: f64,
        replicas: i32,
        held: Option<Held>,
    ) -> (i32, Calculation, Quantity) {
        // Without replicas this is no number, and what that becomes depends on the processor.
        let average = (usage as f64 / self.reported()).ceil();
        let average = self.profile.architecture.to_i64(average);
        let calculation = Calculation {
            measure: Measure::ReplicaAverage,
            usage,
            target,
            ratio,
            dampened_ratio: None,
            counted: i64::from(self.scale.reported_replicas),
            undampened: replicas,
            held,
            pods: None,
        };
        (
            replicas,
            calculation,
            Quantity::from_milli(average, Format::DecimalSi),
        )
    }
}
