//! An object's name in one piece.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ObjectKey;

/// An object's namespace and name, in the order of [`ObjectKey`]. A source of files keeps a few for each object, and there may
/// be a hundred thousand: one piece takes half the memory of two, and clones none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Arc<str>);

/// No name has it, and it comes before whatever one has.
const BETWEEN: char = '\n';

impl Key {
    /// In two pieces.
    pub(super) fn object(&self) -> ObjectKey {
        let (namespace, name) = self.0.split_once(BETWEEN).unwrap_or(("", &self.0));
        ObjectKey::new(namespace, name)
    }
}

/// The same with its nodes full: those of a map that grew in order are half empty.
pub(super) fn filled<V>(map: BTreeMap<Key, V>) -> BTreeMap<Key, V> {
    map.into_iter().collect()
}

impl From<&ObjectKey> for Key {
    fn from(key: &ObjectKey) -> Self {
        Self(format!("{}{BETWEEN}{}", key.namespace, key.name).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_one_piece_is_the_same_key_in_the_same_order() {
        let keys = [
            ("", "node"),
            ("a", "b"),
            ("a", "c"),
            ("a-b", "a"),
            ("b", ""),
        ];
        let keys = keys.map(|(namespace, name)| ObjectKey::new(namespace, name));
        assert!(keys.is_sorted());
        let whole: Vec<_> = keys.iter().map(Key::from).collect();
        assert!(whole.is_sorted());
        assert!(whole.iter().map(Key::object).eq(keys));
    }
}
