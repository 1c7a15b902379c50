//! Why an attempt did not get its answer, in words and as a bounded set.

use std::io::{self, ErrorKind};

use probe_engine::{Phase, Reason};

/// A failed attempt: where, why, and what was said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", phase.as_str())]
pub struct Failure {
    /// Where it failed.
    pub phase: Phase,
    /// Why, as a label value.
    pub reason: Reason,
    /// The gRPC status code, where the server got as far as to send one.
    pub status: Option<u8>,
    /// In words, for people; not bounded, never a label.
    pub detail: Box<str>,
}

// === impl Failure ===

impl Failure {
    pub(super) fn new(phase: Phase, reason: Reason, detail: impl Into<Box<str>>) -> Self {
        Self {
            phase,
            reason,
            status: None,
            detail: detail.into(),
        }
    }

    /// A dial that did not get through.
    ///
    /// What cannot be pinned on the network or the target (no descriptors, no free port, no permission) is ours: the
    /// target must not be blamed for it.
    pub(super) fn of_dial(error: &io::Error) -> Self {
        let reason = reason_of(error.kind()).unwrap_or(Reason::Local);
        Self::new(Phase::Connect, reason, error.to_string())
    }

    /// An open connection that broke.
    pub(super) fn of_stream(phase: Phase, error: &io::Error) -> Self {
        let reason = match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => reason_of_tls(error),
            None => reason_of(error.kind()).unwrap_or(Reason::Protocol),
        };
        Self::new(phase, reason, error.to_string())
    }
}

/// A server that answers a TLS greeting in clear sends something that is no TLS message at all; everything else, alerts
/// and certificates alike, is TLS that was spoken and not agreed upon.
fn reason_of_tls(error: &rustls::Error) -> Reason {
    match error {
        rustls::Error::InvalidMessage(_) => Reason::Protocol,
        _ => Reason::Tls,
    }
}

fn reason_of(kind: ErrorKind) -> Option<Reason> {
    match kind {
        ErrorKind::ConnectionRefused => Some(Reason::Refused),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Some(Reason::Unreachable)
        }
        ErrorKind::TimedOut => Some(Reason::Timeout),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Some(Reason::Reset),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::NotConnected => {
            Some(Reason::Closed)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_shortages_are_never_the_targets() {
        // EMFILE, ENFILE, EADDRNOTAVAIL, ENOBUFS, EPERM, ENOMEM
        for number in [24, 23, 99, 105, 1, 12] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(Failure::of_dial(&error).reason, Reason::Local, "{error}");
        }
    }

    #[test]
    fn the_network_is_told_apart() {
        // ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, ECONNRESET
        for (number, reason) in [
            (111, Reason::Refused),
            (113, Reason::Unreachable),
            (101, Reason::Unreachable),
            (110, Reason::Timeout),
            (104, Reason::Reset),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(Failure::of_dial(&error).reason, reason, "{error}");
        }
    }
}
