//! What the kubelet would have made of an attempt under a given budget, and the text of its event.

use std::time::Duration;

use crate::attempt::{Attempt, Ending, Phase, Reason, ServingStatus};

/// The kubelet's result for one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// SERVING within the budget.
    Success,
    /// Anything else that was seen through to the budget.
    Failure(Cause),
    /// We gave up before the budget was used up: it may have gone either way. Whoever counts gives a range:
    /// a success at best, a failure at worst.
    Unknown,
    /// Our own side failed: this says nothing about the target, and counts neither way. The kubelet, too, throws
    /// away the result of a prober that failed (`worker.doProbe`, `err != nil`).
    Unmeasured,
}

/// Why the kubelet calls it a failure, in the order of the branches of `grpcProber.Probe`
/// (`pkg/probe/grpc/grpc.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The budget ended before the server's SETTINGS had arrived. A refused connection comes out as this, too:
    /// `grpc.DialContext` with `WithBlock` goes on until the deadline and drops the reason.
    ConnectTimeout,
    /// The server has no health service.
    Unimplemented,
    /// The budget ended within the rpc, or the server itself answered `DEADLINE_EXCEEDED`.
    RpcTimeout,
    /// The rpc ended in any other error.
    RpcError {
        /// What we saw.
        reason: Reason,
    },
    /// An answer in time, but not SERVING.
    Unhealthy(ServingStatus),
}

// === impl Verdict ===

impl Verdict {
    /// Whether this is a certain failure.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failure(_))
    }
}

/// The kubelet's judgement, from the sums that [`Attempt`] and [`Sample`](crate::Sample) both keep.
///
/// One context with the timeout covers dial and rpc (`grpcProber.Probe`), so the sum decides on success, and how
/// much of it went by before SETTINGS decides on the text.
///
/// Failed connections inside the budget are final here. grpc-go dials again exactly 1 s after the first failure
/// (`Exponential.Backoff` of zero retries, `internal/backoff`), so a kubelet with 2 s or more might get through
/// to a server that came up meanwhile; one attempt cannot show that, and the failure is the safe reading.
pub(crate) fn judge(
    ending: Ending,
    establishment: Duration,
    total: Duration,
    timeout: Duration,
) -> Verdict {
    let over_budget = || {
        if establishment > timeout {
            Cause::ConnectTimeout
        } else {
            Cause::RpcTimeout
        }
    };
    let cause = match ending {
        Ending::Failed {
            reason: Reason::Local,
            ..
        } => return Verdict::Unmeasured,
        Ending::Cut { .. } if total < timeout => return Verdict::Unknown,
        Ending::Cut { phase } | Ending::Failed { phase, .. } if phase.is_establishment() => {
            Cause::ConnectTimeout
        }
        Ending::Cut { .. } => over_budget(),
        _ if total > timeout => over_budget(),
        Ending::Answered(ServingStatus::Serving) => return Verdict::Success,
        Ending::Answered(status) => Cause::Unhealthy(status),
        Ending::Failed { reason, .. } => match reason {
            Reason::Unimplemented => Cause::Unimplemented,
            Reason::Grpc(DEADLINE_EXCEEDED) => Cause::RpcTimeout,
            Reason::NotServing => Cause::Unhealthy(ServingStatus::NotServing),
            reason => Cause::RpcError { reason },
        },
    };
    Verdict::Failure(cause)
}

const DEADLINE_EXCEEDED: u8 = 4;

/// How long the kubelet's worker would have been busy with it: failed connections use up the whole budget.
pub(crate) fn busy(
    ending: Ending,
    establishment: Duration,
    total: Duration,
    timeout: Duration,
) -> Duration {
    match judge(ending, establishment, total, timeout) {
        Verdict::Failure(Cause::ConnectTimeout) => timeout,
        _ => total.min(timeout),
    }
}

// === impl Cause ===

