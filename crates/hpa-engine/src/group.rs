//! Which pods count, and how: `groupPods` in `replica_calculator.go`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::pod::{Phase, Pod, Truth};
use crate::settings::Settings;

/// One pod's metric (`PodMetric` of `metrics/interfaces.go`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct PodMetric {
    pub(crate) value: i64,
    /// From when on it has to be later than the pod's last change of readiness: the timestamp less the window.
    pub(crate) timestamp: Moment,
    pub(crate) window: std::time::Duration,
}

/// `PodMetricsInfo`: by pod name.
pub(crate) type PodMetrics<'a> = HashMap<&'a str, PodMetric>;

impl PodMetric {
    /// A value made up for a pod that has none.
    pub(crate) const fn stand_in(value: i64) -> Self {
        Self {
            value,
            timestamp: Moment::ZERO,
            window: std::time::Duration::ZERO,
        }
    }
}

/// How many pods are in each group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCounts {
    /// Their metric counts.
    pub ready: usize,
    /// Pending, or with a CPU metric of the time before they were ready. Above the target they count as idle.
    pub unready: usize,
    /// Without a metric. They count as idle above the target and as being at it (or at their request) below.
    pub missing: usize,
    /// Failed or going. Their metric is thrown away.
    pub ignored: usize,
    /// Metrics of pods that the selector does not match. They count.
    pub extraneous: usize,
}

/// The groups, by name.
#[derive(Debug, Default)]
pub(crate) struct Groups<'a> {
    pub(crate) ready: usize,
    pub(crate) unready: Vec<&'a str>,
    pub(crate) missing: Vec<&'a str>,
    pub(crate) ignored: Vec<&'a str>,
}

impl<'a> Groups<'a> {
    /// Sorts the pods. `cpu` turns on the rules about a pod's first minutes.
    pub(crate) fn of(
        pods: &[&'a Pod],
        metrics: &PodMetrics<'_>,
        cpu: bool,
        settings: &Settings,
        now: Moment,
    ) -> Self {
        let mut groups = Self::default();
        for pod in pods {
            if pod.deleting || pod.phase == Phase::Failed {
                groups.ignored.push(&pod.name);
            } else if pod.phase == Phase::Pending {
                groups.unready.push(&pod.name);
            } else if let Some(metric) = metrics.get(&*pod.name) {
                if cpu && is_unready(pod, metric, settings, now) {
                    groups.unready.push(&pod.name);
                } else {
                    groups.ready += 1;
                }
            } else {
                groups.missing.push(&pod.name);
            }
        }
        groups
    }

    /// `removeMetricsForPods` for those that do not count.
    pub(crate) fn remove_uncounted(&self, metrics: &mut PodMetrics<'a>) {
        for pod in self.ignored.iter().chain(&self.unready) {
            metrics.remove(pod);
        }
    }

    /// How many there are, once the metrics are those that count.
    pub(crate) fn counts(&self, metrics: &PodMetrics<'_>) -> PodCounts {
        PodCounts {
            ready: self.ready,
            unready: self.unready.len(),
            missing: self.missing.len(),
            ignored: self.ignored.len(),
            extraneous: metrics.len().saturating_sub(self.ready),
        }
    }
}

/// Whether a pod's CPU says nothing yet. `Unknown` is not `False`, and comparisons are strict.
fn is_unready(pod: &Pod, metric: &PodMetric, settings: &Settings, now: Moment) -> bool {
    let (Some(ready), Some(start)) = (pod.ready, pod.start_time) else {
        return true;
    };
    let not_ready = ready.status == Truth::False;
    if start.after(settings.cpu_initialization) > now {
        not_ready || metric.timestamp < ready.since.after(metric.window)
    } else {
        not_ready && start.after(settings.initial_readiness) > ready.since
    }
}
