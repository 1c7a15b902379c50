//! Who reaches whom on one port: a table of bits, a row a destination.

use std::collections::HashMap;

use super::Matrix;
use super::cells::place;
use super::set::ClassSet;
use crate::policy::{ObjectKey, Protocol};

/// Who reaches whom on one port, by classes of pods.
///
/// Pods of one class count as different pods on different nodes: that a pod reaches itself, and its node it, does not
/// show here.
#[derive(Clone, Debug)]
pub struct Reach<'a> {
    matrix: &'a Matrix,
    words: usize,
    /// For each destination, the sources that are allowed in every world, and those that are in any.
    allowed: Vec<u64>,
    possible: Vec<u64>,
}

// === impl Matrix ===

impl Matrix {
    /// Who reaches whom on this port of the destination.
    pub fn reach(&self, protocol: Protocol, port: u16) -> Reach<'_> {
        let of = self.tables.classes.len();
        let words = of.div_ceil(64);
        let mut reach = Reach {
            matrix: self,
            words,
            allowed: vec![u64::MAX; words * of],
            possible: vec![0; words * of],
        };
        let (Some(protocol), true) = (place(protocol), self.tables.profile.enforces) else {
            reach.possible.fill(u64::MAX);
            return reach;
        };
        for world in &self.worlds {
            // Turned round: for each destination, the sources whose way out leads there.
            let mut sure = vec![0; words * of];
            let mut may = vec![0; words * of];
            for group in &world.egress.groups {
                if group.members.is_empty() {
                    continue;
                }
                let cell = group.ports.cell(protocol, port);
                spread(&cell.sure, &group.members, &mut sure, words, of);
                spread(cell.may(), &group.members, &mut may, words, of);
            }
            for group in &world.ingress.groups {
                let cell = group.ports.cell(protocol, port);
                let (sources, possible) = (cell.sure.bits(of), cell.may().bits(of));
                group.members.for_each(of, |class| {
                    let at = class as usize * words;
                    for word in 0..words {
                        reach.allowed[at + word] &= sure[at + word] & sources[word];
                        reach.possible[at + word] |= may[at + word] & possible[word];
                    }
                });
            }
        }
        reach
    }
}

/// Sets the members' bits in the row of each destination.
fn spread(destinations: &ClassSet, members: &ClassSet, rows: &mut [u64], words: usize, of: usize) {
    match members {
        ClassSet::Few(members) => destinations.for_each(of, |destination| {
            for member in members {
                rows[destination as usize * words + *member as usize / 64] |= 1 << (member % 64);
            }
        }),
        members => {
            let members = members.bits(of);
            destinations.for_each(of, |destination| {
                let row = &mut rows[destination as usize * words..][..words];
                for (word, member) in row.iter_mut().zip(&members) {
                    *word |= member;
                }
            });
        }
    }
}

// === impl Reach ===

impl Reach<'_> {
    /// Whether a connection between two pods is allowed, or undefined; nothing if one of them is not there.
    pub fn between(&self, source: &ObjectKey, destination: &ObjectKey) -> Option<(bool, bool)> {
        let source = *self.matrix.class_of.get(source)?;
        let destination = *self.matrix.class_of.get(destination)?;
        let at = destination as usize * self.words + source as usize / 64;
        let bit = |bits: &[u64]| bits.get(at).is_some_and(|it| it >> (source % 64) & 1 == 1);
        let allowed = bit(&self.allowed);
        Some((allowed, !allowed && bit(&self.possible)))
    }

    /// The kinds of pods (see [`Matrix::kind`]) that may dial pods of this kind.
    pub fn sources(&self, destination: u32) -> impl Iterator<Item = u32> {
        let from = destination as usize * self.words;
        let row = self.allowed.get(from..from + self.words);
        let words = (0..).zip(row.unwrap_or_default());
        words.flat_map(|(at, word)| {
            let word = *word;
            (0..u64::BITS)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| at * u64::BITS + bit)
        })
    }

    /// How many pairs of pods are allowed.
    pub fn allowed_pairs(&self) -> u64 {
        let classes = &self.matrix.tables.classes;
        let pods: Vec<u64> = classes.iter().map(|(_, class)| class.pods.into()).collect();
        let alone = pods.iter().all(|it| *it == 1);
        let mut pairs = 0;
        for (row, weight) in self.allowed.chunks(self.words.max(1)).zip(&pods) {
            let sources: u64 = if alone {
                row.iter().map(|word| u64::from(word.count_ones())).sum()
            } else {
                let mut sum = 0;
                ClassSet::Many(row.to_vec()).for_each(pods.len(), |class| {
                    sum += pods.get(class as usize).copied().unwrap_or(0);
                });
                sum
            };
            pairs += sources * weight;
        }
        pairs
    }

    /// How many pods there are in each pair of namespaces that a pod of the first may dial in the second.
    pub fn allowed_pairs_by_namespace(&self) -> HashMap<(String, String), u64> {
        let mut by_class: HashMap<u32, HashMap<&str, u64>> = HashMap::new();
        for (key, class) in &self.matrix.class_of {
            *by_class
                .entry(*class)
                .or_default()
                .entry(&key.namespace)
                .or_default() += 1;
        }
        let mut pairs = HashMap::new();
        for (destination, row) in (0..).zip(self.allowed.chunks(self.words.max(1))) {
            let Some(to) = by_class.get(&destination) else {
                continue;
            };
            ClassSet::Many(row.to_vec()).for_each(self.words * 64, |source| {
                for (from, sources) in by_class.get(&source).into_iter().flatten() {
                    for (to, destinations) in to {
                        let pair = ((*from).to_owned(), (*to).to_owned());
                        *pairs.entry(pair).or_default() += sources * destinations;
                    }
                }
            });
        }
        pairs
    }
}
