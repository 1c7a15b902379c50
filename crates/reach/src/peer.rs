//! Whom an application was seen dialling.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::report::age;

/// The other end of TCP connections that an application makes, as its own kernel has it: a Service stays the Service that was
/// dialled, because kube-proxy translates later.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Whom.
    pub address: SocketAddr,
    /// Whether any of the connections was there, or they were all still waiting for a handshake.
    pub connected: bool,
    /// Seconds from when it was last seen to the moment at which the report was sent.
    pub age_seconds: f64,
}

// === impl Peer ===

impl Peer {
    /// How long ago it was last seen when the report was sent.
    pub fn age(&self) -> Duration {
        age(self.age_seconds)
    }
}

/// Whether an address can be somebody else's: a pod that talks to itself needs nothing.
pub fn is_elsewhere(address: SocketAddr) -> bool {
    let host = address.ip().to_canonical();
    let local = match host {
        IpAddr::V4(it) => it.is_broadcast(),
        // It means nothing without an interface.
        IpAddr::V6(it) => it.is_unicast_link_local(),
    };
    let nobody = host.is_unspecified() || host.is_multicast() || address.port() == 0;
    !(local || nobody || host.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_dials_himself_or_everybody() {
        for (address, elsewhere) in [
            ("10.0.0.1:80", true),
            // Where clouds keep what many applications ask for.
            ("169.254.169.254:80", true),
            ("[2001:db8::1]:80", true),
            ("[::ffff:10.0.0.1]:80", true),
            ("10.0.0.1:0", false),
            ("127.0.0.1:80", false),
            ("[::1]:80", false),
            ("[::ffff:127.0.0.1]:80", false),
            ("0.0.0.0:80", false),
            ("224.0.0.1:80", false),
            ("[fe80::1]:80", false),
        ] {
            assert_eq!(
                is_elsewhere(address.parse().unwrap()),
                elsewhere,
                "{address}"
            );
        }
    }
}
