//! All blocks that some rule names, and which of them an address is in.

use core::net::IpAddr;
use std::collections::HashMap;

use super::set::{ClassSet, number};
use crate::address::{Block, Family};

/// All blocks, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    list: Vec<(Block, ClassSet)>,
    by_block: HashMap<Block, u32>,
    /// For each family where a stretch of addresses begins, and the blocks around it.
    stretches: [Vec<(u128, Vec<u32>)>; 2],
}

// === impl Blocks ===

impl Blocks {
    /// The block's number, and whether it is new.
    pub(super) fn number(&mut self, block: &Block) -> (u32, bool) {
        if let Some(found) = self.by_block.get(block) {
            return (*found, false);
        }
        let next = number(self.list.len());
        self.list.push((block.clone(), ClassSet::default()));
        self.by_block.insert(block.clone(), next);
        (next, true)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn block(&self, which: u32) -> &Block {
        &self.list[which as usize].0
    }

    /// The classes with an address in it.
    pub(super) fn classes(&self, which: u32) -> &ClassSet {
        &self.list[which as usize].1
    }

    pub(super) fn insert(&mut self, which: u32, class: u32) {
        self.list[which as usize].1.insert(class);
    }

    /// Whether any pod has an address in any of them.
    pub(super) fn cover_pods(&self) -> bool {
        self.list.iter().any(|(_, classes)| !classes.is_empty())
    }

    /// Cuts the addresses where a block begins or ends.
    pub(super) fn cut(&mut self) {
        for (family, stretches) in [Family::V4, Family::V6]
            .into_iter()
            .zip(&mut self.stretches)
        {
            let mut ranges = Vec::new();
            for (which, (block, _)) in (0..).zip(&self.list) {
                if block.cidr.family() == family {
                    ranges.extend(block.ranges().map(|(first, last)| (first, last, which)));
                }
            }
            *stretches = sweep(ranges);
        }
    }

    /// The blocks that an address is in.
    pub(super) fn around(&self, address: IpAddr) -> &[u32] {
        let (family, bits) = crate::address::bits_of(address);
        let stretches = match family {
            Family::V4 => &self.stretches[0],
            Family::V6 => &self.stretches[1],
        };
        let after = stretches.partition_point(|(first, _)| *first <= bits);
        let stretch = after.checked_sub(1).and_then(|at| stretches.get(at));
        stretch.map_or(&[], |(_, blocks)| blocks)
    }
}

/// Stretches over which the same ranges lie.
fn sweep(mut ranges: Vec<(u128, u128, u32)>) -> Vec<(u128, Vec<u32>)> {
    ranges.sort_unstable();
    let begins = ranges.iter().map(|it| it.0);
    let ends = ranges.iter().filter_map(|it| it.1.checked_add(1));
    let mut cuts: Vec<u128> = begins.chain(ends).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut next = ranges.into_iter().peekable();
    let mut active: Vec<(u128, u32)> = Vec::new();
    let stretches = cuts.into_iter().map(|cut| {
        active.retain(|(last, _)| *last >= cut);
        while let Some((_, last, which)) = next.next_if(|(first, ..)| *first <= cut) {
            active.push((last, which));
        }
        (cut, active.iter().map(|it| it.1).collect())
    });
    stretches.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Cidr;

    #[test]
    fn an_address_is_in_the_blocks_that_contain_it() {
        let cidr = |text: &str| Cidr::parse(text).unwrap();
        let block = |text: &str, except: &[&str]| Block {
            cidr: cidr(text),
            except: except.iter().map(|it| cidr(it)).collect(),
        };
        let list = [
            block("0.0.0.0/0", &["10.0.0.0/8", "10.1.0.0/16"]),
            block("10.0.0.0/8", &["10.255.0.0/16", "10.0.0.0/30"]),
            block("::/0", &[]),
            block("10.1.2.3/32", &[]),
            block("255.255.255.255/32", &[]),
        ];
        let mut blocks = Blocks::default();
        for it in &list {
            assert!(blocks.number(it).1);
        }
        assert_eq!(blocks.number(&list[1]), (1, false));
        blocks.cut();
        for address in [
            "0.0.0.0",
            "9.255.255.255",
            "10.0.0.0",
            "10.0.0.3",
            "10.0.0.4",
            "10.1.2.3",
            "10.1.2.4",
            "10.254.255.255",
            "10.255.0.0",
            "11.0.0.0",
            "255.255.255.255",
            "::",
            "fd00::1",
        ] {
            let address: IpAddr = address.parse().unwrap();
            let mut found = blocks.around(address).to_vec();
            found.sort_unstable();
            let expected: Vec<u32> = (0..5)
                .filter(|which| list[*which as usize].contains(address))
                .collect();
            assert_eq!(found, expected, "{address}");
        }
    }
}
