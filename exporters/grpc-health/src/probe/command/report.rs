//! What the command says: `grpc_health_probe`'s sentences on standard error, the phases on standard output.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use probe_engine::{Attempt, Ending, Phase, Reason, ServingStatus};
use serde_json::{Map, Value, json};

use super::Exit;
use super::ask::Ask;
use crate::probe::Failure;

/// The result of one run.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) address: Option<SocketAddr>,
    pub(super) resolve: Option<Duration>,
    pub(super) outcome: Outcome,
    target: String,
    service: String,
    connect_timeout: Duration,
    rpc_timeout: Duration,
}

/// How far it went.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Not even a question.
    Invalid(String),
    /// No address.
    Unresolved(String),
    /// An attempt.
    Measured {
        attempt: Attempt,
        failure: Option<Failure>,
    },
}

// === impl Report ===

impl Report {
    pub(super) fn new(ask: &Ask) -> Self {
        Self {
            address: None,
            resolve: None,
            outcome: Outcome::Invalid(String::new()),
            target: ask.target.clone(),
            service: ask.service.clone(),
            connect_timeout: ask.connect_timeout,
            rpc_timeout: ask.rpc_timeout,
        }
    }

    pub(super) fn invalid(message: String) -> Self {
        Self {
            address: None,
            resolve: None,
            outcome: Outcome::Invalid(message),
            target: String::new(),
            service: String::new(),
            connect_timeout: Duration::ZERO,
            rpc_timeout: Duration::ZERO,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match &self.outcome {
            Outcome::Invalid(_) => Exit::Invalid,
            Outcome::Unresolved(_) => Exit::Connection,
            Outcome::Measured { attempt, .. } => match attempt.ending {
                Ending::Answered(ServingStatus::Serving) => Exit::Serving,
                Ending::Answered(_) => Exit::Unhealthy,
                Ending::Cut { phase: Phase::Rpc }
                | Ending::Failed {
                    phase: Phase::Rpc, ..
                } => Exit::Rpc,
                Ending::Cut { .. } | Ending::Failed { .. } => Exit::Connection,
            },
        }
    }

    /// Output that nobody reads any more is no reason to fail: the exit code is what counts.
    pub(super) fn print(&self, as_json: bool) {
        let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
        let _ = if as_json {
            writeln!(out, "{}", self.json())
        } else {
            writeln!(err, "{}", self.message()).and_then(|()| match self.phases() {
                Some(phases) => writeln!(out, "{phases}"),
                None => Ok(()),
            })
        };
    }

    fn message(&self) -> String {
        let target = &self.target;
        match &self.outcome {
            Outcome::Invalid(message) => message.clone(),
            Outcome::Unresolved(error) => {
                format!("error: failed to connect service at {target:?}: {error}")
            }
            Outcome::Measured { attempt, failure } => match attempt.ending {
                Ending::Answered(ServingStatus::Serving) => "status: SERVING".to_owned(),
                Ending::Answered(status) => {
                    format!("service unhealthy (responded with {:?})", status.as_str())
                }
                Ending::Cut { phase: Phase::Rpc } => format!(
                    "timeout: health rpc did not complete within {:?}",
                    self.rpc_timeout
                ),
                Ending::Cut { .. } => format!(
                    "timeout: failed to connect service {target:?} within {:?}",
                    self.connect_timeout
                ),
                Ending::Failed { phase, reason } => failed(target, phase, reason, failure.as_ref()),
            },
        }
    }

    fn phases(&self) -> Option<String> {
        let Outcome::Measured { attempt, .. } = &self.outcome else {
            return None;
        };
        let total = self.resolve.unwrap_or_default() + attempt.total();
        let resolve = self.resolve.map(|time| ("resolve", time));
        let entered = attempt
            .phases
            .entered()
            .map(|(phase, time)| (phase.as_str(), time));
        let parts: Vec<_> = resolve
            .into_iter()
            .chain(entered)
            .chain([("total", total)])
            .map(|(name, time)| format!("{name}={:.3}ms", time.as_secs_f64() * 1000.0))
            .collect();
        Some(parts.join(" "))
    }

    fn json(&self) -> Value {
        let mut object = json!({
            "target": self.target,
            "service": self.service,
            "address": self.address,
            "exit_code": self.exit() as u8,
            "message": self.message(),
        });
        let mut phases = Map::new();
        if let Some(time) = self.resolve {
            phases.insert("resolve".to_owned(), time.as_secs_f64().into());
        }
        if let Outcome::Measured { attempt, .. } = &self.outcome {
            for (phase, time) in attempt.phases.entered() {
                phases.insert(phase.as_str().to_owned(), time.as_secs_f64().into());
            }
            let total = self.resolve.unwrap_or_default() + attempt.total();
            object["started_at"] = attempt.started_at.as_secs_f64().into();
            object["total_seconds"] = total.as_secs_f64().into();
            if let Ending::Answered(status) = attempt.ending {
                object["status"] = status.as_str().into();
            }
            if let Some((phase, reason)) = attempt.failure() {
                object["phase"] = phase.as_str().into();
                object["reason"] = reason.as_str().into();
            }
        }
        object["phases_seconds"] = phases.into();
        object
    }
}

fn failed(target: &str, phase: Phase, reason: Reason, failure: Option<&Failure>) -> String {
    let detail = failure.map(|failure| &*failure.detail).unwrap_or_default();
    match (phase, reason) {
        (Phase::Rpc, Reason::Unimplemented) => format!(
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {detail}"
        ),
        (Phase::Rpc, _) => format!("error: health rpc failed: {detail}"),
        _ => format!(
            "error: failed to connect service at {target:?}: {}: {detail}",
            phase.as_str()
        ),
    }
}

#[cfg(test)]
mod tests {
    use probe_engine::PhaseDurations;