impl Cause {
    /// The kubelet's words for it: what follows `Liveness probe failed: ` in the `Unhealthy` event.
    ///
    /// `target` is `podIP:port`. Where the kubelet quotes the server's own words, which we do not keep, the text
    /// ends before them: compare by prefix.
    pub fn message(&self, target: &str, timeout: Duration) -> String {
        let within = go_duration(timeout);
        match self {
            Self::ConnectTimeout => format!(
                "timeout: failed to connect service {target:?} within {within}: context deadline exceeded"
            ),
            Self::Unimplemented => {
                "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
                    .to_owned()
            }
            Self::RpcTimeout => format!("timeout: health rpc did not complete within {within}"),
            Self::RpcError { reason } => format!(
                "error: health rpc probe failed: rpc error: code = {}",
                go_code(*reason)
            ),
            Self::Unhealthy(status) => {
                format!("service unhealthy (responded with {:?})", status.as_str())
            }
        }
    }

    /// Where the budget ran out or the error arose, as the kubelet tells phases apart.
    pub const fn phase(&self) -> Phase {
        match self {
            Self::ConnectTimeout => Phase::Connect,
            _ => Phase::Rpc,
        }
    }
}

/// A duration as Go's `%v` writes it, in whole seconds: `1s`, `1m30s`, `1h0m0s`.
fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// The status code that grpc-go makes of it, in Go's spelling (`codes.Code.String`).
const fn go_code(reason: Reason) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    match reason {
        Reason::NotFound => "NotFound",
        Reason::Unimplemented => "Unimplemented",
        Reason::Protocol => "Internal",
        Reason::Grpc(code) if code <= Reason::HIGHEST_GRPC_CODE => NAMES[code as usize],
        Reason::Grpc(_) => "Unknown",
        _ => "Unavailable",
    }
}

// === impl Attempt ===

