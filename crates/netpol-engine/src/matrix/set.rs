//! Sets of classes: a list while there are few, bits when there are many, and everything without a list.

/// A set of classes, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClassSet {
    /// Every class, those to come too.
    All,
    /// These, in order.
    Few(Vec<u32>),
    /// Those whose bit is set. There may be classes beyond the last word.
    Many(Vec<u64>),
}

/// One class in so many in a list costs as much memory as the bits of all.
const LIST_SHARE: usize = 32;
/// A list that is shorter than this stays one.
const SHORT: usize = 16;

impl Default for ClassSet {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

// === impl ClassSet ===

impl ClassSet {
    /// The set of these classes, in any order, of so many.
    pub(super) fn of(mut classes: Vec<u32>, of: usize) -> Self {
        if is_long(classes.len(), of) {
            let mut bits = vec![0; of.div_ceil(64)];
            for class in classes {
                set(&mut bits, class);
            }
            return Self::Many(bits);
        }
        classes.sort_unstable();
        classes.dedup();
        Self::Few(classes)
    }

    /// All that is in any of these sets, of so many classes.
    pub(super) fn union<'a>(sets: impl IntoIterator<Item = &'a Self>, of: usize) -> Self {
        let mut list: Vec<u32> = Vec::new();
        let mut bits: Option<Vec<u64>> = None;
        for set in sets {
            match set {
                Self::All => return Self::All,
                Self::Few(classes) => list.extend(classes),
                Self::Many(others) => or(bits.get_or_insert_default(), others),
            }
            if bits.is_none() && is_long(list.len(), of) {
                bits = Some(vec![0; of.div_ceil(64)]);
            }
            if let Some(bits) = &mut bits {
                for class in list.drain(..) {
                    self::set(bits, class);
                }
            }
        }
        match bits {
            Some(bits) => Self::Many(bits),
            None => Self::of(list, of),
        }
    }

    pub(super) fn contains(&self, class: u32) -> bool {
        match self {
            Self::All => true,
            Self::Few(classes) => classes.binary_search(&class).is_ok(),
            Self::Many(bits) => is_set(bits, class),
        }
    }

    pub(super) fn insert(&mut self, class: u32) {
        match self {
            Self::All => {}
            Self::Few(classes) => {
                if let Err(at) = classes.binary_search(&class) {
                    classes.insert(at, class);
                }
            }
            Self::Many(bits) => set(bits, class),
        }
    }

    pub(super) fn remove(&mut self, class: u32) {
        match self {
            Self::All => {}
            Self::Few(classes) => {
                if let Ok(at) = classes.binary_search(&class) {
                    classes.remove(at);
                }
            }
            Self::Many(bits) => {
                if let Some(word) = bits.get_mut(class as usize / 64) {
                    *word &= !(1 << (class % 64));
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::All => false,
            Self::Few(classes) => classes.is_empty(),
            Self::Many(bits) => bits.iter().all(|word| *word == 0),
        }
    }

    /// Calls for each class in it, of so many.
    pub(super) fn for_each(&self, of: usize, mut call: impl FnMut(u32)) {
        match self {
            Self::All => (0..number(of)).for_each(call),
            Self::Few(classes) => classes.iter().copied().for_each(call),
            Self::Many(bits) => {
                for (at, word) in (0..).zip(bits) {
                    let mut rest = *word;
                    while rest != 0 {
                        call(at * 64 + rest.trailing_zeros());
                        rest &= rest - 1;
                    }
                }
            }
        }
    }

    /// Its bits, of so many classes.
    pub(super) fn bits(&self, of: usize) -> Vec<u64> {
        let mut bits = vec![0; of.div_ceil(64)];
        self.add_to(&mut bits);
        bits
    }

    /// Sets its bits, too.
    pub(super) fn add_to(&self, bits: &mut [u64]) {
        match self {
            Self::All => bits.fill(u64::MAX),
            Self::Few(classes) => {
                for class in classes {
                    if let Some(word) = bits.get_mut(*class as usize / 64) {
                        *word |= 1 << (class % 64);
                    }
                }
            }
            Self::Many(others) => {
                for (word, other) in bits.iter_mut().zip(others) {
                    *word |= other;
                }
            }
        }
    }

    /// The set of these bits, of so many classes: bits beyond are nobody's.
    pub(super) fn from_bits(bits: &[u64], of: usize) -> Self {
        let mut bits = bits.to_vec();
        if let (Some(last), 1..) = (bits.get_mut(of / 64), of % 64) {
            *last &= (1 << (of % 64)) - 1;
        }
        let count: usize = bits.iter().map(|it| it.count_ones() as usize).sum();
        let many = Self::Many(bits);
        if is_long(count, of) {
            return many;
        }
        let mut classes = Vec::with_capacity(count);
        many.for_each(of, |class| classes.push(class));
        Self::Few(classes)
    }
}

fn is_long(length: usize, of: usize) -> bool {
    length > SHORT && length * LIST_SHARE > of
}

fn set(bits: &mut Vec<u64>, class: u32) {
    let at = class as usize / 64;
    if at >= bits.len() {
        bits.resize(at + 1, 0);
    }
    bits[at] |= 1 << (class % 64);
}

fn is_set(bits: &[u64], class: u32) -> bool {
    let word = bits.get(class as usize / 64);
    word.is_some_and(|word| word >> (class % 64) & 1 == 1)
}

fn or(bits: &mut Vec<u64>, others: &[u64]) {
    if bits.len() < others.len() {
        bits.resize(others.len(), 0);
    }
    for (word, other) in bits.iter_mut().zip(others) {
        *word |= other;
    }
}

/// A place in a list as a number: no list here has more than four billion items.
pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn listed(set: &ClassSet, of: usize) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        set.for_each(of, |class| assert!(found.insert(class)));
        found
    }

    proptest! {
        #[test]
        fn a_set_is_a_set_however_it_is_kept(
            first in proptest::collection::vec(0u32..500, 0..80),
            second in proptest::collection::vec(0u32..500, 0..80),
            gone in 0u32..500,
        ) {
            let (a, b) = (ClassSet::of(first.clone(), 500), ClassSet::of(second.clone(), 500));
            let mut expected: BTreeSet<u32> = first.into_iter().chain(second).collect();
            let mut union = ClassSet::union([&a, &b], 500);
            prop_assert_eq!(listed(&union, 500), expected.clone());
            prop_assert_eq!(&listed(&ClassSet::from_bits(&union.bits(500), 500), 500), &expected);
            union.remove(gone);
            expected.remove(&gone);
            union.insert(499);
            expected.insert(499);
            prop_assert!((0..500).all(|it| union.contains(it) == expected.contains(&it)));
            prop_assert!(!union.is_empty());
        }
    }
}
