//! What one scraped page says, in figures.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::page::{Page, Sample};

/// A page, looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// When it was scraped, from the start of the story.
    pub(crate) at: Duration,
    /// The measured services, by the names of their workloads.
    pub(crate) services: BTreeMap<String, Service>,
    /// Handlers that the exporter says it probes.
    pub(crate) targets: u64,
    /// Pods that it watches.
    pub(crate) pods: u64,
    /// How late it began its own probes.
    pub(crate) lag: Lag,
}

/// What a page says of one service, by its liveness probe.
#[derive(Debug, Clone, Default)]
pub(crate) struct Service {
    pub(crate) serving: bool,
    pub(crate) liveness: Budget,
    pub(crate) readiness: Budget,
    /// Seconds of the last attempt; none where the phase was not entered.
    pub(crate) connect: Option<f64>,
    pub(crate) http2: Option<f64>,
    pub(crate) rpc: Option<f64>,
    /// Attempts measured, and those within a second.
    pub(crate) measured: u64,
    pub(crate) within_a_second: u64,
    pub(crate) censored: u64,
    pub(crate) successful: u64,
    pub(crate) failed: u64,
    pub(crate) consecutive: u64,
    pub(crate) near_misses: u64,
    /// At least and at most.
    pub(crate) kills: (u64, u64),
    pub(crate) headroom: Option<f64>,
    /// Would-be kills by the timeout in seconds that they would have come from.
    pub(crate) what_if: BTreeMap<u32, u64>,
    pub(crate) recommended: Option<u64>,
}

/// A probe's budget; zeros where the page says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) timeout: u64,
    pub(crate) period: u64,
    pub(crate) failures: u64,
}

/// The exporter's own lateness: how many probes began, and how many of them within which bound (in seconds).
#[derive(Debug, Clone, Default)]
pub(crate) struct Lag {
    pub(crate) probes: u64,
    pub(crate) seconds: f64,
    pub(crate) within: Vec<(f64, u64)>,
}

impl Look {
    /// Reads the figures off a page.
    pub(crate) fn new(at: Duration, page: &Page<'_>) -> Self {
        let mut look = Self {
            at,
            ..Self::default()
        };
        for sample in page.samples() {
            look.take(sample);
        }
        look
    }

