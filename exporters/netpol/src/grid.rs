//! All workloads beside each other: for each pair, and each port that somebody listens on, whether one may dial the other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use netpol_engine::{
    EdgeEnd, Endpoint, Flow, FlowSource, Matrix, ObjectKey, Protocol, Query, Route, Verdict,
};

use crate::model::Model;

/// Stands for everybody outside: an address of documentation (RFC 5737).
pub(crate) const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

/// All workloads beside each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// Who dials: every workload, and everybody outside.
    pub sources: Vec<EdgeEnd>,
    /// Who is dialled: every workload that listens on something.
    pub destinations: Vec<Destination>,
    /// A row a source, a cell a destination.
    pub rows: Vec<Vec<Cell>>,
}

/// Who is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The workload.
    pub workload: ObjectKey,
    /// What it listens on: the ports that its containers declare, and those that Services lead to.
    pub ports: Vec<(Protocol, u16)>,
}

/// What becomes of one workload's calls to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Each port of the destination.
    pub ports: Vec<Port>,
}

/// What becomes of calls to one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Over what.
    pub protocol: Protocol,
    /// The pod's own port.
    pub number: u16,
    /// What the policies say.
    pub shade: Shade,
    /// Whether the application needs it.
    pub required: bool,
}

/// What the policies say of all pairs of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shade {
    /// Each is allowed.
    Allowed,
    /// Some are, and some are denied.
    Mixed,
    /// Each is denied.
    Denied,
    /// Some are undefined.
    Undefined,
}

type Ports = BTreeMap<ObjectKey, BTreeSet<(Protocol, u16)>>;

// === impl Grid ===

impl Grid {
    /// Everything that is in a model.
    pub fn new(model: &Model) -> Self {
        let matrix = model.matrix();
        let ends = matrix.representatives();
        let mut replicas: BTreeMap<EdgeEnd, Vec<Endpoint>> = BTreeMap::new();
        for (workload, pod) in ends {
            let end = EdgeEnd::Workload(workload);
            replicas.entry(end).or_default().push(Endpoint::Pod(pod));
        }
        replicas.insert(EdgeEnd::Outside, vec![Endpoint::Address(OUTSIDE)]);
        let destinations: Vec<Destination> = listening(model)
            .into_iter()
            .map(|(workload, ports)| Destination {
                workload,
                ports: ports.into_iter().collect(),
            })
            .collect();
        let required = required(model);
        let rows = replicas.iter().map(|(source, dialling)| {
            let cells = destinations.iter().map(|destination| {
                let end = EdgeEnd::Workload(destination.workload.clone());
                let dialled = replicas.get(&end).map_or(&[][..], Vec::as_slice);
                let ports = destination.ports.iter().map(|(protocol, number)| Port {
                    protocol: *protocol,
                    number: *number,
                    shade: shade(matrix, dialling, dialled, *protocol, *number),
                    required: required.contains(&(source.clone(), end.clone(), *protocol, *number)),
                });
                Cell {
                    ports: ports.collect(),
                }
            });
            cells.collect()
        });
        Self {
            rows: rows.collect(),
            sources: replicas.into_keys().collect(),
            destinations,
        }
    }

    /// Each cell with its source and its destination.
    pub fn cells(&self) -> impl Iterator<Item = (&EdgeEnd, &Destination, &Cell)> {
        let rows = self.sources.iter().zip(&self.rows);
        rows.flat_map(|(source, row)| {
            let cells = self.destinations.iter().zip(row);
            cells.map(move |(destination, cell)| (source, destination, cell))
        })
    }
}

// === impl Cell ===

impl Cell {
    /// All ports together; nothing if there are none.
    pub fn shade(&self) -> Option<Shade> {
        let mut shades = self.ports.iter().map(|it| it.shade);
        let first = shades.next()?;
        Some(shades.fold(first, Shade::beside))
    }

    /// Whether the application needs any of it.
    pub fn is_required(&self) -> bool {
        self.ports.iter().any(|it| it.required)
    }

    /// Whether the application needs something that is not allowed.
    pub fn is_broken(&self) -> bool {
        let mut ports = self.ports.iter();
        ports.any(|it| it.required && it.shade != Shade::Allowed)
    }
}

// === impl Shade ===

impl Shade {
    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Mixed => "mixed",
            Self::Denied => "denied",
            Self::Undefined => "undefined",
        }
    }

    const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allowed => Self::Allowed,
            Verdict::Denied => Self::Denied,
            Verdict::Undefined(_) => Self::Undefined,
        }
    }

    fn beside(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            (Self::Undefined, _) | (_, Self::Undefined) => Self::Undefined,
            _ => Self::Mixed,
        }
    }
}

/// What each workload listens on.
fn listening(model: &Model) -> Ports {
    let mut ports = Ports::new();
    let cluster = model.cluster();
    for (key, pod) in cluster.pods.iter().filter(|(_, pod)| !pod.finished) {
        let workload = ObjectKey::new(&key.namespace, &pod.workload);
        let listens = model.listens(key);
        if !listens.is_empty() {
            ports.entry(workload).or_default().extend(listens);
        }
    }
    for service in cluster.services.values() {
        for pod in cluster.behind(service) {
            let workload = ObjectKey::new(&pod.key.namespace, &pod.workload);
            for port in &service.ports {
                if let Some(target) = service.target(port.protocol, port.number, pod) {
                    let ports = ports.entry(workload.clone()).or_default();
                    ports.insert((port.protocol, target));
                }
            }
        }
    }
    ports
}

/// The edges that the required flows are.
fn required(model: &Model) -> BTreeSet<(EdgeEnd, EdgeEnd, Protocol, u16)> {
    let mut edges = BTreeSet::new();
    let workload = |endpoint: &Endpoint| match endpoint {
        Endpoint::Pod(key) => {
            let pod = model.cluster().pods.get(key)?;
            let workload = ObjectKey::new(&key.namespace, &pod.workload);
            Some(EdgeEnd::Workload(workload))
        }
        Endpoint::Address(_) | Endpoint::Node(_) => None,
    };
    for flow in model.required().iter() {
        let source = source(flow);
        for query in flow.queries(model.cluster()).unwrap_or_default() {
            if let Some(destination) = workload(&query.destination) {
                edges.insert((source.clone(), destination, query.protocol, query.port));
            }
        }
    }
    edges
}

fn source(flow: &Flow) -> EdgeEnd {
    match &flow.source {
        FlowSource::Workload(key) => EdgeEnd::Workload(key.clone()),
        FlowSource::Outside(_) => EdgeEnd::Outside,
    }
}

fn shade(
    matrix: &Matrix,
    dialling: &[Endpoint],
    dialled: &[Endpoint],
    protocol: Protocol,
    port: u16,
) -> Shade {
    let pairs = dialling
        .iter()
        .flat_map(|source| dialled.iter().map(move |it| (source, it)));
    // What a pod says to itself no policy decides (rule 19); it is all that one replica can say to its workload.
    let mut others = pairs.clone().filter(|(source, it)| source != it).peekable();
    let of = |(source, destination): (&Endpoint, &Endpoint)| {
        Shade::of(matrix.verdict(&Query {
            source: source.clone(),
            destination: destination.clone(),
            protocol,
            port,
            route: Route::Direct,
            family: None,
        }))
    };
    let shades = if others.peek().is_some() {
        others.map(of).reduce(Shade::beside)
    } else {
        pairs.map(of).reduce(Shade::beside)
    };
    shades.unwrap_or(Shade::Undefined)
}
