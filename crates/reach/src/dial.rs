//! One connection to be tried again and again.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::is_name;

/// A connection to be tried again and again, always as a new one: what a policy does to an open one is the network
/// plugin's own affair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dial {
    /// The exporter's number for it.
    pub id: DialId,
    /// What is dialled: a pod's own address and port, or a Service's.
    pub address: SocketAddr,
    /// Over what.
    pub protocol: Protocol,
    /// What is said once there is a connection.
    #[serde(default)]
    pub kind: Kind,
    /// Whose address it is, for people.
    pub destination: Workload,
    /// The pod whose network it is dialled from, for an agent that can enter it; else the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PodName>,
    /// Seconds from one dial to the next.
    pub every_seconds: f64,
    /// Seconds to wait for an answer.
    pub timeout_seconds: f64,
    /// Counts what has happened to it: a policy, a label. When this is another number than before, it is dialled at once
    /// and then after [`Dial::RESTLESS`] and twice that and so on, until it is back at its own pace.
    #[serde(default)]
    pub generation: u64,
}

/// The exporter's number for a dial. The same number means the same dial in every plan of one exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DialId(pub u64);

/// Over what is dialled, as a NetworkPolicy writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// A connection.
    #[serde(rename = "TCP")]
    Tcp,
    /// A datagram.
    #[serde(rename = "UDP")]
    Udp,
    /// Any that this side does not know, such as SCTP.
    #[serde(other)]
    Unknown,
}

/// What is said once there is a connection.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nothing over TCP: the handshake is all. An empty datagram over UDP.
    #[default]
    Plain,
    /// `grpc.health.v1.Health/Check`: any status is an answer, UNIMPLEMENTED too.
    Grpc,
    /// `OPTIONS *`, HTTP's ping (RFC 9110 section 9.3.7).
    Http,
    /// `PING` in Redis' protocol, RESP.
    Redis,
    /// A query that any DNS server answers by itself (`id.server`, RFC 4892).
    Dns,
    /// Any that this side does not know.
    #[serde(other)]
    Unknown,
}

/// Who is dialled, by the names of metrics' labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Workload {
    /// Its namespace; empty for what is not in the cluster.
    #[serde(default)]
    pub namespace: String,
    /// Its name, or its address when it has none.
    pub name: String,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID, by which a node's agent finds its processes.
    #[serde(default)]
    pub uid: String,
}

/// Why a dial is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialFault {
    /// Nothing listens there, or everybody.
    #[error("the address is of nobody, of everybody, or has port 0")]
    Address,
    /// Not spoken by this side.
    #[error("the protocol or the kind is not known here")]
    Unknown,
    /// Such as HTTP in a datagram.
    #[error("this kind is not spoken over this protocol")]
    Kind,
    /// Not a number, or out of bounds.
    #[error("every_seconds is not between 1 and 86,400")]
    Every,
    /// Not a number, or out of bounds.
    #[error("timeout_seconds is not between 0.05 and 60")]
    Timeout,
    /// Not a name of an object.
    #[error("a name is empty, too long, or has characters that no name has")]
    Name,
}

// === impl Dial ===

impl Dial {
    /// The first pause after something has happened to it, seconds.
    pub const RESTLESS: f64 = 1.0;
    /// The bounds of `every_seconds`.
    pub const EVERY: core::ops::RangeInclusive<f64> = 1.0..=86_400.0;
    /// The bounds of `timeout_seconds`.
    pub const TIMEOUT: core::ops::RangeInclusive<f64> = 0.05..=60.0;

    /// Whether an agent may make it; one that may not is left out, and hides no other.
    pub fn check(&self) -> Result<(), DialFault> {
        if self.address.port() == 0 || names_nobody(self.address.ip()) {
            return Err(DialFault::Address);
        }
        if !self.kind.is_spoken_over(self.protocol)? {
            return Err(DialFault::Kind);
        }
        // A NaN is in no range.
        if !Self::EVERY.contains(&self.every_seconds) {
            return Err(DialFault::Every);
        }
        if !Self::TIMEOUT.contains(&self.timeout_seconds) {
            return Err(DialFault::Timeout);
        }
        let pod = self.from.as_ref();
        if !self.destination.is_named() || pod.is_some_and(|pod| !pod.is_named()) {
            return Err(DialFault::Name);
        }
        Ok(())
    }

    /// From one dial to the next. Within [`Dial::EVERY`] if it was checked.
    pub fn every(&self) -> Duration {
        seconds(self.every_seconds)
    }

    /// How long to wait for an answer. Within [`Dial::TIMEOUT`] if it was checked.
    pub fn timeout(&self) -> Duration {
        seconds(self.timeout_seconds)
    }
}

