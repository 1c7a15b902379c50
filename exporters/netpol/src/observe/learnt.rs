//! Whom applications were seen dialling by the agents beside them: flows that somebody may want to require.
//!
//! ```text
//! reports ─> waiting: which workload, which address ─> the Service or pods that have it ─> flows
//! ```
//! An address is looked up as soon as there is time, for it may be another's tomorrow. Names come from the model alone: whoever reports can make
//! up addresses, and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use netpol_engine::{
    Cluster, Flow, FlowSource, FlowTarget, ObjectKey, Origin, Pod, Protocol, Service,
};
use reach::{Peer, is_elsewhere};

use super::Who;
use crate::model::Model;

/// Peers that wait to be looked up, at most: a quarter of a second's worth of many agents.
const MOST_WAITING: usize = 10_000;
/// Flows of all workloads together.
const MOST: usize = 5_000;
/// Flows of one workload.
const MOST_OF_ONE: usize = 100;
/// Of these, to addresses of nobody here: what is behind a name outside may change with each look.
const MOST_ADDRESSES: usize = 20;

/// What was learnt.
#[derive(Clone, Debug, Default)]
pub struct Learnt {
    waiting: Vec<Waiting>,
    flows: BTreeMap<ObjectKey, BTreeMap<Target, Seen>>,
    /// All of them together.
    count: usize,
    dropped: BTreeMap<Unlearnt, u64>,
    revision: u64,
}

/// What was dialled, and on which port: a Service's own.
type Target = (FlowTarget, u16);

/// A peer that was not looked up yet.
#[derive(Clone, Debug)]
struct Waiting {
    source: ObjectKey,
    address: SocketAddr,
    seen: Seen,
}

/// How a flow was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether it ever came through.
    pub connected: bool,
    /// When last, since the epoch.
    pub last: Duration,
}

/// Why a peer teaches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unlearnt {
    /// An agent on a node says so: it sees no pod's connections.
    NotItsOwn,
    /// The pod is on its node's network, where everybody's connections are.
    HostNetwork,
    /// The address is everybody's or nobody's.
    Nobody,
    /// There are too many others.
    TooMany,
}

// === impl Learnt ===

impl Learnt {
    /// What an agent says that its pod dials.
    pub(super) fn hear(&mut self, who: &Who, peers: &[Peer], model: &Model, now: Duration) {
        let pod = match who {
            Who::Pod(key) => model.cluster().pods.get(key),
            Who::Node(_) => None,
        };
        for peer in peers {
            let waiting = match pod {
                None => Err(Unlearnt::NotItsOwn),
                Some(pod) if pod.host_network => Err(Unlearnt::HostNetwork),
                Some(_) if !is_elsewhere(peer.address) => Err(Unlearnt::Nobody),
                Some(_) if self.waiting.len() >= MOST_WAITING => Err(Unlearnt::TooMany),
                Some(pod) => Ok(Waiting {
                    source: ObjectKey::new(&pod.key.namespace, &pod.workload),
                    address: canonical(peer.address),
                    seen: Seen {
                        connected: peer.connected,
                        last: now.saturating_sub(peer.age()),
                    },
                }),
            };
            match waiting {
                Ok(waiting) => self.waiting.push(waiting),
                Err(why) => self.drop(why),
            }
        }
    }