impl Attempt {
    /// What the kubelet would have made of this attempt with that budget.
    pub fn verdict(&self, timeout: Duration) -> Verdict {
        judge(self.ending, self.establishment(), self.total(), timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::PhaseDurations;

    const SECOND: Duration = Duration::from_secs(1);

    /// Milliseconds before SETTINGS, milliseconds of rpc.
    fn attempt(establishment: u64, rpc: Option<u64>, ending: Ending) -> Attempt {
        Attempt {
            started_at: Duration::ZERO,
            phases: PhaseDurations {
                connect: Some(Duration::from_millis(1)),
                http2: Some(Duration::from_millis(establishment - 1)),
                rpc: rpc.map(Duration::from_millis),
                tls: None,
            },
            ending,
        }
    }

    const SERVING: Ending = Ending::Answered(ServingStatus::Serving);

    const fn failed(phase: Phase, reason: Reason) -> Ending {
        Ending::Failed { phase, reason }
    }

    const fn cut(phase: Phase) -> Ending {
        Ending::Cut { phase }
    }

    #[test]
    fn the_kubelets_cut_decides() {
        use Cause::{ConnectTimeout, RpcError, RpcTimeout, Unhealthy, Unimplemented};
        use Verdict::{Failure, Success, Unknown, Unmeasured};
        let not_serving = Ending::Answered(ServingStatus::NotServing);
        let table = [
            (
                "in time to the millisecond",
                attempt(400, Some(600), SERVING),
                Success,
            ),
            (
                "a millisecond late",
                attempt(400, Some(601), SERVING),
                Failure(RpcTimeout),
            ),
            (
                "SETTINGS a millisecond late",
                attempt(1001, Some(1), SERVING),
                Failure(ConnectTimeout),
            ),
            (
                "SETTINGS just in time, so the rpc is to blame",
                attempt(1000, Some(1), SERVING),
                Failure(RpcTimeout),
            ),
            (
                "NOT_SERVING in time",
                attempt(2, Some(3), not_serving),
                Failure(Unhealthy(ServingStatus::NotServing)),
            ),
            (
                "NOT_SERVING too late",
                attempt(2, Some(3000), not_serving),
                Failure(RpcTimeout),
            ),
            (
                "refused",
                attempt(1, None, failed(Phase::Connect, Reason::Refused)),
                Failure(ConnectTimeout),
            ),
            (
                "HTTP/1 answer",
                attempt(3, None, failed(Phase::Http2, Reason::Http1)),
                Failure(ConnectTimeout),
            ),
            (
                "no health service",
                attempt(3, Some(1), failed(Phase::Rpc, Reason::Unimplemented)),
                Failure(Unimplemented),
            ),
            (
                "unknown service",
                attempt(3, Some(1), failed(Phase::Rpc, Reason::NotFound)),
                Failure(RpcError {
                    reason: Reason::NotFound,
                }),
            ),
            (
                "DEADLINE_EXCEEDED from the server",
                attempt(3, Some(1), failed(Phase::Rpc, Reason::Grpc(4))),
                Failure(RpcTimeout),
            ),
            (
                "an error later than the budget",
                attempt(3, Some(1500), failed(Phase::Rpc, Reason::Reset)),
                Failure(RpcTimeout),
            ),
            (
                "our own descriptors ran out",
                attempt(1, None, failed(Phase::Connect, Reason::Local)),
                Unmeasured,
            ),
            (
                "cut at the budget, no SETTINGS",
                attempt(1000, None, cut(Phase::Http2)),
                Failure(ConnectTimeout),
            ),
            (
                "cut beyond the budget in the rpc",
                attempt(5, Some(3000), cut(Phase::Rpc)),
                Failure(RpcTimeout),
            ),
            (
                "cut in the rpc after late SETTINGS",
                attempt(1500, Some(3000), cut(Phase::Rpc)),
                Failure(ConnectTimeout),
            ),
            (
                "cut before the budget",
                attempt(5, Some(900), cut(Phase::Rpc)),
                Unknown,
            ),
        ];
        for (name, attempt, expected) in table {
            assert_eq!(attempt.verdict(SECOND), expected, "{name}");
        }
    }

    #[test]
    fn events_read_as_the_kubelet_writes_them() {
        let target = "10.244.0.7:7070";
        let table = [
            (
                Cause::ConnectTimeout,
                "timeout: failed to connect service \"10.244.0.7:7070\" within 1s: context deadline exceeded",
            ),
            (
                Cause::RpcTimeout,
                "timeout: health rpc did not complete within 1s",
            ),
            (
                Cause::Unhealthy(ServingStatus::NotServing),
                "service unhealthy (responded with \"NOT_SERVING\")",
            ),
            (
                Cause::RpcError {
                    reason: Reason::NotFound,
                },
                "error: health rpc probe failed: rpc error: code = NotFound",
            ),
            (
                Cause::Unimplemented,
                "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)",
            ),
        ];
        for (cause, text) in table {
            assert_eq!(cause.message(target, SECOND), text);
        }
    }

    #[test]
    fn budgets_are_written_as_go_does() {
        for (seconds, text) in [
            (1, "1s"),
            (59, "59s"),
            (60, "1m0s"),
            (90, "1m30s"),
            (3600, "1h0m0s"),
            (3725, "1h2m5s"),
        ] {
            assert_eq!(go_duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_refused_connection_keeps_the_worker_busy_for_the_whole_budget() {
        let refused = failed(Phase::Connect, Reason::Refused);
        let millisecond = Duration::from_millis(1);
        assert_eq!(
            busy(refused, millisecond, millisecond, 5 * SECOND),
            5 * SECOND
        );
        assert_eq!(
            busy(SERVING, millisecond, 2 * millisecond, 5 * SECOND),
            2 * millisecond
        );
        assert_eq!(busy(SERVING, millisecond, 9 * SECOND, SECOND), SECOND);
    }
}
