//! Every metric of this exporter, once: the page, the README's table and the checks on dashboards and
//! alerts all read it from here.

pub use exposition::Kind;

/// A metric family.
#[derive(Debug)]
pub struct Family {
    /// The name on the page.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: Kind,
    /// Which labels it carries.
    pub labels: Labels,
    /// What it says: HELP on the page, and the README's text.
    pub help: &'static str,
}

/// Which labels a family carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// One series per measured handler, and these labels beside its own.
    Handler(&'static [&'static str]),
    /// One series per probe, and these labels beside its own.
    Probe(&'static [&'static str]),
    /// One series per container, and these labels beside its own.
    Container(&'static [&'static str]),
    /// About the exporter itself.
    Exporter(&'static [&'static str]),
}

impl Labels {
    /// All label names, in the order of the page.
    pub fn names(self) -> Vec<&'static str> {
        let (own, more): (&[&str], _) = match self {
            Self::Handler(more) => (
                &["namespace", "pod", "container", "port", "grpc_service"],
                more,
            ),
            Self::Probe(more) => (&["namespace", "pod", "container", "probe_type"], more),
            Self::Container(more) => (&["namespace", "pod", "container"], more),
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
    DURATION: Histogram Handler [] "grpc_probe_duration_seconds"
        "Time of a health probe on a fresh connection, not cut off at the budget";
    PHASE_DURATION: Histogram Handler ["phase"] "grpc_probe_phase_duration_seconds"
        "Time of a health probe by phase: connect (TCP), tls, http2 (until the server's SETTINGS), rpc";
    LAST_PHASE_DURATION: Gauge Handler ["phase"] "grpc_probe_last_phase_duration_seconds"
        "Time of the last health probe by phase, on the exporter's own clock and not the scrape's";
    LAST_TIMESTAMP: Gauge Handler [] "grpc_probe_last_timestamp_seconds"
        "When the last health probe began, in seconds since the epoch";
    SERVING_STATUS: Gauge Handler ["serving_status"] "grpc_probe_serving_status"
        "1 for the status that the last health probe was answered with; all 0 without an answer";
    FAILURES: Counter Handler ["phase", "reason"] "grpc_probe_failures_total"
        "Health probes without a SERVING answer, by the phase in which they failed and why";
    CENSORED: Counter Handler [] "grpc_probe_censored_total"
        "Health probes that were given up: their duration is a lower bound";
    INFO: Gauge Probe ["port", "grpc_service", "mode"] "grpc_probe_info"
        "Which handler a probe asks; in mode exec the durations are a lower bound, as the start of a process in the container is not in them";
    ATTEMPTS: Counter Probe ["result"] "grpc_probe_attempts_total"
        "Health probes judged by the pod's own budget, as the kubelet would";
    TIMEOUT: Gauge Probe [] "grpc_probe_timeout_seconds"
        "The pod's own budget: timeoutSeconds, or less where an exec command gives up earlier";
    PERIOD: Gauge Probe [] "grpc_probe_period_seconds"
        "The pod's own periodSeconds";
    FAILURE_THRESHOLD: Gauge Probe [] "grpc_probe_failure_threshold"
        "The pod's own failureThreshold";
    SUCCESS_THRESHOLD: Gauge Probe [] "grpc_probe_success_threshold"
        "The pod's own successThreshold";
    INITIAL_DELAY: Gauge Probe [] "grpc_probe_initial_delay_seconds"
        "The pod's own initialDelaySeconds";
    HEADROOM: Gauge Probe [] "grpc_probe_budget_headroom_ratio"
        "Share of the budget that the last health probe left unused; negative when it was over";
    CONSECUTIVE_FAILURES: Gauge Probe [] "grpc_probe_consecutive_failures"
        "Failures in a row up to now, as the kubelet would count them";
    NEAR_MISSES: Counter Probe [] "grpc_probe_near_misses_total"
        "Runs of failures that ended before the threshold was reached";
    PREDICTED_KILLS: Counter Probe ["bound"] "grpc_probe_predicted_kills_total"
        "Kills that the kubelet would have decided on these health probes, over all phases of its tick: at least (lower), at most (upper)";
    PREDICTED_UNREADY: Counter Probe ["bound"] "grpc_probe_predicted_unready_total"
        "Times that the kubelet would have taken the container out of service, over all phases of its tick: at least (lower), at most (upper)";
    WHATIF_KILLS: Gauge Probe ["timeout_seconds"] "grpc_probe_whatif_kills"
        "Kills (readiness: times unready), at most, that another timeout would have led to over the recorded window";
    RECOMMENDED_TIMEOUT: Gauge Probe [] "grpc_probe_recommended_timeout_seconds"
        "The smallest whole number of seconds that would have been safe over the recorded window; absent while there is too little to say so";
    RECOMMENDATION_SAMPLES: Gauge Probe [] "grpc_probe_recommendation_samples"
        "Health probes in the recorded window";
    DETECTION: Gauge Probe ["budget"] "grpc_probe_detection_seconds"
        "How long a hang goes unnoticed at worst, under the current and under the recommended budget";
    LINT_FINDING: Gauge Probe ["rule"] "grpc_probe_lint_finding"
        "1 for each rule that the probe's specification breaks";
    TARGET_PROBLEM: Gauge Container ["problem"] "grpc_probe_target_problem"
        "1 for each reason why a container's probe cannot be measured";
    OBSERVED_KILLS: Counter Container [] "grpc_probe_observed_kills_total"
        "Kills by the kubelet for a failed probe that were seen happening";
    KILL_AGREEMENT: Counter Container ["outcome"] "grpc_probe_kill_agreement_total"
        "Kills predicted and observed (agreed), predicted by every tick phase but not observed (predicted_only), observed but not predicted (observed_only)";
    START_LAG: Histogram Exporter [] "grpc_probe_exporter_start_lag_seconds"
        "How late the exporter itself began health probes; none of it is in their durations";
    IN_FLIGHT: Gauge Exporter [] "grpc_probe_exporter_in_flight"
        "Health probes under way";
    TARGETS: Gauge Exporter [] "grpc_probe_exporter_targets"
        "Handlers that are being probed";
    SKIPPED: Counter Exporter ["reason"] "grpc_probe_exporter_skipped_total"
        "Health probes that were due and not sent, by why";
    FINDINGS_TIMESTAMP: Gauge Exporter [] "grpc_probe_exporter_findings_timestamp_seconds"
        "When the findings on this page were computed, in seconds since the epoch";
}
