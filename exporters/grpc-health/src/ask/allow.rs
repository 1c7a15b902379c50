//! Which targets `/probe` may reach. A prober that dials whatever it is asked to is a port scanner
//! for everybody who can reach it, so all that is not listed or discovered is refused.

use std::convert::Infallible;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// One `--probe.allow` pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// An address or a network: matches targets given as addresses, and addresses that names resolve to.
    Network(IpNet),
    /// A host name, matched without regard to case.
    Name(String),
    /// `*.suffix`: any name below the suffix.
    Below(String),
}

impl Allow {
    /// Does the pattern let this host name through, whatever it resolves to?
    pub fn name(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Network(_) => false,
            Self::Name(name) => host == *name,
            Self::Below(suffix) => host
                .strip_suffix(suffix.as_str())
                .is_some_and(|below| below.ends_with('.')),
        }
    }

    /// Does the pattern let this address through?
    pub fn address(&self, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(&address.to_canonical()),
            Self::Name(_) | Self::Below(_) => false,
        }
    }
}

impl FromStr for Allow {
    type Err = Infallible;

    /// Whatever is neither an address nor a network is a name: a wrong name allows nothing.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        Ok(match name.strip_prefix("*.") {
            Some(suffix) => Self::Below(suffix.to_owned()),
            None => Self::Name(name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(text: &str) -> Allow {
        text.parse().expect("infallible")
    }

    #[test]
    fn networks_match_addresses_only() {
        let ten = allow("10.0.0.0/8");
        assert!(ten.address("10.1.2.3".parse().expect("address")));
        assert!(!ten.address("11.1.2.3".parse().expect("address")));
        assert!(
            ten.address("::ffff:10.1.2.3".parse().expect("address")),
            "mapped IPv4 is IPv4"
        );
        assert!(!ten.name("10.1.2.3"));
        assert!(allow("fd00::/8").address("fd12::1".parse().expect("address")));
        assert!(allow("127.0.0.1").address("127.0.0.1".parse().expect("address")));
    }

    #[test]
    fn a_star_matches_below_and_not_beside() {
        let svc = allow("*.sre-demo.svc");
        assert!(svc.name("cartservice.sre-demo.svc"));
        assert!(svc.name("CartService.SRE-demo.svc."));
        assert!(!svc.name("sre-demo.svc"));
        assert!(!svc.name("evilsre-demo.svc"));
        assert!(!svc.name("cartservice.sre-demo.svc.example.org"));
    }

    #[test]
    fn a_name_matches_itself_alone() {
        assert!(allow("cartservice").name("cartservice"));
        assert!(!allow("cartservice").name("cartservice.sre-demo"));
    }
}
