//! What policies look at: labels, addresses, nodes.

use std::borrow::Cow;

use crate::address::Block;
use crate::label::Selector;
use crate::policy::{Direction, NetworkPolicy, Peer};
use crate::tier::{ClusterPeers, ClusterPolicy};

/// What a policy looks at, as far as it may tell pods apart that were alike.
pub(super) enum Looks<'a> {
    At(&'a Selector),
    AtBlock(Cow<'a, Block>),
    AtNodes,
}

pub(super) fn of_policy(policy: &NetworkPolicy) -> Vec<Looks<'_>> {
    let mut all = vec![Looks::At(&policy.subject)];
    for direction in Direction::BOTH {
        for rule in policy.rules(direction).unwrap_or_default() {
            for peer in &rule.peers {
                look(peer, &mut all);
            }
        }
    }
    all
}

pub(super) fn of_cluster_policy(policy: &ClusterPolicy) -> Vec<Looks<'_>> {
    let mut all = vec![Looks::At(&policy.subject.pods)];
    for direction in Direction::BOTH {
        for rule in policy.rules(direction) {
            if let ClusterPeers::Of(peers) = &rule.peers {
                for peer in peers {
                    look(peer, &mut all);
                }
            }
        }
    }
    all
}

fn look<'a>(peer: &'a Peer, all: &mut Vec<Looks<'a>>) {
    match peer {
        // Labels of namespaces are all kept.
        Peer::Pods(pods) => all.push(Looks::At(&pods.pods)),
        Peer::Block(block) => all.push(Looks::AtBlock(Cow::Borrowed(block))),
        Peer::Network(cidr) => all.push(Looks::AtBlock(Cow::Owned(Block {
            cidr: *cidr,
            except: Vec::new(),
        }))),
        Peer::Nodes(_) => all.push(Looks::AtNodes),
        Peer::Domains(_) => {}
    }
}
