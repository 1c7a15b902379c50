//! Every metric of this exporter, once: the page, the README's table and the checks on dashboards and
//! alerts all read it from here.

/// A metric family.
#[derive(Debug)]
pub struct Family {
    /// The name on the page.
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: Kind,
    /// Which labels it carries.
    pub labels: Labels,
    /// What it says: HELP on the page, and the README's text.
    pub help: &'static str,
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes both ways.
    Gauge,
}

/// Which labels a family carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// One series per autoscaler, and these labels beside its own: those of kube-state-metrics, so that they join.
    Autoscaler(&'static [&'static str]),
    /// One series per metric of an autoscaler, and these labels beside its own.
    Metric(&'static [&'static str]),
    /// About the exporter itself, or the controller.
    Exporter(&'static [&'static str]),
}

impl Kind {
    /// As the exposition formats write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

impl Labels {
    /// All label names, in the order of the page.
    pub fn names(self) -> Vec<&'static str> {
        let (own, more): (&[&str], _) = match self {
            Self::Autoscaler(more) => (&["namespace", "horizontalpodautoscaler"], more),
            Self::Metric(more) => (
                &[
                    "namespace",
                    "horizontalpodautoscaler",
                    "metric_index",
                    "metric_source",
                    "metric_name",
                    "metric_target_type",
                    "container",
                    "object",
                ],
                more,
            ),
            Self::Exporter(more) => (&[], more),
        };
        [own, more].concat()
    }
}

macro_rules! families {
    ($($name:ident: $kind:ident $labels:ident [$($label:literal),*] $text:literal $help:literal;)*) => {
        $(pub(super) const $name: Family = Family {
            name: $text,
            kind: Kind::$kind,
            labels: Labels::$labels(&[$($label),*]),
            help: $help,
        };)*

        /// All families, in the order of the page.
        pub const FAMILIES: &[Family] = &[$($name),*];
    };
}

