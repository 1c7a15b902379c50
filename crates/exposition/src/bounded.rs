//! Label values from outside, with a ceiling.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;
use prometheus_client::metrics::counter::Counter;

/// What stands for every value above the ceiling.
pub const OTHER: &str = "_OTHER";

/// Ends a value that was cut.
const CUT: &str = "...";

/// The values that one label may have: a ceiling on how many, a ceiling on how long.
///
/// Each distinct label value is a series that Prometheus keeps for hours. Whoever chooses the values (a client's header,
/// a target's answer, the name of a foreign object) must not choose how many there are.
#[derive(Debug)]
pub struct BoundedSet {
    values: RwLock<HashSet<Arc<str>>>,
    most_values: usize,
    most_bytes: usize,
    overflows: Counter,
    other: Arc<str>,
}

impl BoundedSet {
    /// A set of at most `most_values` values of at most `most_bytes` bytes each.
    #[must_use]
    pub fn new(most_values: usize, most_bytes: usize) -> Self {
        Self {
            values: RwLock::default(),
            most_values,
            most_bytes,
            overflows: Counter::default(),
            other: OTHER.into(),
        }
    }

    /// The value to put on the label: the given one, cut if it is long, or [`OTHER`] if the set is full.
    pub fn admit(&self, value: &str) -> Arc<str> {
        let value = cut(value, self.most_bytes);
        if value == OTHER {
            return Arc::clone(&self.other);
        }
        if let Some(known) = self.values.read().get(value.as_ref()) {
            return Arc::clone(known);
        }
        let mut values = self.values.write();
        if let Some(known) = values.get(value.as_ref()) {
            return Arc::clone(known);
        }
        if values.len() >= self.most_values {
            self.overflows.inc();
            return Arc::clone(&self.other);
        }
        let value: Arc<str> = value.into();
        values.insert(Arc::clone(&value));
        value
    }

    /// Forgets the values that are no longer of use, so that others find room.
    pub fn retain(&self, mut keep: impl FnMut(&str) -> bool) {
        self.values.write().retain(|value| keep(value));
    }

    /// How often [`OTHER`] was given out for want of room, to be registered by the owner.
    pub fn overflows(&self) -> Counter {
        self.overflows.clone()
    }
}

/// The value if it has at most `most_bytes` bytes, else its beginning with [`CUT`] behind it, that long.
fn cut(value: &str, most_bytes: usize) -> std::borrow::Cow<'_, str> {
    if value.len() <= most_bytes {
        return value.into();
    }
    let end = value.floor_char_boundary(most_bytes.saturating_sub(CUT.len()));
    let mark = &CUT[..CUT.len().min(most_bytes)];
    format!("{}{mark}", &value[..end]).into()
}

#[cfg(test)]
mod tests;
