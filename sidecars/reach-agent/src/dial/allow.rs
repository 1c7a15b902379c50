//! What may be dialled. The exporter says what to dial, and whoever holds the exporter must not hold a port scanner in every pod.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks that may be dialled.
#[derive(Clone, Debug, Default)]
pub struct Allow(Vec<IpNet>);

// === impl Allow ===

impl Allow {
    /// These networks; if there are none, all but the pod's own loopback and link-local addresses, where clouds keep their
    /// credentials.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this address may be dialled.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.0.is_empty() {
            return !address.is_loopback() && !is_link_local(address);
        }
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(networks: &[&str], address: &str) -> bool {
        let networks = networks.iter().map(|text| text.parse().unwrap()).collect();
        Allow::new(networks).permits(address.parse().unwrap())
    }

    #[test]
    fn by_default_nothing_of_the_pods_own_and_nothing_link_local() {
        for address in ["10.1.2.3", "203.0.113.1", "2001:db8::1", "fd00::1"] {
            assert!(permits(&[], address), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.8.9.1",
            "169.254.169.254",
            "::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
        ] {
            assert!(!permits(&[], address), "{address}");
        }
    }

    #[test]
    fn networks_that_are_given_are_all_that_is_allowed() {
        let networks = ["10.244.0.0/16", "127.0.0.0/8"];
        assert!(permits(&networks, "10.244.3.4"));
        assert!(permits(&networks, "127.0.0.7"));
        assert!(!permits(&networks, "10.96.0.1"));
        assert!(!permits(&networks, "::1"));
    }
}