families! {
    USAGE: Gauge Metric [] "hpa_decision_metric_usage"
        "What the metric was at, in the unit of its target: percent of the request for a utilization";
    TARGET: Gauge Metric [] "hpa_decision_metric_target"
        "What the metric is to be at, in the same unit";
    USAGE_RATIO: Gauge Metric [] "hpa_decision_metric_usage_ratio"
        "Usage by target, before pods without a metric are filled in";
    DAMPENED_RATIO: Gauge Metric [] "hpa_decision_metric_dampened_ratio"
        "The same with pods filled in that had no metric or were not ready; absent where there was nothing to fill in";
    PROPOSED: Gauge Metric [] "hpa_decision_metric_proposed_replicas"
        "Replicas that the metric asks for";
    UNDAMPENED: Gauge Metric [] "hpa_decision_metric_undampened_replicas"
        "Replicas that it would ask for if pods without a metric were left out";
    VALID: Gauge Metric [] "hpa_decision_metric_valid"
        "1 if the metric has a number, 0 if it has none";
    WITHIN_TOLERANCE: Gauge Metric [] "hpa_decision_metric_within_tolerance"
        "1 if the ratio is so near to one that nothing is to change";
    SELECTED: Gauge Metric [] "hpa_decision_metric_selected"
        "1 for the metric that asks for the most, which is the one that is followed";
    ERRORS: Counter Metric ["reason"] "hpa_decision_metric_errors_total"
        "Syncs in which the metric had no number, by the controller's reason";
    SAMPLES: Counter Metric ["result"] "hpa_decision_samples_total"
        "Samples that a metric API gave right after a sync (--mode=query): match came to the number that the controller wrote, and was used; differs was not; failed is an answer that was none";
    PODS: Gauge Metric ["state"] "hpa_decision_pods"
        "Pods by how the metric counts them: ready, unready, missing (no metric), ignored (failed or going), extraneous (a metric without a pod)";
    SAMPLE_AGE: Gauge Autoscaler [] "hpa_decision_metric_sample_age_seconds"
        "How old the oldest pod's sample was at the decision; absent where the sample is told by the status alone";
    MOVE_AT: Gauge Metric ["direction"] "hpa_decision_move_at_usage"
        "The usage at which the metric would leave its tolerance, in the unit of its target";
    WISH: Gauge Autoscaler [] "hpa_decision_wish_replicas"
        "Replicas that the metrics ask for, before any limit; absent where no metric was looked at";
    WISH_WITHOUT_TOLERANCE: Gauge Autoscaler [] "hpa_decision_wish_without_tolerance_replicas"
        "Replicas that the metrics would ask for if there were no tolerance";
    STABILIZED: Gauge Autoscaler [] "hpa_decision_stabilized_replicas"
        "The wish after stabilization";
    RATE_LIMITED: Gauge Autoscaler [] "hpa_decision_rate_limited_replicas"
        "The stabilized wish after the rate policies";
    FINAL: Gauge Autoscaler [] "hpa_decision_final_replicas"
        "Replicas that are decided on, after all limits";
    FINAL_BOUND: Gauge Autoscaler ["bound"] "hpa_decision_final_bound_replicas"
        "Between these the decision lies, as long as not all of the controller's memory is known; absent once it is";
    CURRENT: Gauge Autoscaler [] "hpa_decision_current_replicas"
        "Replicas that the target was told to have when it was decided: spec.replicas";
    WITHOUT: Gauge Autoscaler ["rule"] "hpa_decision_replicas_without"
        "Replicas that would have been decided on without one rule: tolerance, dampening, stabilization, rate, maximum";
    UNMET: Gauge Autoscaler ["limit"] "hpa_decision_unmet_replicas"
        "Replicas of the wish that are cut, by what cuts them";
    EXCESS: Gauge Autoscaler [] "hpa_decision_excess_replicas"
        "Replicas above the wish that stabilization keeps";
    LIMITER: Gauge Autoscaler ["limiter", "primary"] "hpa_decision_limiter"
        "1 for everything that limits the decision; primary is what decided";
    TOLERANCE: Gauge Autoscaler ["direction"] "hpa_decision_tolerance"
        "How far from one the ratio may be without anything changing";
    WINDOW: Gauge Autoscaler ["direction"] "hpa_decision_stabilization_window_seconds"
        "How long a wish counts";
    STABILIZATION_BOUND: Gauge Autoscaler ["direction"] "hpa_decision_stabilization_bound_replicas"
        "The highest wish within the window down, and the lowest within the window up";
    STABILIZATION_RELEASE: Gauge Autoscaler ["direction"] "hpa_decision_stabilization_release_timestamp_seconds"
        "When stabilization has let go of all, should the wish stay as it is; absent while it holds nothing";
    NEXT_RELEASE: Gauge Autoscaler ["direction"] "hpa_decision_stabilization_next_release_timestamp_seconds"
        "When stabilization lets go of the next replicas, should the wish stay as it is";
    POLICY_LIMIT: Gauge Autoscaler ["direction", "policy_index", "type"] "hpa_decision_policy_limit_replicas"
        "How far a rate policy lets the replicas go now";
    POLICY_USED: Gauge Autoscaler ["direction", "policy_index", "type"] "hpa_decision_policy_used_replicas"
        "Replicas that were changed within the policy's period in its direction";
    RATE_RELEASE: Gauge Autoscaler ["direction"] "hpa_decision_rate_release_timestamp_seconds"
        "When the policy that binds has more to spend";
    SCALE_EVENTS: Counter Autoscaler ["direction", "limiter"] "hpa_decision_scale_events_total"
        "Changes of the scale by the controller, by what limited them";
    SCALED: Counter Autoscaler ["direction"] "hpa_decision_scaled_replicas_total"
        "Replicas that the controller added or removed";
    EXTERNAL_SCALE: Counter Autoscaler [] "hpa_decision_external_scale_total"
        "Changes of the scale that were not the controller's";
    CHECKS: Counter Autoscaler ["result"] "hpa_decision_checks_total"
        "Statuses that the controller wrote, by how our answer compares: match, mismatch, skewed (it may have seen other pods or another sample), warming (not all of its memory is known), unsupported";
    AGREEMENT: Gauge Autoscaler [] "hpa_decision_agreement"
        "1 if the last status that could be compared is what we would have written, 0 if not; absent before there was one";
    HISTORY: Gauge Autoscaler ["kind"] "hpa_decision_history_complete"
        "1 once all is known that the controller remembers: recommendations, scale_events";
    SPEC_PROBLEM: Gauge Autoscaler ["field"] "hpa_decision_spec_problem"
        "1 for each field of the specification that an API server would refuse";
    LAST_SYNC: Gauge Autoscaler [] "hpa_decision_last_sync_timestamp_seconds"
        "When the controller was last seen to write the status, in seconds since the epoch";
    SETTING: Gauge Exporter ["setting", "source"] "hpa_decision_controller_setting"
        "A setting of the controller that is followed, in seconds or as a ratio, and where it is known from";
    PROFILE: Gauge Exporter ["version", "arch", "gates"] "hpa_decision_profile_info"
        "The rules that are followed: the controller's version, its processor, and the gates that are on";
    RESTARTS: Counter Exporter [] "hpa_decision_controller_restarts_total"
        "Times that another process of the controller took over, which remembers nothing";
    AUTOSCALERS: Gauge Exporter [] "hpa_decision_exporter_autoscalers"
        "Autoscalers that are followed";
    EVALUATION: Gauge Exporter [] "hpa_decision_evaluation_duration_seconds"
        "How long the last pass over all autoscalers took";
    FINDINGS_TIMESTAMP: Gauge Exporter [] "hpa_decision_exporter_findings_timestamp_seconds"
        "When the findings on this page were computed, in seconds since the epoch";
}
