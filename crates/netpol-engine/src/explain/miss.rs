//! By what a rule misses.

use std::fmt;

use crate::cluster::{Cluster, Pod};
use crate::label::{Labels, Requirement, Selector};
use crate::naive::{Match, Side, Traffic};
use crate::policy::{Namespaces, ObjectKey, Peer, PortRule, Ports, Protocol};

/// One thing by which a rule misses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The policy is for other pods.
    Subject {
        /// What it asks.
        requirement: Requirement,
        /// What the pod has.
        found: Option<String>,
    },
    /// The rule is for other ports.
    Port {
        /// Which ports it names.
        named: Vec<PortRule>,
        /// The port of the connection.
        port: u16,
        /// The Service whose own port the rule names: policies see the pod's (rule 23).
        service: Option<(ObjectKey, u16)>,
    },
    /// The port is right, and the protocol is not.
    Protocol {
        /// Which ports the rule names.
        named: Vec<PortRule>,
        /// The protocol of the connection.
        protocol: Protocol,
    },
    /// The rule names a port as the destination does not, or not for this number (rule 10).
    PortName {
        /// The name.
        name: String,
        /// The number that goes by it there.
        found: Option<u16>,
        /// The port of the connection.
        port: u16,
    },
    /// The peer is asked for another label.
    PodLabel {
        /// What is asked.
        requirement: Requirement,
        /// What the pod has.
        found: Option<String>,
    },
    /// The peer's namespace is asked for another label.
    NamespaceLabel {
        /// What is asked.
        requirement: Requirement,
        /// What the namespace has.
        found: Option<String>,
    },
    /// The rule is for pods of the policy's own namespace: it has no `namespaceSelector` (rule 2).
    OtherNamespace {
        /// The policy's.
        own: String,
        /// The peer's.
        found: String,
    },
    /// The rule is for pods, and the peer is none, or is not seen as one (rules 3 and 22).
    NoPod,
    /// The address is not in the block, or is taken out of it, or is not seen (rule 12).
    Address {
        /// The block.
        block: String,
    },
}

pub(super) fn of_labels(
    selector: &Selector,
    labels: &Labels,
    miss: impl Fn(Requirement, Option<String>) -> Miss,
) -> Vec<Miss> {
    let failing = selector.requirements().iter();
    failing
        .filter(|it| !it.matches(labels))
        .map(|it| miss(it.clone(), labels.get(&it.key).cloned()))
        .collect()
}

pub(super) fn of_peer(
    traffic: &Traffic<'_>,
    peer: &Peer,
    namespace: &str,
    side: &Side<'_>,
) -> Vec<Miss> {
    if traffic.peer(peer, namespace, side) == Match::Yes {
        return Vec::new();
    }
    let Peer::Pods(pods) = peer else {
        let block = peer.to_string();
        return vec![Miss::Address { block }];
    };
    let Some(pod) = side.pod.filter(|pod| traffic.world.selects(pod)) else {
        // Farther away than a label: another kind of peer is needed.
        return vec![Miss::NoPod; 2];
    };
    let mut misses = match &pods.namespaces {
        Namespaces::Own if pod.key.namespace != namespace => vec![Miss::OtherNamespace {
            own: namespace.to_owned(),
            found: pod.key.namespace.clone(),
        }],
        Namespaces::Own => Vec::new(),
        Namespaces::Matching(selector) => of_labels(selector, &side.namespace, |it, found| {
            Miss::NamespaceLabel {
                requirement: it,
                found,
            }
        }),
    };
    misses.extend(of_labels(&pods.pods, &pod.labels, |requirement, found| {
        Miss::PodLabel { requirement, found }
    }));
    misses
}

pub(super) fn of_ports(
    cluster: &Cluster,
    traffic: &Traffic<'_>,
    ports: &[PortRule],
) -> Option<Miss> {
    if traffic.ports(ports) == Match::Yes {
        return None;
    }
    let port = traffic.port;
    let in_range = |it: &PortRule, port| match it.ports {
        Ports::All => true,
        Ports::Range(first, last) => (first..=last).contains(&port),
        Ports::Named(_) => false,
    };
    if ports.iter().any(|it| in_range(it, port)) {
        return Some(Miss::Protocol {
            named: ports.to_vec(),
            protocol: traffic.protocol,
        });
    }
    if let [
        PortRule {
            ports: Ports::Named(name),
            ..
        },
    ] = ports
    {
        let pod = traffic.destination;
        let mut found = pod.into_iter().flat_map(|it| &it.ports);
        return Some(Miss::PortName {
            name: name.clone(),
            found: found
                .find(|it| it.name == *name && it.protocol == traffic.protocol)
                .map(|it| it.number),
            port,
        });
    }
    let services = traffic.destination.into_iter();
    let mut services = services.flat_map(|pod| leading_to(cluster, pod, traffic));
    Some(Miss::Port {
        named: ports.to_vec(),
        port,
        service: services
            .find(|(_, own)| *own != port && ports.iter().any(|it| in_range(it, *own))),
    })
}

/// The Services that lead to the port of the connection, each with its own port.
fn leading_to<'a>(
    cluster: &'a Cluster,
    pod: &'a Pod,
    traffic: &Traffic<'_>,
) -> impl Iterator<Item = (ObjectKey, u16)> + 'a {
    let (protocol, port) = (traffic.protocol, traffic.port);
    let services = cluster.services.values();
    let services = services.filter(|it| cluster.behind(it).any(|behind| behind.key == pod.key));
    services.flat_map(move |service| {
        let ports = service.ports.iter().map(|it| it.number);
        ports
            .filter(move |own| service.target(protocol, *own, pod) == Some(port))
            .map(|own| (service.key.clone(), own))
    })
}

impl fmt::Display for Miss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |named: &[PortRule]| {
            let all: Vec<_> = named.iter().map(ToString::to_string).collect();
            all.join(" or ")
        };
        let has = |found: &Option<String>| match found {
            Some(value) => format!("has {value:?}"),
            None => "has no such label".to_owned(),
        };
        match self {
            Self::Subject { requirement, found } => {
                let has = has(found);
                write!(
                    formatter,
                    "it is for pods with {requirement}, but the pod {has}"
                )
            }
            Self::Port {
                named,
                port,
                service: Some((service, own)),
            } => write!(
                formatter,
                "port {}, but {}'s target port is {port}: {own} is the Service's own, which policies never see",
                list(named),
                service.name
            ),
            Self::Port { named, port, .. } => {
                write!(
                    formatter,
                    "port {}, but the connection's is {port}",
                    list(named)
                )
            }
            Self::Protocol { named, protocol } => write!(
                formatter,
                "port {}, but the connection is {protocol}",
                list(named)
            ),
            Self::PortName {
                name,
                found: Some(found),
                port,
            } => write!(
                formatter,
                "port {name:?}, but the destination's is {found} and not {port}"
            ),
            Self::PortName { name, .. } => {
                write!(
                    formatter,
                    "port {name:?}, but the destination names no port so"
                )
            }
            Self::PodLabel { requirement, found } => {
                let has = has(found);
                write!(formatter, "peer with {requirement}, but the pod {has}")
            }
            Self::NamespaceLabel { requirement, found } => {
                let has = has(found);
                write!(formatter, "namespace with {requirement}, but it {has}")
            }
            Self::OtherNamespace { own, found } => write!(
                formatter,
                "pods of {own} alone, but the peer is in {found}: a namespaceSelector is missing"
            ),
            Self::NoPod => formatter.write_str("peers that are pods, but this one is none"),
            Self::Address { block } => write!(formatter, "{block}, which the address is not in"),
        }
    }
}
