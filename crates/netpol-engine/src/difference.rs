//! Two sets of policies, compared: the edges between workloads that one allows and the other does not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::Hash;

use core::net::{IpAddr, Ipv4Addr};

use crate::address::Family;
use crate::cluster::{Cluster, Pod};
use crate::matrix::Matrix;
use crate::policy::{ObjectKey, Protocol};
use crate::query::{Endpoint, Query, Route};
use crate::verdict::Verdict;

/// Stands for everything outside: an address of documentation (RFC 5737).
const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

/// What has changed between two sets of policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Edges that were allowed and are denied now.
    pub lost: Vec<Edge>,
    /// Edges that were denied and are allowed now.
    pub gained: Vec<Edge>,
    /// Edges that were undefined, or are now.
    pub unclear: Vec<Edge>,
}

/// Some pod of one workload may dial some pod of another on these ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Who dials.
    pub source: EdgeEnd,
    /// Who is dialled.
    pub destination: EdgeEnd,
    /// Over what.
    pub protocol: Protocol,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

/// One end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeEnd {
    /// The replicas of a workload.
    Workload(ObjectKey),
    /// Somebody outside.
    Outside,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Lost,
    Gained,
    Unclear,
}

/// What an edge has become, its ends, and over what.
type Changed = (Kind, EdgeEnd, EdgeEnd, Protocol);

/// What has changed from one to the other. Pods that only one of them has are left out: it is the policies that are
/// compared.
pub fn difference(before: &Matrix, after: &Matrix) -> Difference {
    let ends = ends(before, after);
    let mut stretches: BTreeMap<Changed, Vec<(u16, u16)>> = BTreeMap::new();
    for (protocol, first, last) in stretches_of_ports(before, after) {
        let mut seen = BTreeSet::new();
        for (source_name, source) in &ends {
            for (destination_name, destination) in &ends {
                if source == destination {
                    continue;
                }
                let query = Query {
                    source: source.clone(),
                    destination: destination.clone(),
                    protocol,
                    port: first,
                    route: Route::Direct,
                    family: None,
                };
                let kind = match (before.verdict(&query), after.verdict(&query)) {
                    (was, is) if was == is => continue,
                    (Verdict::Allowed, Verdict::Denied) => Kind::Lost,
                    (Verdict::Denied, Verdict::Allowed) => Kind::Gained,
                    _ => Kind::Unclear,
                };
                seen.insert((
                    kind,
                    source_name.clone(),
                    destination_name.clone(),
                    protocol,
                ));
            }
        }
        for edge in seen {
            let found = stretches.entry(edge).or_default();
            match found.last_mut() {
                Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
                _ => found.push((first, last)),
            }
        }
    }
    let mut difference = Difference::default();
    for ((kind, source, destination, protocol), found) in stretches {
        let list = match kind {
            Kind::Lost => &mut difference.lost,
            Kind::Gained => &mut difference.gained,
            Kind::Unclear => &mut difference.unclear,
        };
        list.extend(found.into_iter().map(|(first, last)| Edge {
            source: source.clone(),
            destination: destination.clone(),
            protocol,
            first,
            last,
        }));
    }
    difference
}

/// Pods to ask for, and one address outside.
fn ends(before: &Matrix, after: &Matrix) -> Vec<(EdgeEnd, Endpoint)> {
    let kind = |pod: &ObjectKey| before.kind(pod).zip(after.kind(pod));
    let pods = two_of_each_kind(before.cluster(), kind);
    let mut ends: Vec<_> = pods
        .into_iter()
        .map(|(workload, pod)| (EdgeEnd::Workload(workload), Endpoint::Pod(pod)))
        .collect();
    // What is not placed yet, as in a folder of manifests, may get an address of any family.
    let may_have_v4 = |pod: &Pod| pod.addresses.is_empty() || pod.address(Family::V4).is_some();
    if before.cluster().pods.values().any(may_have_v4) {
        ends.push((EdgeEnd::Outside, Endpoint::Address(OUTSIDE)));
    }
    ends
}

/// Of each workload two pods of each kind that policies can tell apart, so that replicas are seen talking to each other;
/// each with its workload. Pods without a kind have no network.
fn two_of_each_kind<K: Eq + Hash>(
    cluster: &Cluster,
    kind: impl Fn(&ObjectKey) -> Option<K>,
) -> Vec<(ObjectKey, ObjectKey)> {
    let mut counts: HashMap<(K, &str, &str), usize> = HashMap::new();
    let mut pods = Vec::new();
    for (key, pod) in &cluster.pods {
        let Some(kind) = kind(key) else {
            continue;
        };
        let count = counts
            .entry((kind, &key.namespace, &pod.workload))
            .or_default();
        *count += 1;
        if *count <= 2 {
            pods.push((ObjectKey::new(&key.namespace, &pod.workload), key.clone()));
        }
    }
    pods
}

/// Stretches of ports on which neither set of policies changes its mind.
fn stretches_of_ports(before: &Matrix, after: &Matrix) -> Vec<(Protocol, u16, u16)> {
    let mut stretches = Vec::new();
    for protocol in Protocol::DEFINED {
        let mut cuts: Vec<u16> = before.cuts(protocol);
        cuts.extend(after.cuts(protocol));
        cuts.sort_unstable();
        cuts.dedup();
        for (at, first) in cuts.iter().enumerate() {
            let last = cuts.get(at + 1).map_or(u16::MAX, |next| next - 1);
            stretches.push((protocol, *first, last));
        }
    }
    stretches
}

// === impl Matrix ===

impl Matrix {
    /// Pods that stand for all: of each workload two of each kind that policies can tell apart, each as (workload, pod).
    pub fn representatives(&self) -> Vec<(ObjectKey, ObjectKey)> {
        two_of_each_kind(self.cluster(), |pod| self.kind(pod))
    }
}

// === impl Difference ===

impl Difference {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.gained.is_empty() && self.unclear.is_empty()
    }
}

impl fmt::Display for EdgeEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(key) => write!(formatter, "{key}"),
            Self::Outside => formatter.write_str("external"),
        }
    }
}

impl fmt::Display for Edge {
    /// `sre-demo/a -> sre-demo/b TCP 80-81`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            destination,
            protocol,
            first,
            last,
        } = self;
        write!(formatter, "{source} -> {destination} {protocol} ")?;
        match (first, last) {
            (0, &u16::MAX) => formatter.write_str("every port"),
            (first, last) if first == last => write!(formatter, "{first}"),
            (first, last) => write!(formatter, "{first}-{last}"),
        }
    }
}