    /// Looks up whatever waits.
    pub(super) fn settle(&mut self, cluster: &Cluster) {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return;
        }
        let wanted: BTreeSet<IpAddr> = waiting.iter().map(|it| it.address.ip()).collect();
        let holders = holders(cluster, &wanted);
        for Waiting {
            source,
            address,
            seen,
        } in waiting
        {
            let (host, port) = (address.ip(), address.port());
            let target = match holders.get(&host) {
                Some(Holder::Service(service)) => (FlowTarget::Service(service.key.clone()), port),
                Some(Holder::Pod(pod)) => behind(cluster, pod, port),
                None => (FlowTarget::Address(host), port),
            };
            self.learn(source, target, seen);
        }
    }

    fn learn(&mut self, source: ObjectKey, target: Target, seen: Seen) {
        let is_full = self.count >= MOST;
        let of_one = self.flows.entry(source).or_default();
        if let Some(known) = of_one.get_mut(&target) {
            self.revision += u64::from(seen.connected && !known.connected);
            known.connected |= seen.connected;
            known.last = known.last.max(seen.last);
            return;
        }
        let is_address = |target: &FlowTarget| matches!(target, FlowTarget::Address(_));
        let addresses = of_one.keys().filter(|(it, _)| is_address(it)).count();
        if is_full
            || of_one.len() >= MOST_OF_ONE
            || is_address(&target.0) && addresses >= MOST_ADDRESSES
        {
            self.drop(Unlearnt::TooMany);
            return;
        }
        of_one.insert(target, seen);
        self.count += 1;
        self.revision += 1;
    }

    fn drop(&mut self, why: Unlearnt) {
        *self.dropped.entry(why).or_default() += 1;
    }

    /// Each flow, and how it was seen, by workload.
    pub fn flows(&self) -> impl Iterator<Item = (Flow, Seen)> {
        self.flows.iter().flat_map(|(source, targets)| {
            let flow = move |((target, port), seen): (&Target, &Seen)| {
                (flow(source, target, *port), *seen)
            };
            targets.iter().map(flow)
        })
    }

    /// Those that may be required without anybody having read them: they have come through, and lead to an object. Who is
    /// dialled outside is traffic's to say, and is to be no label.
    pub fn to_require(&self) -> Vec<Flow> {
        let fit = self.flows().filter(|(flow, seen)| {
            seen.connected && !matches!(flow.target, FlowTarget::Address(_))
        });
        fit.map(|(flow, _)| flow).collect()
    }

    /// Another number when there are other flows, or other ones that may be required.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many flows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing was learnt.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Peers that taught nothing, by why.
    pub fn dropped(&self) -> &BTreeMap<Unlearnt, u64> {
        &self.dropped
    }
}

/// The application does without, as far as anybody has said.
fn flow(source: &ObjectKey, target: &FlowTarget, port: u16) -> Flow {
    Flow {
        source: FlowSource::Workload(source.clone()),
        target: target.clone(),
        port,
        protocol: Protocol::Tcp,
        kind: None,
        soft: true,
        origin: Origin::Learnt,
    }
}

/// Whose an address is.
enum Holder<'a> {
    Service(&'a Service),
    Pod(&'a Pod),
}

/// One pass over everything, for any number of addresses. On the host's network an address is its node's, and no pod's.
fn holders<'a>(cluster: &'a Cluster, wanted: &BTreeSet<IpAddr>) -> HashMap<IpAddr, Holder<'a>> {
    let mut holders = HashMap::new();
    let pods = cluster.pods.values();
    for pod in pods.filter(|it| !it.finished && !it.host_network) {
        for address in pod.addresses.iter().map(IpAddr::to_canonical) {
            if wanted.contains(&address) {
                holders.insert(address, Holder::Pod(pod));
            }
        }
    }
    for service in cluster.services.values() {
        for address in service.addresses.iter().map(IpAddr::to_canonical) {
            if wanted.contains(&address) {
                holders.insert(address, Holder::Service(service));
            }
        }
    }
    holders
}

/// What somebody meant who dialled a pod: the one headless Service that leads there, as its name gives pods' own addresses; or else
/// the workload.
fn behind(cluster: &Cluster, pod: &Pod, port: u16) -> Target {
    let services = cluster.services_of(&pod.key.namespace);
    let headless = services.filter(|it| it.addresses.is_empty() && it.leads_to(pod));
    let mut leading = headless.filter_map(|service| {
        let tcp = service
            .ports
            .iter()
            .filter(|it| it.protocol == Protocol::Tcp);
        let mut ports = tcp.map(|it| it.number);
        // A headless Service translates nothing: the port that is dialled is the pod's.
        ports
            .find(|number| service.target(Protocol::Tcp, *number, pod) == Some(port))
            .map(|number| (FlowTarget::Service(service.key.clone()), number))
    });
    if let (Some(one), None) = (leading.next(), leading.next()) {
        return one;
    }
    let workload = ObjectKey::new(&pod.key.namespace, &pod.workload);
    (FlowTarget::Workload(workload), port)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

// === impl Unlearnt ===

impl Unlearnt {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::NotItsOwn,
        Self::HostNetwork,
        Self::Nobody,
        Self::TooMany,
    ];

    /// The name, as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotItsOwn => "not_its_own",
            Self::HostNetwork => "host_network",
            Self::Nobody => "nobody",
            Self::TooMany => "too_many",
        }
    }
}

#[cfg(test)]
mod tests;
