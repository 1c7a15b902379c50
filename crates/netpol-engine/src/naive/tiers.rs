//! The tiers of cluster-wide policies around the network policies.

use super::matching::is_one_of;
use super::{Match, Side, Traffic};
use crate::cluster::Cluster;
use crate::explain::RulePlace;
use crate::policy::{Direction, Peer};
use crate::tier::{Action, ClusterPeers, ClusterPolicy, ClusterRule, Tier};
use crate::verdict::{Outcome, Reason};

/// What policies may decide.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a possibility of its own"
)]
struct Decisions {
    accept: bool,
    deny: bool,
    pass: bool,
    /// Nothing matches for sure: those of the next priority may be asked, too.
    undecided: bool,
}

/// One direction of a connection.
pub(super) struct Tiers<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) direction: Direction,
    pub(super) subject: &'a Side<'a>,
    pub(super) peer: &'a Side<'a>,
    pub(super) traffic: &'a Traffic<'a>,
}

// === impl Tiers ===

impl Tiers<'_> {
    /// The Admin tier, and what comes after it where it passes.
    pub(super) fn admin(&self, next: impl Fn() -> Outcome) -> Outcome {
        self.tier(Tier::Admin, next)
    }

    /// The Baseline tier. What it passes is allowed: that is the default of Kubernetes.
    pub(super) fn baseline(&self) -> Outcome {
        self.tier(Tier::Baseline, || Outcome::ALLOWED)
    }

    /// The first rule of each policy that may match, tier by tier and in order.
    pub(super) fn matching(&self) -> Vec<(RulePlace, Action)> {
        let mut policies: Vec<_> = self.cluster.cluster_policies.values().collect();
        policies.retain(|it| self.is_subject(it));
        policies.sort_by_key(|it| (it.tier, it.priority));
        let mut found = Vec::new();
        for policy in policies {
            let rules = policy.rules(self.direction).iter().enumerate();
            let first = rules
                .into_iter()
                .find(|(_, rule)| self.rule(rule) != Match::No);
            found.extend(first.map(|(rule, it)| {
                let place = RulePlace {
                    policy: policy.key(),
                    direction: self.direction,
                    rule,
                };
                (place, it.action)
            }));
        }
        found
    }

    fn tier(&self, tier: Tier, next: impl Fn() -> Outcome) -> Outcome {
        let policies = self.cluster.cluster_policies.values();
        let mut policies: Vec<_> = policies
            .filter(|it| it.tier == tier && self.is_subject(it))
            .collect();
        policies.sort_by_key(|it| it.priority);
        let mut open = None;
        let mut possible = Decisions::NONE;
        for group in policies.chunk_by(|a, b| a.priority == b.priority) {
            let (decisions, reason) = self.group(group);
            open = open.or(reason);
            possible = possible.or(decisions);
            if !decisions.undecided {
                possible.undecided = false;
                break;
            }
        }
        let mut outcome = Outcome::NEVER;
        if possible.accept {
            outcome = outcome.or(Outcome::ALLOWED);
        }
        if possible.deny {
            outcome = outcome.or(Outcome::DENIED);
        }
        if possible.pass || possible.undecided {
            outcome = outcome.or(next());
        }
        match open {
            Some(reason) => outcome.because(reason),
            None => outcome,
        }
    }

    /// Policies of one priority. Any of those that match may be the one that is applied.
    fn group(&self, policies: &[&ClusterPolicy]) -> (Decisions, Option<Reason>) {
        let mut all = Decisions::NONE;
        let mut reason = None;
        for policy in policies {
            let (one, open) = self.policy(policy);
            reason = reason.or(open);
            if all.contradicts(one) {
                reason = reason.or(Some(Reason::EqualPriority));
            }
            all = all.or(one);
        }
        (all, reason)
    }

    /// The first rule that matches decides. One that may match leaves the next ones possible.
    fn policy(&self, policy: &ClusterPolicy) -> (Decisions, Option<Reason>) {
        let mut decisions = Decisions::NONE;
        let mut open = None;
        for rule in policy.rules(self.direction) {
            let matched = self.rule(rule);
            if matched == Match::No {
                continue;
            }
            match rule.action {
                Action::Accept => decisions.accept = true,
                Action::Deny => decisions.deny = true,
                Action::Pass => decisions.pass = true,
            }
            let Match::Perhaps(reason) = matched else {
                decisions.undecided = false;
                break;
            };
            open = open.or(Some(reason));
        }
        (decisions, open)
    }

    fn rule(&self, rule: &ClusterRule) -> Match {
        let peers = match &rule.peers {
            ClusterPeers::Everyone => Match::Yes,
            ClusterPeers::Of(peers) => {
                let matches = peers.iter().map(|peer| self.peer(peer));
                matches.max().unwrap_or(Match::No)
            }
        };
        self.traffic.ports(&rule.ports).min(peers)
    }

    /// As in a NetworkPolicy, but pods on the host's network are never meant by selectors, in every world.
    fn peer(&self, peer: &Peer) -> Match {
        match peer {
            Peer::Pods(pods) => Match::of(self.peer.pod.is_some_and(|pod| {
                !pod.host_network && is_one_of(pods, &pod.key.namespace, pod, self.peer)
            })),
            Peer::Nodes(selector) => {
                // A node's addresses: the node itself, and what is on its network.
                let is_node = self.peer.pod.is_none_or(|pod| pod.host_network);
                let node = self.peer.node.and_then(|name| self.cluster.nodes.get(name));
                Match::of(is_node && node.is_some_and(|it| selector.matches(&it.labels)))
            }
            other => self.traffic.peer(other, "", self.peer),
        }
    }

    fn is_subject(&self, policy: &ClusterPolicy) -> bool {
        self.subject.pod.is_some_and(|pod| {
            !pod.host_network && is_one_of(&policy.subject, &pod.key.namespace, pod, self.subject)
        })
    }
}

// === impl Decisions ===

impl Decisions {
    const NONE: Self = Self {
        accept: false,
        deny: false,
        pass: false,
        undecided: true,
    };

    const fn or(self, other: Self) -> Self {
        Self {
            accept: self.accept || other.accept,
            deny: self.deny || other.deny,
            pass: self.pass || other.pass,
            undecided: self.undecided && other.undecided,
        }
    }

    /// Whether both say something, and not the same.
    fn contradicts(self, other: Self) -> bool {
        let actions = |it: Self| (it.accept, it.deny, it.pass);
        let silent = actions(Self::NONE);
        actions(self) != silent && actions(other) != silent && actions(self) != actions(other)
    }
}
