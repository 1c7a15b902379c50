//! What came of a dial, and what that proves about the way to the other end.

use serde::{Deserialize, Serialize};

use crate::dial::{Kind, Protocol};

/// What came of a dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The handshake of TCP is done, and nothing else was asked for.
    Connected,
    /// The other end spoke as it should: any gRPC status, any HTTP status, any reply.
    Answered,
    /// RST instead of a handshake: nobody listens, or a firewall pretends so. To a TCP socket an ICMP port unreachable is the same
    /// (tcp(7)).
    Refused,
    /// ICMP port unreachable, for a datagram: it arrived, and nobody listens.
    PortUnreachable,
    /// Any other ICMP error, or no route.
    Unreachable,
    /// The source's own kernel would not send it: a filter in the pod's network, a program on its sockets.
    Prohibited,
    /// Nothing came back in time, not even a handshake.
    TimedOut,
    /// Connected, and then no word in time.
    Unanswered,
    /// Connected, and then RST.
    Reset,
    /// Connected, and then closed without a word.
    Closed,
    /// Connected, and the other end speaks something else.
    Garbled,
    /// Not made, for want of something on the agent's own side: descriptors, ports, the pod to enter. Says nothing about the way.
    Unable,
    /// Any that this side does not know.
    #[serde(other)]
    Unknown,
}

/// What an outcome proves about the way there: not more than it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The packets arrived.
    Reached,
    /// They arrived, unless a network plugin refuses in the destination's name: ask the control.
    Refused,
    /// They were stopped on their way, or there is nobody to answer: ask the control.
    NotReached,
    /// Nothing.
    Nothing,
}

// === impl Outcome ===

impl Outcome {
    /// All that an agent says.
    pub const ALL: [Self; 12] = [
        Self::Connected,
        Self::Answered,
        Self::Refused,
        Self::PortUnreachable,
        Self::Unreachable,
        Self::Prohibited,
        Self::TimedOut,
        Self::Unanswered,
        Self::Reset,
        Self::Closed,
        Self::Garbled,
        Self::Unable,
    ];

    /// As it is written, also as a label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::PortUnreachable => "port_unreachable",
            Self::Unreachable => "unreachable",
            Self::Prohibited => "prohibited",
            Self::TimedOut => "timed_out",
            Self::Unanswered => "unanswered",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Garbled => "garbled",
            Self::Unable => "unable",
            Self::Unknown => "unknown",
        }
    }

    /// What it proves about the way there.
    pub const fn evidence(self, protocol: Protocol, kind: Kind) -> Evidence {
        match self {
            Self::Connected
            | Self::Answered
            | Self::Unanswered
            | Self::Reset
            | Self::Closed
            | Self::Garbled => Evidence::Reached,
            Self::Refused | Self::PortUnreachable => Evidence::Refused,
            Self::Unreachable | Self::Prohibited => Evidence::NotReached,
            Self::TimedOut => match (protocol, kind) {
                // Whoever gets an empty datagram owes no answer.
                (Protocol::Udp, Kind::Plain) => Evidence::Nothing,
                _ => Evidence::NotReached,
            },
            Self::Unable | Self::Unknown => Evidence::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_json_says() {
        for outcome in Outcome::ALL {
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(json, format!("\"{}\"", outcome.as_str()));
        }
    }

    #[test]
    fn silence_proves_something_only_where_an_answer_is_owed() {
        let silence = |protocol, kind| Outcome::TimedOut.evidence(protocol, kind);
        assert_eq!(silence(Protocol::Tcp, Kind::Plain), Evidence::NotReached);
        assert_eq!(silence(Protocol::Udp, Kind::Dns), Evidence::NotReached);
        assert_eq!(silence(Protocol::Udp, Kind::Plain), Evidence::Nothing);
    }
}
