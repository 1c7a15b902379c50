//! A write that is not what we would have written, until it is known whether anything was changing at the time.

use hpa_engine::{MetricSource, Moment, Spec};

use super::follow::SLACK;
use super::kept::Mismatch;
use crate::model::Surroundings;

/// What was written, and what was around it.
#[derive(Debug)]
pub(super) struct Dispute {
    pub(super) surroundings: Surroundings,
    pub(super) mismatch: Mismatch,
}

impl Dispute {
    /// Whether everything that happened at the time of the write has been heard of.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.mismatch.at().after(SLACK) <= now
    }

    /// Whether pods were changing at the time, or the replicas that an average is over, so that the controller may have seen others: as
    /// far as that is known since.
    pub(super) fn is_skewed(&self, since: &Surroundings) -> bool {
        let at = self.mismatch.at();
        let (from, to) = (at.before(SLACK), at.after(SLACK));
        let then = |seen: Moment| from < seen && seen < to;
        let mut pods = self.surroundings.pods.iter().chain(&since.pods);
        let mut formerly = since.formerly.iter();
        pods.any(|placed| then(placed.seen))
            || averages(&since.autoscaler.spec)
                && (self.surroundings.stale || formerly.any(|it| then(it.until)))
    }
}

/// Whether a metric is averaged over the replicas that the target reports (`GetExternalPerPodMetricReplicas`,
/// `GetObjectPerPodMetricReplicas`).
fn averages(spec: &Spec) -> bool {
    spec.metrics.iter().any(|metric| {
        let total = matches!(
            metric.source,
            MetricSource::Object { .. } | MetricSource::External { .. }
        );
        total && metric.target.average_value.is_some()
    })
}
