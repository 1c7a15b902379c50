//! Addresses as exporter-toolkit writes them: `:9601`, `127.0.0.1:9601`, `[::1]:9601`, `localhost:9601`.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;
use tokio::net::{TcpListener, lookup_host};

/// An address to listen on, its name not yet looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ListenAddress {
    /// `None`: all addresses, of both families where the system has both.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

/// Nothing can be served there.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub(crate) struct ListenError {
    pub(crate) address: ListenAddress,
    pub(crate) source: io::Error,
}

// === impl ListenAddress ===

impl ListenAddress {
    pub(crate) async fn bind(&self) -> Result<TcpListener, ListenError> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for candidate in self
            .candidates()
            .await
            .map_err(|source| self.error(source))?
        {
            match TcpListener::bind(candidate).await {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        Err(self.error(last))
    }

    /// In the order in which they are tried. All addresses means IPv6's wildcard, which takes IPv4 as well, and IPv4's own where
    /// there is no IPv6. Of a name's addresses IPv4 comes first, as in Go.
    async fn candidates(&self) -> io::Result<Vec<SocketAddr>> {
        let Some(host) = &self.host else {
            return Ok(vec![
                (Ipv6Addr::UNSPECIFIED, self.port).into(),
                (Ipv4Addr::UNSPECIFIED, self.port).into(),
            ]);
        };
        let mut found: Vec<_> = lookup_host((host.as_str(), self.port)).await?.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(found)
    }

    fn error(&self, source: io::Error) -> ListenError {
        ListenError {
            address: self.clone(),
            source,
        }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!("{what}: write :9601, 127.0.0.1:9601, [::1]:9601 or localhost:9601")
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("no port"))?;
        let port = port
            .parse()
            .map_err(|_| wrong("the port is not a number up to 65535"))?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed
                .strip_suffix(']')
                .filter(|inner| inner.parse::<Ipv6Addr>().is_ok())
                .ok_or_else(|| wrong("not an IPv6 address in brackets"))?,
            None if host.contains(':') => return Err(wrong("an IPv6 address needs brackets")),
            None if host.contains(|c: char| c.is_whitespace() || c == '/') => {
                return Err(wrong("not a host"));
            }
            None => host,
        };
        Ok(Self {
            host: (!host.is_empty()).then(|| host.to_owned()),
            port,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => write!(f, ":{}", self.port),
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_written() {
        for text in [":9601", "127.0.0.1:9601", "[::1]:9601", "localhost:0"] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn a_wrong_address_is_answered_with_examples() {
        for text in [
            "",
            "9601",
            "host",
            "host:",
            ":70000",
            "::1:9601",
            "[::1]",
            "[x]:1",
            "http://x:1",
            ":-1",
        ] {
            let message = text.parse::<ListenAddress>().expect_err(text);
            assert!(message.contains("[::1]:9601"), "{message}");
        }
    }

    #[tokio::test]
    async fn all_addresses_includes_ipv4() {
        let listener = ":0".parse::<ListenAddress>().unwrap().bind().await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
    }
}
