//! One verdict at a time, straight from the rules: slow, and meant to be read. The fast engine is tested against it.

use core::cell::Cell;
use core::net::IpAddr;

use crate::address::{Family, canonical};
use crate::cluster::{Cluster, Pod};
use crate::explain::RulePlace;
use crate::label::Labels;
use crate::policy::{Direction, Protocol};
use crate::profile::{Profile, Questions, World};
use crate::query::{Endpoint, Query, Route};
use crate::tier::Action;
use crate::verdict::{Outcome, Reason, Verdict};

mod matching;
mod tiers;

pub(crate) use matching::{Match, Traffic};

/// One end of a connection, with what the rules ask of it.
#[derive(Clone, Debug)]
pub(crate) struct Side<'a> {
    pub(crate) pod: Option<&'a Pod>,
    /// The labels of the pod's namespace.
    pub(crate) namespace: Labels,
    /// The node that it is, or that it runs on.
    pub(crate) node: Option<&'a str>,
    /// Its address of the family in question.
    pub(crate) address: Option<IpAddr>,
}

/// What the policies of a cluster say about a connection.
pub fn verdict(cluster: &Cluster, profile: &Profile, query: &Query) -> Verdict {
    if query.route == Route::LoadBalancer {
        return through_load_balancer(cluster, profile, query);
    }
    let families = match families(cluster, query) {
        Ok(families) => families,
        Err(reason) => return Verdict::undefined(reason),
    };
    let questions = questions(cluster, query);
    let mut all = Outcome::NEVER;
    let mut in_each_family = Vec::new();
    for family in families {
        let worlds = profile.worlds(questions);
        let outcomes: Vec<_> = worlds
            .iter()
            .map(|world| (*world, outcome(cluster, profile, *world, family, query)))
            .collect();
        let together = across_worlds(&outcomes);
        in_each_family.push(Verdict::from(together));
        all = all.or(together);
    }
    if in_each_family.contains(&Verdict::Allowed) && in_each_family.contains(&Verdict::Denied) {
        all = all.because(Reason::Families);
    }
    all.into()
}

/// The outcome in any of the worlds, and the questions whose answer alone changes it.
pub(crate) fn across_worlds(outcomes: &[(World, Outcome)]) -> Outcome {
    let mut all = Outcome::NEVER;
    for (index, (world, outcome)) in outcomes.iter().enumerate() {
        all = all.or(*outcome);
        for (other_world, other) in &outcomes[..index] {
            let same = (outcome.may_allow, outcome.may_deny) == (other.may_allow, other.may_deny);
            if let (false, Some(reason)) = (same, world.only_difference(*other_world)) {
                all = all.because(reason);
            }
        }
    }
    all
}

/// Rule 24: what the pod sees is the client's address, or that of any node.
fn through_load_balancer(cluster: &Cluster, profile: &Profile, query: &Query) -> Verdict {
    let direct = |source: Endpoint| {
        let query = Query {
            source,
            route: Route::Direct,
            ..query.clone()
        };
        verdict(cluster, profile, &query)
    };
    let kept = direct(query.source.clone());
    // Not as a node: whichever it is, it is not the pod's own.
    let addresses = cluster.nodes.values().flat_map(|node| &node.addresses);
    let mut rewritten = addresses
        .filter(|address| query.family.is_none_or(|it| it == Family::of(**address)))
        .map(|address| direct(Endpoint::Address(*address)))
        .filter(|it| *it != Verdict::undefined(Reason::NoCommonFamily));
    if rewritten.all(|it| it == kept) {
        kept
    } else {
        Verdict::undefined(Reason::LoadBalancer)
    }
}

/// The families over which the connection can be made.
pub(crate) fn families(cluster: &Cluster, query: &Query) -> Result<Vec<Family>, Reason> {
    let source = addresses(cluster, &query.source)?;
    let destination = addresses(cluster, &query.destination)?;
    let both = [Family::V4, Family::V6];
    if let Some(family) = query.family {
        return Ok(vec![family]);
    }
    // A pod without an address may get one of either.
    let has = |addresses: &[IpAddr], family| {
        addresses.is_empty() || addresses.iter().any(|it| Family::of(*it) == family)
    };
    let common: Vec<_> = both
        .into_iter()
        .filter(|family| has(&source, *family) && has(&destination, *family))
        .collect();
    if source.is_empty() && destination.is_empty() {
        return Ok(vec![Family::V4]);
    }
    if common.is_empty() {
        return Err(Reason::NoCommonFamily);
    }
    Ok(common)
}