fn names_nobody(address: IpAddr) -> bool {
    address.is_unspecified()
        || address.is_multicast()
        || matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

/// What is no length of time is none.
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

// === impl Kind ===

impl Kind {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Grpc => "grpc",
            Self::Http => "http",
            Self::Redis => "redis",
            Self::Dns => "dns",
            Self::Unknown => "unknown",
        }
    }

    fn is_spoken_over(self, protocol: Protocol) -> Result<bool, DialFault> {
        match (self, protocol) {
            (Self::Unknown, _) | (_, Protocol::Unknown) => Err(DialFault::Unknown),
            (Self::Plain | Self::Dns, _) => Ok(true),
            (Self::Grpc | Self::Http | Self::Redis, over) => Ok(over == Protocol::Tcp),
        }
    }
}

// === impl Protocol ===

impl Protocol {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Unknown => "unknown",
        }
    }
}

// === impl Workload ===

impl Workload {
    fn is_named(&self) -> bool {
        // An IPv6 address has colons, which no name has.
        let address = self.name.parse::<IpAddr>().is_ok();
        (address || is_name(&self.name)) && (self.namespace.is_empty() || is_name(&self.namespace))
    }
}

// === impl PodName ===

impl PodName {
    /// Whether all that is said of it can be what it is said to be.
    pub(crate) fn is_named(&self) -> bool {
        is_name(&self.namespace)
            && is_name(&self.name)
            && (self.uid.is_empty() || is_name(&self.uid))
    }
}

impl fmt::Display for PodName {
    /// `sre-demo/frontend-1`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial() -> Dial {
        Dial {
            id: DialId(1),
            address: "10.244.1.7:8080".parse().unwrap(),
            protocol: Protocol::Tcp,
            kind: Kind::Plain,
            destination: Workload {
                namespace: "sre-demo".to_owned(),
                name: "emailservice".to_owned(),
            },
            from: None,
            every_seconds: 30.0,
            timeout_seconds: 2.0,
            generation: 0,
        }
    }

    #[test]
    fn a_dial_to_nobody_or_to_everybody_is_left_out() {
        assert_eq!(dial().check(), Ok(()));
        for address in [
            "10.0.0.1:0",
            "0.0.0.0:80",
            "255.255.255.255:80",
            "224.0.0.1:80",
            "[::]:80",
            "[ff02::1]:80",
        ] {
            let address = address.parse().unwrap();
            let dial = Dial { address, ..dial() };
            assert_eq!(dial.check(), Err(DialFault::Address), "{address}");
        }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for every_seconds in [0.0, 0.999, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            let dial = Dial {
                every_seconds,
                ..dial()
            };
            assert_eq!(dial.check(), Err(DialFault::Every), "{every_seconds}");
        }
        for timeout_seconds in [0.0, -1.0, f64::NAN, f64::INFINITY, 61.0] {
            let dial = Dial {
                timeout_seconds,
                ..dial()
            };
            assert_eq!(dial.check(), Err(DialFault::Timeout), "{timeout_seconds}");
            dial.timeout();
        }
    }

    #[test]
    fn what_cannot_be_said_in_a_datagram_is_refused() {
        use Kind::{Dns, Grpc, Http, Plain, Redis, Unknown};
        for (kind, tcp, udp) in [
            (Plain, Ok(()), Ok(())),
            (Dns, Ok(()), Ok(())),
            (Grpc, Ok(()), Err(DialFault::Kind)),
            (Http, Ok(()), Err(DialFault::Kind)),
            (Redis, Ok(()), Err(DialFault::Kind)),
            (Unknown, Err(DialFault::Unknown), Err(DialFault::Unknown)),
        ] {
            for (protocol, expected) in [
                (Protocol::Tcp, tcp),
                (Protocol::Udp, udp),
                (Protocol::Unknown, Err(DialFault::Unknown)),
            ] {
                let dial = Dial {
                    protocol,
                    kind,
                    ..dial()
                };
                assert_eq!(dial.check(), expected, "{kind:?} over {protocol:?}");
            }
        }
    }

    #[test]
    fn names_that_no_object_has_are_refused() {
        for name in ["", "a b", "a\nb", "ä", "a\"b", &"a".repeat(254)] {
            let name = name.to_owned();
            let namespace = "sre-demo".to_owned();
            let destination = Workload { namespace, name };
            let dial = Dial {
                destination,
                ..dial()
            };
            assert_eq!(dial.check(), Err(DialFault::Name));
        }
        for name in ["emailservice", "203.0.113.1", "2001:db8::1"] {
            let (namespace, name) = (String::new(), name.to_owned());
            let destination = Workload { namespace, name };
            let dial = Dial {
                destination,
                ..dial()
            };
            assert_eq!(dial.check(), Ok(()));
        }
    }
}
