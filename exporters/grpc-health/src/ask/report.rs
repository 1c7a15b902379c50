//! The answer, in `blackbox_exporter`'s names and with its meanings (prober/grpc.go, prober/handler.go).

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use probe_engine::{Attempt, Ending, Reason, ServingStatus};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::question::Question;
use crate::probe::Observation;
use crate::probe::certificate::Certificate;
use crate::probe::tls::Session;

type Float = Gauge<f64, AtomicU64>;
type Labels = Vec<(&'static str, String)>;

/// gRPC's UNKNOWN: what `blackbox_exporter` should report when no status came, where it reports 0, which is OK.
const NO_STATUS: f64 = 2.0;
/// gRPC's OK.
const OK: f64 = 0.0;

/// What is known of an answer so far.
#[derive(Debug)]
pub(super) struct Report {
    patience: Duration,
    resolve: Duration,
    address: Option<IpAddr>,
    observation: Option<Observation>,
    words: String,
}

impl Report {
    /// Nothing yet but how long there is.
    pub(super) fn new(question: &Question, patience: Duration) -> Self {
        let words = format!("probing {} within {patience:?}\n", question.authority());
        Self {
            patience,
            resolve: Duration::ZERO,
            address: None,
            observation: None,
            words,
        }
    }

    /// The name was looked up in this time.
    pub(super) fn resolved(&mut self, time: Duration) {
        self.resolve = time;
        self.say(format_args!("resolved in {time:?}"));
    }

    /// The name leads nowhere.
    pub(super) fn unresolved(&mut self, error: &dyn std::error::Error) {
        self.say(format_args!("not resolved: {error}"));
    }

    /// This is the address.
    pub(super) fn located(&mut self, address: IpAddr) {
        self.address = Some(address);
        self.say(format_args!("address {address}"));
    }

    /// This is what came of it.
    pub(super) fn observed(&mut self, observation: Observation) {
        for (phase, time) in observation.attempt.phases.entered() {
            self.say(format_args!("{} took {time:?}", phase.as_str()));
        }
        match (&observation.attempt.ending, &observation.failure) {
            (Ending::Answered(status), _) => self.say(format_args!("answered {}", status.as_str())),
            (Ending::Cut { phase }, _) => {
                self.say(format_args!("given up in phase {}", phase.as_str()));
            }
            (Ending::Failed { .. }, Some(failure)) => self.say(format_args!("failed: {failure}")),
            (Ending::Failed { phase, reason }, None) => {
                self.say(format_args!(
                    "failed in phase {}: {}",
                    phase.as_str(),
                    reason.as_str()
                ));
            }
        }
        self.observation = Some(observation);
    }

    /// The page, or the words if those were asked for.
    pub(super) fn response(
        &self,
        question: &Question,
        took: Duration,
        headers: &HeaderMap,
    ) -> Response<Bytes> {
        let mut registry = Registry::default();
        self.outcome(&mut registry, took);
        self.phases(&mut registry);
        self.status(&mut registry);
        if let Some(session) = self
            .observation
            .as_ref()
            .and_then(|seen| seen.session.as_deref())
        {
            session_metrics(&mut registry, session);
        }
        if !question.debug {
            return super::page(&registry, headers);
        }
        let page = exposition::render(&registry, None, None);
        let page = String::from_utf8_lossy(&page.body);
        let text = format!("Log:\n{}\nMetrics:\n{page}", self.words);
        super::respond(StatusCode::OK, "text/plain; charset=utf-8", text.into())
    }

    fn attempt(&self) -> Option<&Attempt> {
        self.observation.as_ref().map(|seen| &seen.attempt)
    }

    fn outcome(&self, registry: &mut Registry, took: Duration) {
        let serving = Some(Ending::Answered(ServingStatus::Serving));
        let success = self.attempt().map(|attempt| attempt.ending) == serving;
        gauge(
            registry,
            "probe_success",
            "Displays whether or not the probe was a success",
            f64::from(u8::from(success)),
        );
        gauge(
            registry,
            "probe_duration_seconds",
            "Returns how long the probe took to complete in seconds",
            took.as_secs_f64(),
        );
        gauge(
            registry,
            "probe_timeout_seconds",
            "How long the probe was allowed to take, in seconds",
            self.patience.as_secs_f64(),
        );
        gauge(
            registry,
            "probe_dns_lookup_time_seconds",
            "Returns the time taken for probe dns lookup in seconds",
            self.resolve.as_secs_f64(),
        );
        let protocol = match self.address {
            Some(IpAddr::V4(_)) => 4.0,
            Some(IpAddr::V6(_)) => 6.0,
            None => 0.0,
        };
        gauge(
            registry,
            "probe_ip_protocol",
            "Specifies whether probe ip protocol is IP4 or IP6",
            protocol,
        );
        if let Some(address) = self.address {
            let mut hasher = DefaultHasher::new();
            address.hash(&mut hasher);
            let hash = u32::try_from(hasher.finish() >> 32).unwrap_or_default();
            gauge(
                registry,
                "probe_ip_addr_hash",
                "Specifies the hash of IP address. It's useful to detect if the IP address changes",
                hash.into(),
            );
        }
    }

    fn phases(&self, registry: &mut Registry) {
        let check = self.attempt().map(Attempt::total).unwrap_or_default();
        family(
            registry,
            "probe_grpc_duration_seconds",
            "Duration of gRPC request by phase",
            [("resolve", self.resolve), ("check", check)]
                .map(|(phase, time)| (label("phase", phase), time.as_secs_f64())),
        );
        let entered = self
            .attempt()
            .into_iter()
            .flat_map(|attempt| attempt.phases.entered());
        let entered = entered.map(|(phase, time)| (phase.as_str(), time));
        family(
            registry,
            "probe_grpc_phase_duration_seconds",
            "Duration of the probe by phase; the phases add up",
            [("resolve", self.resolve)]
                .into_iter()
                .chain(entered)
                .map(|(phase, time)| (label("phase", phase), time.as_secs_f64())),
        );
        if let Some((phase, reason)) = self.attempt().and_then(Attempt::failure) {
            let mut labels = label("phase", phase.as_str());
            labels.extend(label("reason", reason.as_str()));
            family(
                registry,
                "probe_grpc_failure_info",
                "Where and why the probe failed",
                [(labels, 1.0)],
            );
        }
    }

    fn status(&self, registry: &mut Registry) {
        let ending = self.attempt().map(|attempt| attempt.ending);
        let code = match ending {
            Some(Ending::Answered(_)) => OK,
            Some(Ending::Failed {
                reason: Reason::NotFound,
                ..
            }) => 5.0,
            Some(Ending::Failed {
                reason: Reason::Unimplemented,
                ..
            }) => 12.0,
            Some(Ending::Failed {
                reason: Reason::Grpc(code),
                ..
            }) => code.into(),
            // DEADLINE_EXCEEDED, as a gRPC client names its own giving up.
            Some(Ending::Cut { .. }) => 4.0,
            Some(Ending::Failed { .. }) => 14.0,
            None => NO_STATUS,
        };
        gauge(
            registry,
            "probe_grpc_status_code",
            "Response gRPC status code",
            code,
        );
        let answers = ServingStatus::ALL.map(|status| {
            let answered = ending == Some(Ending::Answered(status));
            (
                label("serving_status", status.as_str()),
                f64::from(u8::from(answered)),
            )
        });
        family(
            registry,
            "probe_grpc_healthcheck_response",
            "Response HealthCheck response",
            answers,
        );
        let encrypted = self
            .observation
            .as_ref()
            .is_some_and(|seen| seen.session.is_some());
        gauge(
            registry,
            "probe_grpc_ssl",
            "Indicates if SSL was used for the connection",
            f64::from(u8::from(encrypted)),
        );
    }

    fn say(&mut self, words: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.words, "{words}");
    }
}