fn addresses(cluster: &Cluster, endpoint: &Endpoint) -> Result<Vec<IpAddr>, Reason> {
    match endpoint {
        Endpoint::Address(address) => Ok(vec![*address]),
        Endpoint::Node(name) => {
            let node = cluster.nodes.get(name).ok_or(Reason::Absent)?;
            Ok(node.addresses.clone())
        }
        Endpoint::Pod(key) => match cluster.pods.get(key) {
            None => Err(Reason::Absent),
            Some(pod) if pod.finished => Err(Reason::Finished),
            Some(pod) => Ok(pod.addresses.clone()),
        },
    }
}

/// What of the open questions this connection asks.
fn questions(cluster: &Cluster, query: &Query) -> Questions {
    let pod = |endpoint: &Endpoint| match endpoint {
        Endpoint::Pod(key) => cluster.pods.get(key),
        Endpoint::Address(_) | Endpoint::Node(_) => None,
    };
    let (source, destination) = (pod(&query.source), pod(&query.destination));
    let through_service = matches!(query.route, Route::Service(_));
    Questions {
        host_network: [source, destination]
            .into_iter()
            .flatten()
            .any(|it| it.host_network),
        block_on_pod: source.is_some() || destination.is_some(),
        hairpin: through_service && source.is_some() && query.source == query.destination,
        block_on_service: matches!(query.route, Route::Service(Some(_))),
    }
}

pub(crate) fn side<'a>(cluster: &'a Cluster, endpoint: &'a Endpoint, family: Family) -> Side<'a> {
    match endpoint {
        Endpoint::Address(address) => Side {
            pod: None,
            namespace: Labels::new(),
            node: None,
            address: Some(canonical(*address)),
        },
        Endpoint::Node(name) => {
            let node = cluster.nodes.get(name);
            let mut addresses = node.into_iter().flat_map(|it| &it.addresses);
            Side {
                pod: None,
                namespace: Labels::new(),
                node: Some(name),
                address: addresses.find(|it| Family::of(**it) == family).copied(),
            }
        }
        Endpoint::Pod(key) => {
            let pod = cluster.pods.get(key);
            Side {
                pod,
                namespace: cluster.namespace(&key.namespace),
                node: pod.and_then(|it| it.node.as_deref()),
                address: pod.and_then(|it| it.address(family)),
            }
        }
    }
}

/// A connection in one world and over one family.
pub(crate) struct Case<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) source: Side<'a>,
    pub(crate) destination: Side<'a>,
    pub(crate) traffic: Traffic<'a>,
}

/// What decided in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decider {
    /// Nothing has a say: this end is no pod, or its own node is at the other.
    Exempt,
    /// A cluster-wide policy, or nothing.
    ClusterPolicy,
    /// The network policies.
    NetworkPolicies,
}

// === impl Case ===

impl<'a> Case<'a> {
    pub(crate) fn new(
        cluster: &'a Cluster,
        profile: &'a Profile,
        world: World,
        family: Family,
        query: &'a Query,
    ) -> Self {
        let destination = side(cluster, &query.destination, family);
        Self {
            cluster,
            source: side(cluster, &query.source, family),
            traffic: Traffic {
                profile,
                world,
                protocol: query.protocol,
                port: query.port,
                destination: destination.pod,
                service: match query.route {
                    Route::Service(address) => address.filter(|it| Family::of(*it) == family),
                    Route::Direct | Route::LoadBalancer => None,
                },
            },
            destination,
        }
    }

    /// The connection in that world in which it is denied, if there is one: that is what wants explaining.
    pub(crate) fn of(cluster: &'a Cluster, profile: &'a Profile, query: &'a Query) -> Option<Self> {
        let families = families(cluster, query).ok()?;
        let mut first = None;
        for family in families {
            for world in profile.worlds(questions(cluster, query)) {
                let case = Self::new(cluster, profile, world, family, query);
                if outcome(cluster, profile, world, family, query).may_deny {
                    return Some(case);
                }
                first = first.or(Some(case));
            }
        }
        first
    }