    use super::*;

    fn report(ending: Ending) -> Report {
        let mut phases = PhaseDurations::default();
        phases.set(Phase::Connect, Duration::from_micros(1500));
        Report {
            address: None,
            resolve: Some(Duration::from_millis(2)),
            outcome: Outcome::Measured {
                attempt: Attempt {
                    started_at: Duration::from_secs(1),
                    phases,
                    ending,
                },
                failure: None,
            },
            target: "cart:7070".to_owned(),
            service: String::new(),
            connect_timeout: Duration::from_secs(1),
            rpc_timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn endings_have_the_codes_and_sentences_of_grpc_health_probe() {
        let failed = |phase, reason| Ending::Failed { phase, reason };
        for (ending, exit, sentence) in [
            (
                Ending::Answered(ServingStatus::Serving),
                Exit::Serving,
                "status: SERVING",
            ),
            (
                Ending::Answered(ServingStatus::NotServing),
                Exit::Unhealthy,
                "service unhealthy (responded with \"NOT_SERVING\")",
            ),
            (
                Ending::Cut {
                    phase: Phase::Http2,
                },
                Exit::Connection,
                "timeout: failed to connect service \"cart:7070\" within 1s",
            ),
            (
                Ending::Cut { phase: Phase::Rpc },
                Exit::Rpc,
                "timeout: health rpc did not complete within 5s",
            ),
            (
                failed(Phase::Connect, Reason::Refused),
                Exit::Connection,
                "error: failed to connect service at \"cart:7070\": connect: ",
            ),
            (
                failed(Phase::Rpc, Reason::Unimplemented),
                Exit::Rpc,
                "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ",
            ),
            (
                failed(Phase::Rpc, Reason::Grpc(14)),
                Exit::Rpc,
                "error: health rpc failed: ",
            ),
        ] {
            let report = report(ending);
            assert_eq!(report.exit(), exit, "{ending:?}");
            assert_eq!(report.message(), sentence);
        }
    }

    #[test]
    fn phases_add_up_in_words_and_in_json() {
        let report = report(Ending::Cut {
            phase: Phase::Connect,
        });
        let words = report.phases().unwrap();
        assert_eq!(words, "resolve=2.000ms connect=1.500ms total=3.500ms");
        let json = report.json();
        assert_eq!(json["phases_seconds"]["connect"], 0.0015);
        assert_eq!(json["total_seconds"], 0.0035);
        assert_eq!(json["phase"], "connect");
        assert_eq!(json["reason"], "timeout");
        assert_eq!(json["exit_code"], 2);
    }
}