fn session_metrics(registry: &mut Registry, session: &Session) {
    family(
        registry,
        "probe_tls_version_info",
        "Returns the TLS version used or NaN when unknown",
        [(label("version", session.version), 1.0)],
    );
    family(
        registry,
        "probe_tls_cipher_info",
        "Returns the TLS cipher negotiated during handshake",
        [(label("cipher", &session.cipher), 1.0)],
    );
    let chain: Vec<Certificate> = session
        .chain
        .iter()
        .filter_map(|der| Certificate::read(der).ok())
        .collect();
    let earliest = chain.iter().map(|certificate| certificate.not_after).min();
    if let Some(earliest) = earliest {
        gauge(
            registry,
            "probe_ssl_earliest_cert_expiry",
            "Returns last SSL chain expiry in unixtime",
            seconds(earliest),
        );
    }
    if let Some(own) = chain.first() {
        let mut labels = label("fingerprint_sha256", &own.fingerprint_sha256);
        labels.extend(label("subject", &own.subject));
        labels.extend(label("issuer", &own.issuer));
        labels.extend(label("subjectalternative", &own.names.join(",")));
        labels.extend(label("serialnumber", &own.serial));
        family(
            registry,
            "probe_ssl_last_chain_info",
            "Contains SSL leaf certificate information",
            [(labels, 1.0)],
        );
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact until the year 285,000,000"
)]
fn seconds(time: i64) -> f64 {
    time as f64
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Float::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

fn family(
    registry: &mut Registry,
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (Labels, f64)>,
) {
    let family = Family::<Labels, Float>::default();
    for (labels, value) in series {
        family.get_or_create_owned(&labels).set(value);
    }
    registry.register(name, help, family);
}
