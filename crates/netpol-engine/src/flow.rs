//! What an application needs: flows from a workload to a Service, a workload or an address, and what the policies make of
//! each.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

use crate::address::Family;
use crate::cluster::{Cluster, Pod};
use crate::policy::{ObjectKey, Protocol};
use crate::query::{Endpoint, Query, Route};
use crate::verdict::{Reasons, Verdict};

mod written;

pub use written::{FlowProblem, OneOrMany, WrittenFlow, WrittenFlows};

/// Whom a flow from outside stands for, if it names nobody: an address of documentation (RFC 5737, RFC 3849).
const OUTSIDE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
const OUTSIDE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// A connection that an application needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// Who dials.
    pub source: FlowSource,
    /// What is dialled.
    pub target: FlowTarget,
    /// On which port: a Service's own, not its pods'.
    pub port: u16,
    /// Over what.
    pub protocol: Protocol,
    /// What is spoken on it (`grpc`, `http`, `tcp`, `dns`), for whoever tries it out.
    pub kind: Option<String>,
    /// Whether the application does without.
    pub soft: bool,
    /// Who says so.
    pub origin: Origin,
}

/// Who says that an application needs a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// Somebody wrote it down.
    Written,
    /// A workload's environment names it.
    Inferred,
    /// An agent saw the application dial it.
    Learnt,
}

/// Who dials.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlowSource {
    /// The replicas of a workload.
    Workload(ObjectKey),
    /// Somebody outside: this address, or any.
    Outside(Option<IpAddr>),
}

/// What is dialled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlowTarget {
    /// A Service.
    Service(ObjectKey),
    /// The replicas of a workload, by their own addresses.
    Workload(ObjectKey),
    /// An address outside.
    Address(IpAddr),
}

/// What the policies make of a flow, with each pair of replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowVerdict {
    /// All of it together.
    pub state: FlowState,
    /// Each pair.
    pub edges: Vec<(Query, Verdict)>,
}

/// What the policies make of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// Every pair is allowed.
    Allowed,
    /// At least one is denied.
    Blocked,
    /// None is denied, and at least one is undefined.
    Undefined(Reasons),
    /// Nobody dials.
    SourceAbsent,
    /// There is nothing to dial: not the policies' fault.
    TargetAbsent(Missing),
}

/// What there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The Service.
    Service,
    /// The port, in the Service.
    ServicePort,
    /// Pods: behind the Service, or of the workload.
    Pods,
    /// The port that the Service leads to by name, on any pod.
    TargetPort,
}

// === impl Origin ===

impl Origin {
    /// The name, as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Inferred => "inferred",
            Self::Learnt => "learnt",
        }
    }
}

// === impl FlowSource, FlowTarget ===

impl fmt::Display for FlowSource {
    /// `sre-demo/a`, or `external`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(key) => write!(formatter, "{key}"),
            Self::Outside(None) => formatter.write_str("external"),
            Self::Outside(Some(address)) => write!(formatter, "{address}"),
        }
    }
}

impl fmt::Display for FlowTarget {
    /// `svc/b.sre-demo`, as in a file of flows.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(key) => write!(formatter, "svc/{}.{}", key.name, key.namespace),
            Self::Workload(key) => write!(formatter, "workload/{}.{}", key.name, key.namespace),
            Self::Address(address @ IpAddr::V4(_)) => write!(formatter, "address/{address}"),
            Self::Address(address) => write!(formatter, "address/[{address}]"),
        }
    }
}

impl fmt::Display for Flow {
    /// `sre-demo/a -> svc/b.sre-demo:80 TCP`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, target) = (&self.source, &self.target);
        write!(
            formatter,
            "{source} -> {target}:{} {}",
            self.port, self.protocol
        )
    }
}

// === impl Missing ===

impl Missing {
    /// The sentence.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Service => "there is no such Service",
            Self::ServicePort => "the Service has no such port",
            Self::Pods => "there are no pods to dial",
            Self::TargetPort => "the Service leads to a port by a name that no pod behind it has",
        }
    }
}

// === impl Flow ===

