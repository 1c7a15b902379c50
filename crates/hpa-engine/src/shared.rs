//! A list that is kept once, whoever has it.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list that never changes. Clones are the same list, and equal ones can be made the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Shared<T>(Arc<[T]>);

/// Whether two are the same in everything, and not only equal: quantities are equal by their value alone, and how one is
/// written decides what becomes of an overflow.
pub(crate) trait Same {
    fn is_same(&self, other: &Self) -> bool;

    /// Gives up what is its own for a clone of the other, where that is the same.
    fn share(&mut self, other: &Self)
    where
        Self: Clone,
    {
        if self.is_same(other) {
            self.clone_from(other);
        }
    }
}

impl<T: Same> Same for Shared<T> {
    fn is_same(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(&**other)
                .all(|(it, other)| it.is_same(other))
    }
}

impl<K: Same, V: Same> Same for (K, V) {
    fn is_same(&self, other: &Self) -> bool {
        self.0.is_same(&other.0) && self.1.is_same(&other.1)
    }
}

impl Same for Box<str> {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(list: Vec<T>) -> Self {
        Self(list.into())
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
