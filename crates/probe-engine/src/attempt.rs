//! One measured health check, phase by phase, in the order in which the kubelet goes through them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A stretch of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Until the TCP handshake is done (RFC 9293 section 3.5): the kernel's work.
    Connect,
    /// Until the TLS handshake is done; entered only where the probe asks for TLS.
    Tls,
    /// From our preface until the server's SETTINGS frame (RFC 9113 section 3.4): the process has to run for it.
    Http2,
    /// From the request until the trailers with the gRPC status.
    Rpc,
}

/// Time spent per phase. `Some` = entered; the time in it until it was done, failed or cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseDurations {
    /// TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Duration>,
    /// TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Duration>,
    /// HTTP/2 until the server's SETTINGS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http2: Option<Duration>,
    /// The health check itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpc: Option<Duration>,
}

/// What a health service answered: `grpc.health.v1.HealthCheckResponse.ServingStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServingStatus {
    /// 0
    Unknown,
    /// 1
    Serving,
    /// 2
    NotServing,
    /// 3; only `Watch` should answer it.
    ServiceUnknown,
}

/// Why an attempt failed, as a bounded set that can be a label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing listens: RST in answer to our SYN.
    Refused,
    /// No route, host unreachable, or a policy that rejects aloud.
    Unreachable,
    /// Silence until we gave up.
    Timeout,
    /// RST on an open connection.
    Reset,
    /// Orderly end of the stream before the answer.
    Closed,
    /// A TLS record where HTTP/2 was expected.
    TlsOnPlaintext,
    /// A failed TLS handshake.
    Tls,
    /// An HTTP/1 answer.
    Http1,
    /// Anything else that is not HTTP/2 or not gRPC.
    Protocol,
    /// GOAWAY before the answer.
    Goaway,
    /// A health answer other than SERVING.
    NotServing,
    /// The server does not know the service asked for.
    NotFound,
    /// The server has no health service.
    Unimplemented,
    /// Any other gRPC status code, 0 to 16.
    Grpc(u8),
    /// Our own side (no descriptors, no memory, no route of our own making): never blamed on the target.
    Local,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// A health answer arrived.
    Answered(ServingStatus),
    /// Something went wrong, of itself, before an answer.
    Failed {
        /// Where.
        phase: Phase,
        /// Why.
        reason: Reason,
    },
    /// We gave up waiting; the true time is at least [`Attempt::total`].
    Cut {
        /// What we were waiting for.
        phase: Phase,
    },
}

/// One measured health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began, since the Unix epoch.
    pub started_at: Duration,
    /// Where the time went.
    pub phases: PhaseDurations,
    /// How it ended.
    pub ending: Ending,
}

// === impl Phase ===

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 4] = [Self::Connect, Self::Tls, Self::Http2, Self::Rpc];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Http2 => "http2",
            Self::Rpc => "rpc",
        }
    }

    /// Whether the kubelet still calls it connecting: `grpc.DialContext` with `WithBlock` returns only once the
    /// server's SETTINGS have arrived (`grpcProber.Probe` in `pkg/probe/grpc/grpc.go`).
    pub const fn is_establishment(self) -> bool {
        !matches!(self, Self::Rpc)
    }
}

// === impl PhaseDurations ===

impl PhaseDurations {
    /// The time in one phase, if it was entered.
    pub const fn get(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Connect => self.connect,
            Phase::Tls => self.tls,
            Phase::Http2 => self.http2,
            Phase::Rpc => self.rpc,
        }
    }

    /// Notes the time spent in a phase, which counts it as entered.
    pub const fn set(&mut self, phase: Phase, duration: Duration) {
        match phase {
            Phase::Connect => self.connect = Some(duration),
            Phase::Tls => self.tls = Some(duration),
            Phase::Http2 => self.http2 = Some(duration),
            Phase::Rpc => self.rpc = Some(duration),
        }
    }

    /// The entered phases, in order.
    pub fn entered(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        Phase::ALL
            .into_iter()
            .filter_map(|phase| Some((phase, self.get(phase)?)))
    }
}

// === impl ServingStatus ===

impl ServingStatus {
    /// All answers, by their number in the protocol.
    pub const ALL: [Self; 4] = [
        Self::Unknown,
        Self::Serving,
        Self::NotServing,
        Self::ServiceUnknown,
    ];

    /// The name in the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::ServiceUnknown => "SERVICE_UNKNOWN",
        }
    }

    /// The status with this number; a number that the protocol does not have reads as unknown.
    pub const fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Serving,
            2 => Self::NotServing,
            3 => Self::ServiceUnknown,
            _ => Self::Unknown,
        }
    }
}

// === impl Reason ===

impl Reason {
    /// The highest gRPC status code there is; clients read anything beyond it as UNKNOWN (2).
    pub const HIGHEST_GRPC_CODE: u8 = 16;

