//! A connection that one asks about: always a new one (rules 25 and 26).

use core::net::IpAddr;
use std::fmt;

use crate::address::Family;
use crate::policy::{ObjectKey, Protocol};

/// A new connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// Who dials.
    pub source: Endpoint,
    /// Who is dialled: behind a Service the pod, not the Service.
    pub destination: Endpoint,
    /// What it speaks.
    pub protocol: Protocol,
    /// The port of the destination itself: behind a Service the target port (rule 23).
    pub port: u16,
    /// How it gets there.
    pub route: Route,
    /// Over which family; over any that both have, if nothing is said (rule 14).
    pub family: Option<Family>,
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// A pod.
    Pod(ObjectKey),
    /// An address outside the cluster.
    Address(IpAddr),
    /// A node itself, such as its kubelet.
    Node(String),
}

/// How a connection gets to its destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Route {
    /// To the destination's own address.
    #[default]
    Direct,
    /// By way of a Service of the cluster, with this address if it has one.
    Service(Option<IpAddr>),
    /// From outside, by way of a load balancer or a node's port (rule 24).
    LoadBalancer,
}

// === impl Query ===

impl Query {
    /// A TCP connection to a pod's own port.
    pub fn tcp(source: Endpoint, destination: Endpoint, port: u16) -> Self {
        Self {
            source,
            destination,
            protocol: Protocol::Tcp,
            port,
            route: Route::Direct,
            family: None,
        }
    }
}

impl fmt::Display for Query {
    /// `sre-demo/a -> sre-demo/b TCP 80`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} -> {} {} {}",
            self.source, self.destination, self.protocol, self.port
        )
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// The pod of this name in this namespace.
    pub fn pod(namespace: &str, name: &str) -> Self {
        Self::Pod(ObjectKey::new(namespace, name))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(key) => write!(formatter, "{key}"),
            Self::Address(address) => write!(formatter, "{address}"),
            Self::Node(name) => write!(formatter, "node {name}"),
        }
    }
}
