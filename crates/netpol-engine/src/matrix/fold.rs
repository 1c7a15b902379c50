//! The tiers of cluster-wide policies, for all classes at once: the same as `naive/tiers.rs` does for one.

use super::cells::{Cell, PortMap, Span};
use super::compile::{NumberedPorts, Peers};
use super::relation::{GroupKey, Setting, claims, spans};
use super::set::ClassSet;
use super::tables::Tables;
use crate::policy::Direction;
use crate::tier::{Action, Tier};

type Bits = Vec<u64>;

/// What a tier may decide, and for whom.
struct Decisions {
    accept: Bits,
    deny: Bits,
    /// To the next tier: by a Pass, or because nothing decides for sure.
    on: Bits,
}

/// Whom the cluster-wide and the network policies of a group let through together.
pub(super) fn ports(
    setting: Setting,
    direction: Direction,
    key: &GroupKey,
    tables: &Tables,
) -> PortMap {
    let of = tables.classes.len();
    let network = PortMap::of(&claims(setting, direction, key, tables), of);
    let fold = Fold {
        setting,
        direction,
        key,
        tables,
        all: ClassSet::All.bits(of),
    };
    let mut cuts: Vec<Span> = network.spans();
    for policy in &key.cluster {
        for rule in tables.cluster_rules(*policy, direction) {
            let spans = spans(direction, &rule.ports, key.named_by, tables);
            cuts.extend(spans.into_iter().map(|it| it.0));
        }
    }
    PortMap::cut(cuts, |protocol, port| {
        fold.cell(protocol, port, network.cell(protocol, port))
    })
}

struct Fold<'a> {
    setting: Setting,
    direction: Direction,
    key: &'a GroupKey,
    tables: &'a Tables,
    all: Bits,
}

// === impl Fold ===

impl Fold<'_> {
    fn cell(&self, protocol: usize, port: u16, network: &Cell) -> Cell {
        let of = self.tables.classes.len();
        let admin = self.tier(Tier::Admin, protocol, port);
        let (mut may_allow, mut may_deny) = if self.key.bundles.is_empty() {
            let baseline = self.tier(Tier::Baseline, protocol, port);
            // What the last tier passes on is allowed.
            let allow = or(&baseline.accept, &baseline.on);
            (and(&admin.on, &allow), and(&admin.on, &baseline.deny))
        } else {
            let sure = network.sure.bits(of);
            let may = network.may().bits(of);
            (and(&admin.on, &may), and_not(&admin.on, &sure))
        };
        may_allow = or(&may_allow, &admin.accept);
        may_deny = or(&may_deny, &admin.deny);
        let sure = and_not(&may_allow, &may_deny);
        Cell {
            may: (sure != may_allow).then(|| ClassSet::from_bits(&may_allow, of)),
            sure: ClassSet::from_bits(&sure, of),
        }
    }

    fn tier(&self, tier: Tier, protocol: usize, port: u16) -> Decisions {
        let none = vec![0; self.all.len()];
        let mut undecided = self.all.clone();
        let mut all = Decisions {
            accept: none.clone(),
            deny: none.clone(),
            on: none.clone(),
        };
        let mut policies = self.key.cluster.clone();
        policies.retain(|it| self.tables.cluster_policy(*it).tier == tier);
        policies.sort_by_key(|it| self.tables.cluster_policy(*it).priority);
        let priority = |it: &u32| self.tables.cluster_policy(*it).priority;
        for group in policies.chunk_by(|a, b| priority(a) == priority(b)) {
            let mut decided = none.clone();
            for policy in group {
                let mut open = undecided.clone();
                for rule in self.tables.cluster_rules(*policy, self.direction) {
                    let (sure, perhaps) = self.matched(&rule.peers, &rule.ports, protocol, port);
                    let here = and(&or(&sure, &perhaps), &open);
                    let place = match rule.action {
                        Action::Accept => &mut all.accept,
                        Action::Deny => &mut all.deny,
                        Action::Pass => &mut all.on,
                    };
                    *place = or(place, &here);
                    decided = or(&decided, &and(&sure, &open));
                    open = and_not(&open, &sure);
                }
            }
            undecided = and_not(&undecided, &decided);
        }
        all.on = or(&all.on, &undecided);
        all
    }

    /// For whom a rule is on this port: for sure, and perhaps.
    fn matched(
        &self,
        peers: &Peers,
        ports: &[NumberedPorts],
        protocol: usize,
        port: u16,
    ) -> (Bits, Bits) {
        let none = vec![0; self.all.len()];
        let mut on_port = none.clone();
        for (span, names) in spans(self.direction, ports, self.key.named_by, self.tables) {
            let covers = match span {
                Span::Everything => true,
                Span::Of(at, first, last) => at == protocol && (first..=last).contains(&port),
            };
            if covers {
                names.unwrap_or(&ClassSet::All).add_to(&mut on_port);
            }
        }
        if on_port.iter().all(|word| *word == 0) {
            return (none.clone(), none);
        }
        if peers.everyone {
            return (on_port, none);
        }
        let (mut sure, mut perhaps) = (none.clone(), none);
        for (class, facts) in self.tables.classes.iter() {
            let selected = !facts.host_network && peers.selected.contains(class);
            let covered = self.setting.covers(&peers.networks, class, self.tables);
            let on_node = facts.host_network && self.tables.is_on_node(facts, &peers.nodes);
            let bit = 1u64 << (class % 64);
            if selected || covered || on_node {
                sure[class as usize / 64] |= bit;
            } else if facts.unplaced && !peers.networks.is_empty() {
                perhaps[class as usize / 64] |= bit;
            }
        }
        (and(&sure, &on_port), and(&perhaps, &on_port))
    }
}

fn or(a: &[u64], b: &[u64]) -> Bits {
    a.iter().zip(b).map(|(a, b)| a | b).collect()
}

fn and(a: &[u64], b: &[u64]) -> Bits {
    a.iter().zip(b).map(|(a, b)| a & b).collect()
}

fn and_not(a: &[u64], b: &[u64]) -> Bits {
    a.iter().zip(b).map(|(a, b)| a & !b).collect()
}
