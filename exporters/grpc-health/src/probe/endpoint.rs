//! What is probed, and how long we are willing to wait for it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::uri::{Authority, InvalidUri};
use http::{HeaderName, HeaderValue};
use prost::Message;
use tonic_health::pb::HealthCheckRequest;

use super::tls::Tls;

/// Our name, where the kubelet says `kube-probe/1.36`.
const USER_AGENT: &str = concat!("grpc-health-exporter/", env!("CARGO_PKG_VERSION"));
/// Length of what precedes each gRPC message: one byte of flags, four of length.
const MESSAGE_PREFIX: usize = 5;

/// A health service and how to ask it. Prepared once, asked often.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(super) address: SocketAddr,
    pub(super) authority: Authority,
    pub(super) request: Bytes,
    pub(super) user_agent: HeaderValue,
    pub(super) metadata: Vec<(HeaderName, HeaderValue)>,
    pub(super) tls: Option<Tls>,
}

/// How long an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The pod's own `timeoutSeconds`: past it an attempt needs a permit to go on.
    pub budget: Duration,
    /// Where we give up even with a permit; not below the budget.
    pub cap: Duration,
}

/// What cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The authority does not fit into a request.
    #[error("authority {authority:?}: {source}")]
    Authority {
        /// As given.
        authority: String,
        /// What is wrong with it.
        source: InvalidUri,
    },
    /// Authority, user agent and metadata have to go into one frame, with the rest of the request's head.
    #[error("authority, user agent and metadata of {0} bytes are too much for one request")]
    Head(usize),
    /// The user agent does not fit into a header.
    #[error("user agent {0:?} has characters that a header cannot carry")]
    UserAgent(String),
    /// A metadata entry does not fit into a header.
    #[error("metadata {0:?} is not a valid header")]
    Metadata(String),
    /// The service name is longer than any message we would send.
    #[error("a service name of {0} bytes is too long")]
    Service(usize),
}

// === impl Endpoint ===

impl Endpoint {
    /// Longest service name that is sent, in bytes.
    pub const LONGEST_SERVICE: usize = 4096;
    /// Longest authority, user agent and metadata that are sent, in bytes, each entry counted with 8 more.
    pub const LONGEST_HEAD: usize = 15 * 1024;
    /// The one method of the protocol that we call.
    pub(super) const CHECK: &str = "/grpc.health.v1.Health/Check";

    /// The health of `service` (empty: of the whole server) at `address`, asked for under `authority`.
    ///
    /// The kubelet's authority is the address itself: [`Endpoint::at`].
    pub fn new(
        address: SocketAddr,
        authority: &str,
        service: &str,
        tls: Option<Tls>,
    ) -> Result<Self, EndpointError> {
        if service.len() > Self::LONGEST_SERVICE {
            return Err(EndpointError::Service(service.len()));
        }
        let authority = authority
            .parse()
            .map_err(|source| EndpointError::Authority {
                authority: authority.to_owned(),
                source,
            })?;
        Self {
            address,
            authority,
            request: request(service),
            user_agent: HeaderValue::from_static(USER_AGENT),
            metadata: Vec::new(),
            tls,
        }
        .checked()
    }

    /// As the kubelet asks a pod: by address, with the address as authority.
    pub fn at(address: SocketAddr, service: &str, tls: Option<Tls>) -> Result<Self, EndpointError> {
        Self::new(address, &address.to_string(), service, tls)
    }

    /// Goes by another name.
    pub fn with_user_agent(mut self, user_agent: &str) -> Result<Self, EndpointError> {
        self.user_agent = HeaderValue::from_str(user_agent)
            .map_err(|_| EndpointError::UserAgent(user_agent.to_owned()))?;
        self.checked()
    }

    /// Sends an entry of metadata with each request.
    pub fn with_metadata(mut self, name: &str, value: &str) -> Result<Self, EndpointError> {
        let entry = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .zip(HeaderValue::from_str(value).ok())
            .ok_or_else(|| EndpointError::Metadata(name.to_owned()))?;
        self.metadata.push(entry);
        self.checked()
    }

    fn checked(self) -> Result<Self, EndpointError> {
        let metadata = self.metadata.iter();
        let metadata: usize = metadata
            .map(|(name, value)| name.as_str().len() + value.len() + 8)
            .sum();
        let length = self.authority.as_str().len() + self.user_agent.len() + metadata;
        if length > Self::LONGEST_HEAD {
            return Err(EndpointError::Head(length));
        }
        Ok(self)
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The whole body of a request: the prefix (not compressed, length) and the message.
fn request(service: &str) -> Bytes {
    let message = HealthCheckRequest {
        service: service.to_owned(),
    };
    let length = message.encoded_len();
    let mut body = BytesMut::with_capacity(MESSAGE_PREFIX + length);
    body.put_u8(0);
    body.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // A buffer that grows cannot run out of room, and `new` bounds the length.
    let _ = message.encode(&mut body);
    body.freeze()
}

// === impl Limits ===

impl Limits {
    /// The longest we measure by default, unless the budget is longer.
    pub const DEFAULT_CAP: Duration = Duration::from_secs(30);
    /// How many budgets we are willing to wait by default.
    const BUDGETS: u32 = 10;

    /// Ten budgets, at least 30 s, so that the latency is measured and not only its excess noticed.
    pub fn of_budget(budget: Duration) -> Self {
        Self {
            budget,
            cap: (budget * Self::BUDGETS).max(Self::DEFAULT_CAP),
        }
    }

    /// Not a moment longer than the budget: for whoever has to answer in time.
    pub const fn strict(budget: Duration) -> Self {
        Self {
            budget,
            cap: budget,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_uncompressed_message() {
        assert_eq!(&request("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&request("ab")[..], [0, 0, 0, 0, 4, 10, 2, b'a', b'b']);
    }

    #[test]
    fn an_ipv6_address_is_its_own_authority() {
        let address = "[::1]:50051".parse().unwrap();
        let endpoint = Endpoint::at(address, "", None).unwrap();
        assert_eq!(endpoint.authority, "[::1]:50051");
    }

    #[test]
    fn what_does_not_fit_into_a_request_is_refused() {
        let address = "127.0.0.1:1".parse().unwrap();
        let endpoint = || Endpoint::at(address, "", None).unwrap();
        assert!(matches!(
            Endpoint::new(address, "a b", "", None),
            Err(EndpointError::Authority { .. })
        ));
        assert!(matches!(
            Endpoint::at(address, &"s".repeat(5000), None),
            Err(EndpointError::Service(5000))
        ));
        assert!(matches!(
            endpoint().with_metadata("a", &"b".repeat(16_000)),
            Err(EndpointError::Head(_))
        ));
        assert!(endpoint().with_user_agent("a\nb").is_err());
        assert!(endpoint().with_metadata("a b", "c").is_err());
        assert!(endpoint().with_metadata("a", "b\r\nc: d").is_err());
    }

    #[test]
    fn the_cap_is_never_below_the_budget() {
        for seconds in [0, 1, 5, 60] {
            let limits = Limits::of_budget(Duration::from_secs(seconds));
            assert!(limits.cap >= limits.budget.max(Limits::DEFAULT_CAP));
        }
    }
}
