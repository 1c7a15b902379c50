//! From a name to addresses, timed as a step of its own. The kubelet dials pods by address; only `/probe` and the
//! command line need this.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use tokio::time::timeout;

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The machine's `resolv.conf` cannot be used.
    #[error("no resolver: {0}")]
    Setup(#[source] NetError),
    /// The name server's answer, or the lack of one.
    #[error("{name}: {source}")]
    Lookup {
        /// The name asked for.
        name: String,
        /// The answer.
        source: Box<NetError>,
    },
    /// The name exists and has no address.
    #[error("{0} has no address")]
    NoAddress(String),
    /// Nothing came in time.
    #[error("{name}: no answer within {patience:?}")]
    Timeout {
        /// The name asked for.
        name: String,
        /// How long we waited.
        patience: Duration,
    },
}

/// All addresses of a host, in the order to try them; an address literal (an IPv6 one with or without brackets) is
/// its own.
///
/// Asks anew each time, as a process started for one probe does: a cache would hide what a lookup costs. `search` and
/// `ndots` of `resolv.conf` and the hosts file are honoured.
pub async fn resolve(host: &str, patience: Duration) -> Result<Vec<IpAddr>, ResolveError> {
    let literal = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = literal.parse() {
        return Ok(vec![address]);
    }
    let mut builder = TokioResolver::builder_tokio().map_err(ResolveError::Setup)?;
    builder.options_mut().cache_size = 0;
    let resolver = builder.build().map_err(ResolveError::Setup)?;
    let found = match timeout(patience, resolver.lookup_ip(host)).await {
        Ok(found) => found.map_err(|source| ResolveError::Lookup {
            name: host.to_owned(),
            source: Box::new(source),
        })?,
        Err(_) => {
            return Err(ResolveError::Timeout {
                name: host.to_owned(),
                patience,
            });
        }
    };
    let addresses: Vec<_> = found.iter().collect();
    if addresses.is_empty() {
        return Err(ResolveError::NoAddress(host.to_owned()));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_literal_needs_no_resolver() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[fd00::7]", "fd00::7"),
        ] {
            let resolved = resolve(host, Duration::ZERO).await.unwrap();
            assert_eq!(resolved, [address.parse::<IpAddr>().unwrap()]);
        }
    }
}