    /// One service of them.
    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    fn take(&mut self, sample: &Sample<'_>) {
        let value = sample.value;
        match sample.name {
            "grpc_probe_exporter_targets" => self.targets = whole(value),
            "kube_watch_objects" if sample.label("kind") == "Pod" => self.pods = whole(value),
            "grpc_probe_exporter_start_lag_seconds_sum" => self.lag.seconds = value,
            "grpc_probe_exporter_start_lag_seconds_count" => self.lag.probes = whole(value),
            "grpc_probe_exporter_start_lag_seconds_bucket" => {
                if let Ok(bound) = sample.label("le").parse() {
                    self.lag.within.push((bound, whole(value)));
                }
            }
            _ if !sample.label("pod").is_empty() => {
                let name = workload(sample.label("pod"));
                if let Some(service) = self.services.get_mut(name) {
                    service.take(sample);
                } else {
                    let mut service = Service::default();
                    if service.take(sample) {
                        self.services.insert(name.to_owned(), service);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Service {
    /// Seconds that the last attempt took.
    pub(crate) fn last(&self) -> f64 {
        [self.connect, self.http2, self.rpc]
            .into_iter()
            .flatten()
            .sum()
    }

    /// Attempts that took longer than a second.
    pub(crate) fn beyond_a_second(&self) -> u64 {
        self.measured.saturating_sub(self.within_a_second)
    }

    /// Whether it was a sample about a probe.
    fn take(&mut self, sample: &Sample<'_>) -> bool {
        let value = sample.value;
        let name = sample.name;
        match (name, sample.label("probe_type")) {
            ("grpc_probe_serving_status", _) if sample.label("serving_status") == "SERVING" => {
                self.serving = value > 0.0;
            }
            ("grpc_probe_last_phase_duration_seconds", _) => match sample.label("phase") {
                "connect" => self.connect = Some(value),
                "http2" => self.http2 = Some(value),
                "rpc" => self.rpc = Some(value),
                _ => {}
            },
            ("grpc_probe_duration_seconds_count", _) => self.measured = whole(value),
            ("grpc_probe_duration_seconds_bucket", _) if is_one(sample.label("le")) => {
                self.within_a_second = whole(value);
            }
            ("grpc_probe_censored_total", _) => self.censored = whole(value),
            ("grpc_probe_timeout_seconds", "Liveness") => self.liveness.timeout = whole(value),
            ("grpc_probe_period_seconds", "Liveness") => self.liveness.period = whole(value),
            ("grpc_probe_failure_threshold", "Liveness") => self.liveness.failures = whole(value),
            ("grpc_probe_timeout_seconds", "Readiness") => self.readiness.timeout = whole(value),
            ("grpc_probe_period_seconds", "Readiness") => self.readiness.period = whole(value),
            ("grpc_probe_failure_threshold", "Readiness") => self.readiness.failures = whole(value),
            ("grpc_probe_attempts_total", "Liveness") => match sample.label("result") {
                "successful" => self.successful = whole(value),
                "failed" => self.failed = whole(value),
                _ => {}
            },
            ("grpc_probe_consecutive_failures", "Liveness") => self.consecutive = whole(value),
            ("grpc_probe_near_misses_total", "Liveness") => self.near_misses = whole(value),
            ("grpc_probe_predicted_kills_total", "Liveness") => match sample.label("bound") {
                "lower" => self.kills.0 = whole(value),
                "upper" => self.kills.1 = whole(value),
                _ => {}
            },
            ("grpc_probe_budget_headroom_ratio", "Liveness") => self.headroom = Some(value),
            ("grpc_probe_whatif_kills", "Liveness") => {
                if let Ok(seconds) = sample.label("timeout_seconds").parse() {
                    self.what_if.insert(seconds, whole(value));
                }
            }
            ("grpc_probe_recommended_timeout_seconds", "Liveness") => {
                self.recommended = Some(whole(value));
            }
            // Other containers have problems and observed kills on the page, but no probe.
            _ => return name.starts_with("grpc_probe_duration_seconds"),
        }
        true
    }
}

/// A pod of a Deployment has two parts more in its name: the `ReplicaSet`'s hash and its own.
fn workload(pod: &str) -> &str {
    pod.rsplitn(3, '-').last().unwrap_or(pod)
}

fn is_one(bound: &str) -> bool {
    bound
        .parse()
        .is_ok_and(|bound: f64| (bound - 1.0).abs() < 1e-9)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and whole seconds; a cast saturates"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_figures_by_service() {
        let labels = r#"namespace="n",pod="redis-cart-66d-x2x",container="server""#;
        let text = format!(
            "grpc_probe_duration_seconds_bucket{{{labels},le=\"1.0\"}} 3\n\
             grpc_probe_duration_seconds_count{{{labels}}} 5\n\
             grpc_probe_last_phase_duration_seconds{{{labels},phase=\"http2\"}} 0.5\n\
             grpc_probe_last_phase_duration_seconds{{{labels},phase=\"rpc\"}} 1.25\n\
             grpc_probe_timeout_seconds{{{labels},probe_type=\"Liveness\"}} 1\n\
             grpc_probe_timeout_seconds{{{labels},probe_type=\"Readiness\"}} 2\n\
             grpc_probe_whatif_kills{{{labels},probe_type=\"Liveness\",timeout_seconds=\"5\"}} 7\n\
             grpc_probe_whatif_kills{{{labels},probe_type=\"Readiness\",timeout_seconds=\"5\"}} 9\n\
             grpc_probe_predicted_kills_total{{{labels},probe_type=\"Liveness\",bound=\"upper\"}} 2\n\
             grpc_probe_observed_kills_total{{namespace=\"n\",pod=\"frontend-a-b\",container=\"server\"}} 0\n\
             kube_watch_objects{{kind=\"Pod\"}} 12\n"
        );
        let look = Look::new(Duration::ZERO, &Page::parse(&text).unwrap());
        assert_eq!((look.pods, look.services.len()), (12, 1));
        let service = look.service("redis-cart").unwrap();
        assert!((service.last() - 1.75).abs() < 1e-9);
        assert_eq!(service.beyond_a_second(), 2);
        assert_eq!(
            (service.liveness.timeout, service.readiness.timeout),
            (1, 2)
        );
        assert_eq!(service.what_if[&5], 7);
        assert_eq!(service.kills, (0, 2));
    }
}