    /// What one end's policies say, and which kind of them has decided.
    pub(crate) fn one_direction(&self, direction: Direction) -> (Outcome, Decider) {
        let (subject, peer, exempt) = match direction {
            Direction::Egress => (&self.source, &self.destination, self.is_to_own_node()),
            Direction::Ingress => (&self.destination, &self.source, self.is_from_own_node()),
        };
        if subject.pod.is_none() || exempt {
            return (Outcome::ALLOWED, Decider::Exempt);
        }
        let decider = Cell::new(Decider::ClusterPolicy);
        let after_admin =
            || match network_policies(self.cluster, direction, subject, peer, &self.traffic) {
                Some(outcome) => {
                    decider.set(Decider::NetworkPolicies);
                    outcome
                }
                None => self.tiers(direction).baseline(),
            };
        let outcome = self.tiers(direction).admin(after_admin);
        (outcome, decider.get())
    }

    fn tiers(&self, direction: Direction) -> tiers::Tiers<'_> {
        let (subject, peer) = match direction {
            Direction::Egress => (&self.source, &self.destination),
            Direction::Ingress => (&self.destination, &self.source),
        };
        tiers::Tiers {
            cluster: self.cluster,
            direction,
            subject,
            peer,
            traffic: &self.traffic,
        }
    }

    /// The rules of cluster-wide policies that match, tier by tier and in order.
    pub(crate) fn cluster_rules(&self, direction: Direction) -> Vec<(RulePlace, Action)> {
        self.tiers(direction).matching()
    }

    /// Rule 21: a pod may always talk to the node it runs on.
    fn is_to_own_node(&self) -> bool {
        let (pod, other) = (&self.source, &self.destination);
        self.traffic.profile.own_node_is_free
            && other.pod.is_none()
            && other.node.is_some()
            && other.node == pod.node
    }

    /// Rule 21: and its node to it. What a pod on that node's network sends is the node's, unless it is told apart (rule 22).
    fn is_from_own_node(&self) -> bool {
        let (source, destination) = (&self.source, &self.destination);
        let is_node = source
            .pod
            .is_none_or(|pod| !self.traffic.world.selects(pod));
        self.traffic.profile.own_node_is_free
            && is_node
            && source.node.is_some()
            && source.node == destination.node
    }
}

/// What comes of it in one world and over one family.
pub(crate) fn outcome(
    cluster: &Cluster,
    profile: &Profile,
    world: World,
    family: Family,
    query: &Query,
) -> Outcome {
    if !profile.enforces {
        return Outcome::ALLOWED;
    }
    if query.source == query.destination {
        match query.route {
            // Rule 19.
            Route::Direct | Route::LoadBalancer => return Outcome::ALLOWED,
            // Rule 20.
            Route::Service(_) if world.hairpin_is_free => return Outcome::ALLOWED,
            Route::Service(_) => {}
        }
    }
    let case = Case::new(cluster, profile, world, family, query);
    let mut outcome = Outcome::ALLOWED;
    for direction in Direction::BOTH {
        outcome = outcome.then(case.one_direction(direction).0);
    }
    outcome
}

/// The network policies of the subject's namespace: nothing if none isolates it in this direction (rule 18).
fn network_policies(
    cluster: &Cluster,
    direction: Direction,
    subject: &Side<'_>,
    peer: &Side<'_>,
    traffic: &Traffic<'_>,
) -> Option<Outcome> {
    let pod = subject.pod.filter(|pod| traffic.world.selects(pod))?;
    let mut isolated = false;
    let mut best = Match::No;
    for policy in cluster.policies_of(&pod.key.namespace) {
        let Some(rules) = policy.rules(direction) else {
            continue;
        };
        if !policy.subject.matches(&pod.labels) {
            continue;
        }
        isolated = true;
        for rule in rules {
            best = best.max(traffic.matches(rule, &pod.key.namespace, peer));
        }
    }
    if !isolated {
        return None;
    }
    // Rule 16: neither a rule nor its absence says anything about other protocols.
    if traffic.protocol == Protocol::Other {
        return Some(Outcome::open(Reason::Protocol));
    }
    Some(best.allows())
}

#[cfg(test)]
mod tests;
