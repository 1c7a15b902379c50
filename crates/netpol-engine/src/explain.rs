//! Why a connection is allowed or not: which policies isolate, which rules allow, and which rule comes nearest if none does.

use std::fmt;

use crate::cluster::Cluster;
use crate::naive::{self, Case, Decider, Match, Side, Traffic};
use crate::policy::{Direction, NetworkPolicy, ObjectKey, Rule};
use crate::profile::Profile;
use crate::query::{Endpoint, Query};
use crate::tier::Action;
use crate::verdict::{Reason, Verdict};

mod miss;

pub use miss::Miss;

/// Why a connection is allowed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Which connection.
    pub query: Query,
    /// What the policies say.
    pub verdict: Verdict,
    /// The directions that policies have a say in: out of a source that is a pod, into a destination that is one.
    pub directions: Vec<DirectionExplanation>,
}

/// Why one end lets a connection through or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectionExplanation {
    /// Which way, seen from the subject.
    pub direction: Direction,
    /// Whose policies these are.
    pub subject: Endpoint,
    /// What they say, for this direction alone.
    pub verdict: Verdict,
    /// The network policies that isolate the subject in this direction.
    pub isolated_by: Vec<ObjectKey>,
    /// The rules that let it through.
    pub allowed_by: Vec<RulePlace>,
    /// The rules of cluster-wide policies that match, in order.
    pub cluster_rules: Vec<(RulePlace, Action)>,
    /// Where no rule lets it through, the one that comes nearest.
    pub nearest: Option<NearMiss>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RulePlace {
    /// Of which policy.
    pub policy: ObjectKey,
    /// In which list.
    pub direction: Direction,
    /// At which place of it, from 0.
    pub rule: usize,
}

/// A rule that does not match, and everything by which it misses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// Which rule.
    pub place: RulePlace,
    /// What does not fit.
    pub misses: Vec<Miss>,
}

/// Why a connection is allowed or not.
pub fn explain(cluster: &Cluster, profile: &Profile, query: &Query) -> Explanation {
    let verdict = naive::verdict(cluster, profile, query);
    let mut directions = Vec::new();
    if let Some(case) = Case::of(cluster, profile, query) {
        for direction in Direction::BOTH {
            directions.extend(one_direction(&case, direction, query));
        }
    }
    Explanation {
        query: query.clone(),
        verdict,
        directions,
    }
}

fn one_direction(
    case: &Case<'_>,
    direction: Direction,
    query: &Query,
) -> Option<DirectionExplanation> {
    let (subject, peer, endpoint) = match direction {
        Direction::Egress => (&case.source, &case.destination, &query.source),
        Direction::Ingress => (&case.destination, &case.source, &query.destination),
    };
    let pod = subject.pod?;
    let (outcome, decider) = case.one_direction(direction);
    let mut isolated_by = Vec::new();
    let mut allowed_by = Vec::new();
    let mut nearest: Option<NearMiss> = None;
    for policy in case.cluster.policies_of(&pod.key.namespace) {
        let Some(rules) = policy.rules(direction) else {
            continue;
        };
        let selects = case.traffic.world.selects(pod) && policy.subject.matches(&pod.labels);
        if selects {
            isolated_by.push(policy.key.clone());
        }
        for (index, rule) in rules.iter().enumerate() {
            let place = RulePlace {
                policy: policy.key.clone(),
                direction,
                rule: index,
            };
            let matched = case.traffic.matches(rule, &pod.key.namespace, peer);
            if matched == Match::Yes && selects {
                allowed_by.push(place);
                continue;
            }
            let misses = misses(case, policy, rule, subject, peer);
            // A policy for other pods is near only if its subject alone is wrong.
            let near = selects || matched == Match::Yes && misses.len() == 1;
            if near
                && nearest
                    .as_ref()
                    .is_none_or(|it| misses.len() < it.misses.len())
            {
                nearest = Some(NearMiss { place, misses });
            }
        }
    }
    let verdict = Verdict::from(outcome);
    if verdict == Verdict::Allowed || matches!(decider, Decider::ClusterPolicy) {
        nearest = None;
    }
    Some(DirectionExplanation {
        direction,
        subject: endpoint.clone(),
        verdict,
        isolated_by,
        allowed_by,
        cluster_rules: case.cluster_rules(direction),
        nearest,
    })
}

fn misses(
    case: &Case<'_>,
    policy: &NetworkPolicy,
    rule: &Rule,
    subject: &Side<'_>,
    peer: &Side<'_>,
) -> Vec<Miss> {
    let traffic: &Traffic<'_> = &case.traffic;
    let mut misses = Vec::new();
    if let Some(pod) = subject.pod {
        misses.extend(miss::of_labels(
            &policy.subject,
            &pod.labels,
            |requirement, found| Miss::Subject { requirement, found },
        ));
    }
    misses.extend(miss::of_ports(case.cluster, traffic, &rule.ports));
    if !rule.peers.is_empty() {
        let namespace = &policy.key.namespace;
        let nearest = rule
            .peers
            .iter()
            .map(|it| miss::of_peer(traffic, it, namespace, peer));
        misses.extend(nearest.min_by_key(Vec::len).unwrap_or_default());
    }
    misses
}

impl fmt::Display for RulePlace {
    /// `sre-demo/allow-frontend ingress[0]`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}[{}]",
            self.policy, self.direction, self.rule
        )
    }
}

impl fmt::Display for NearMiss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.place)?;
        for (index, miss) in self.misses.iter().enumerate() {
            write!(formatter, "{} {miss}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Explanation {
    /// Some lines, for people.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}: {}", self.query, self.verdict)?;
        if let Verdict::Undefined(reasons) = self.verdict {
            for reason in reasons.iter() {
                writeln!(formatter, "  {}", Reason::explanation(reason))?;
            }
        }
        for one in &self.directions {
            let list = |keys: &[String]| keys.join(", ");
            let names = |keys: &[ObjectKey]| {
                list(&keys.iter().map(ToString::to_string).collect::<Vec<_>>())
            };
            write!(
                formatter,
                "  {} of {}: {}",
                one.direction, one.subject, one.verdict
            )?;
            if one.isolated_by.is_empty() {
                writeln!(formatter, ", not isolated")?;
            } else {
                writeln!(formatter, ", isolated by {}", names(&one.isolated_by))?;
            }
            for (place, action) in &one.cluster_rules {
                writeln!(formatter, "    {action:?} by {place}")?;
            }
            for place in &one.allowed_by {
                writeln!(formatter, "    allowed by {place}")?;
            }
            if let Some(nearest) = &one.nearest {
                writeln!(formatter, "    nearest is {nearest}")?;
            }
        }
        Ok(())
    }
}