    /// The reason for a gRPC status that is not OK, by its number.
    pub const fn from_grpc_code(code: i32) -> Self {
        match code {
            5 => Self::NotFound,
            12 => Self::Unimplemented,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 16"
            )]
            0..=16 => Self::Grpc(code as u8),
            _ => Self::Grpc(2),
        }
    }

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::TlsOnPlaintext => "tls_on_plaintext",
            Self::Tls => "tls",
            Self::Http1 => "http1",
            Self::Protocol => "protocol",
            Self::Goaway => "goaway",
            Self::NotServing => "not_serving",
            Self::NotFound => "not_found",
            Self::Unimplemented => "unimplemented",
            Self::Grpc(code) => grpc_label(code),
            Self::Local => "local",
        }
    }
}

/// One label value per status code; the set stays bounded whatever a server sends.
const fn grpc_label(code: u8) -> &'static str {
    const LABELS: [&str; 17] = [
        "grpc_0", "grpc_1", "grpc_2", "grpc_3", "grpc_4", "grpc_5", "grpc_6", "grpc_7", "grpc_8",
        "grpc_9", "grpc_10", "grpc_11", "grpc_12", "grpc_13", "grpc_14", "grpc_15", "grpc_16",
    ];
    if code <= Reason::HIGHEST_GRPC_CODE {
        LABELS[code as usize]
    } else {
        LABELS[2]
    }
}

// === impl Attempt ===

impl Attempt {
    /// All the time it took; a lower bound where we gave up.
    pub fn total(&self) -> Duration {
        self.establishment() + self.phases.rpc.unwrap_or_default()
    }

    /// TCP, TLS and SETTINGS together: what the kubelet calls connecting.
    pub fn establishment(&self) -> Duration {
        [self.phases.connect, self.phases.tls, self.phases.http2]
            .into_iter()
            .flatten()
            .sum()
    }

    /// Where and why it failed, as label values; `None` for SERVING, however late.
    ///
    /// Giving up counts as a timeout of the phase we were waiting in.
    pub const fn failure(&self) -> Option<(Phase, Reason)> {
        self.ending.failure()
    }

    /// Whether we gave up: then the duration is a lower bound.
    pub const fn is_cut(&self) -> bool {
        matches!(self.ending, Ending::Cut { .. })
    }
}

// === impl Ending ===

impl Ending {
    /// See [`Attempt::failure`].
    pub const fn failure(self) -> Option<(Phase, Reason)> {
        match self {
            Self::Answered(ServingStatus::Serving) => None,
            Self::Answered(_) => Some((Phase::Rpc, Reason::NotServing)),
            Self::Failed { phase, reason } => Some((phase, reason)),
            Self::Cut { phase } => Some((phase, Reason::Timeout)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn establishment_is_all_but_the_rpc() {
        let attempt = Attempt {
            started_at: Duration::ZERO,
            phases: PhaseDurations {
                connect: Some(Duration::from_millis(1)),
                tls: Some(Duration::from_millis(20)),
                http2: Some(Duration::from_millis(300)),
                rpc: Some(Duration::from_secs(4)),
            },
            ending: Ending::Answered(ServingStatus::Serving),
        };
        assert_eq!(attempt.establishment(), Duration::from_millis(321));
        assert_eq!(attempt.total(), Duration::from_millis(4321));
    }

    #[test]
    fn entered_phases_come_in_order_and_without_the_others() {
        let mut phases = PhaseDurations::default();
        phases.set(Phase::Http2, Duration::from_millis(2));
        phases.set(Phase::Connect, Duration::from_millis(1));
        let entered: Vec<_> = phases.entered().map(|(phase, _)| phase.as_str()).collect();
        assert_eq!(entered, ["connect", "http2"]);
    }

    #[test]
    fn status_codes_have_one_label_each_and_no_more_than_the_protocol_has() {
        for (code, label) in [
            (0, "grpc_0"),
            (4, "grpc_4"),
            (5, "not_found"),
            (12, "unimplemented"),
            (16, "grpc_16"),
            (17, "grpc_2"),
            (-1, "grpc_2"),
            (i32::MAX, "grpc_2"),
        ] {
            assert_eq!(Reason::from_grpc_code(code).as_str(), label, "{code}");
        }
        assert_eq!(Reason::Grpc(200).as_str(), "grpc_2");
    }

    #[test]
    fn numbers_of_the_protocol_read_as_its_names() {
        for (number, status) in (0..).zip(ServingStatus::ALL) {
            assert_eq!(ServingStatus::from_number(number), status);
        }
        assert_eq!(ServingStatus::from_number(77), ServingStatus::Unknown);
    }

    #[test]
    fn only_serving_is_no_failure() {
        for (ending, expected) in [
            (Ending::Answered(ServingStatus::Serving), None),
            (
                Ending::Answered(ServingStatus::Unknown),
                Some((Phase::Rpc, Reason::NotServing)),
            ),
            (
                Ending::Cut {
                    phase: Phase::Http2,
                },
                Some((Phase::Http2, Reason::Timeout)),
            ),
            (
                Ending::Failed {
                    phase: Phase::Connect,
                    reason: Reason::Refused,
                },
                Some((Phase::Connect, Reason::Refused)),
            ),
        ] {
            assert_eq!(ending.failure(), expected);
        }
    }
}