impl Flow {
    /// The namespaces of its ends: what happens in others does not change what becomes of it.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        let source = match &self.source {
            FlowSource::Workload(key) => Some(key),
            FlowSource::Outside(_) => None,
        };
        let target = match &self.target {
            FlowTarget::Service(key) | FlowTarget::Workload(key) => Some(key),
            FlowTarget::Address(_) => None,
        };
        source
            .into_iter()
            .chain(target)
            .map(|key| key.namespace.as_str())
    }

    /// What the policies make of it, given what they make of a connection.
    pub fn judge(
        &self,
        cluster: &Cluster,
        mut verdict: impl FnMut(&Query) -> Verdict,
    ) -> FlowVerdict {
        let queries = match self.queries(cluster) {
            Ok(queries) => queries,
            Err(missing) => {
                return FlowVerdict {
                    state: FlowState::TargetAbsent(missing),
                    edges: Vec::new(),
                };
            }
        };
        if queries.is_empty() {
            return FlowVerdict {
                state: FlowState::SourceAbsent,
                edges: Vec::new(),
            };
        }
        let edges: Vec<_> = queries
            .into_iter()
            .map(|query| {
                let answer = verdict(&query);
                (query, answer)
            })
            .collect();
        let mut open = None::<Reasons>;
        let mut blocked = false;
        for (_, verdict) in &edges {
            match verdict {
                Verdict::Allowed => {}
                Verdict::Denied => blocked = true,
                Verdict::Undefined(reasons) => {
                    open = Some(open.unwrap_or_default().and(*reasons));
                }
            }
        }
        let state = match (blocked, open) {
            (true, _) => FlowState::Blocked,
            (false, Some(reasons)) => FlowState::Undefined(reasons),
            (false, None) => FlowState::Allowed,
        };
        FlowVerdict { state, edges }
    }

    /// Every connection that it stands for: each replica to each replica, on the pod's own port (rule 23).
    pub fn queries(&self, cluster: &Cluster) -> Result<Vec<Query>, Missing> {
        let targets = self.targets(cluster)?;
        let mut queries = Vec::new();
        for target in &targets {
            for source in self.sources(cluster, target) {
                queries.push(Query {
                    route: self.route(&source, target),
                    source,
                    destination: target.endpoint.clone(),
                    protocol: self.protocol,
                    port: target.port,
                    family: None,
                });
            }
        }
        Ok(queries)
    }

    fn sources(&self, cluster: &Cluster, target: &Destination) -> Vec<Endpoint> {
        match &self.source {
            FlowSource::Outside(Some(address)) => vec![Endpoint::Address(*address)],
            FlowSource::Outside(None) if target.only_v6 => vec![Endpoint::Address(OUTSIDE_V6)],
            FlowSource::Outside(None) => vec![Endpoint::Address(OUTSIDE_V4)],
            FlowSource::Workload(workload) => replicas(cluster, workload)
                .map(|pod| Endpoint::Pod(pod.key.clone()))
                .collect(),
        }
    }

    fn route(&self, source: &Endpoint, target: &Destination) -> Route {
        match (&self.target, source) {
            (FlowTarget::Service(_), Endpoint::Pod(_)) => Route::Service(target.service),
            (FlowTarget::Service(_), _) => Route::LoadBalancer,
            _ => Route::Direct,
        }
    }

    fn targets(&self, cluster: &Cluster) -> Result<Vec<Destination>, Missing> {
        let of = |pod: &Pod, port, service| Destination {
            endpoint: Endpoint::Pod(pod.key.clone()),
            port,
            service,
            only_v6: pod.address(Family::V4).is_none() && pod.address(Family::V6).is_some(),
        };
        let targets: Vec<_> = match &self.target {
            FlowTarget::Address(address) => vec![Destination {
                endpoint: Endpoint::Address(*address),
                port: self.port,
                service: None,
                only_v6: address.is_ipv6(),
            }],
            FlowTarget::Workload(workload) => replicas(cluster, workload)
                .map(|pod| of(pod, self.port, None))
                .collect(),
            FlowTarget::Service(key) => {
                let service = cluster.services.get(key).ok_or(Missing::Service)?;
                let mut ports = service.ports.iter();
                if !ports.any(|it| it.number == self.port && it.protocol == self.protocol) {
                    return Err(Missing::ServicePort);
                }
                let pods: Vec<_> = cluster.behind(service).collect();
                let address = service.addresses.first().copied();
                let targets: Vec<_> = pods
                    .iter()
                    .filter_map(|pod| {
                        let port = service.target(self.protocol, self.port, pod)?;
                        Some(of(pod, port, address))
                    })
                    .collect();
                if targets.is_empty() && !pods.is_empty() {
                    return Err(Missing::TargetPort);
                }
                targets
            }
        };
        if targets.is_empty() {
            return Err(Missing::Pods);
        }
        Ok(targets)
    }
}

/// What a flow leads to in the end.
struct Destination {
    endpoint: Endpoint,
    port: u16,
    service: Option<IpAddr>,
    only_v6: bool,
}

fn replicas<'a>(cluster: &'a Cluster, workload: &'a ObjectKey) -> impl Iterator<Item = &'a Pod> {
    cluster
        .pods_of(&workload.namespace)
        .filter(move |pod| !pod.finished && pod.workload == workload.name)
}
