//! What brought a state about.

use std::fmt;

use netpol_engine::Flow;

use super::expectation::Expectation;
use crate::model::changes::{Changes, Object};

/// Objects that are named as the cause of one change.
const MOST_NAMED: usize = 3;

/// What brought a state about.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// It was so when it was first looked at.
    FirstSeen,
    /// The policies say the same: what the network does is another, or is not known any more.
    Observed,
    /// These objects came, changed or went just before, the likeliest first; and so many more.
    Objects(Vec<Object>, usize),
}

// === impl Cause ===

impl Cause {
    /// What of these changes has brought about what the policies now say: one of those that forbid it, if any of them has
    /// changed; else the policies of its namespaces; else whatever has changed there.
    pub(super) fn of(changes: &Changes, flow: &Flow, expectation: &Expectation) -> Self {
        let rank = |object: &Object| match object {
            Object::Policy(key, _) if expectation.blocking.iter().any(|it| it.key == *key) => 0,
            Object::Policy(key, _) if key.namespace.is_empty() => 1,
            Object::Policy(key, _) if flow.namespaces().any(|it| it == key.namespace) => 1,
            Object::List(_) => 2,
            Object::Other(_, key) if key.namespace.is_empty() => 3,
            Object::Other(_, key) if flow.namespaces().any(|it| it == key.namespace) => 3,
            Object::Policy(..) | Object::Other(..) => 4,
        };
        let mut concerned: Vec<(u8, &Object)> =
            changes.objects.iter().map(|it| (rank(it), it)).collect();
        concerned.retain(|(rank, _)| *rank < 4);
        concerned.sort_by_key(|(rank, _)| *rank);
        let best = concerned.first().map_or(0, |(rank, _)| *rank);
        concerned.retain(|(rank, _)| *rank == best);
        let more = concerned.len().saturating_sub(MOST_NAMED);
        let named = concerned.into_iter().take(MOST_NAMED);
        Self::Objects(named.map(|(_, it)| it.clone()).collect(), more)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstSeen => formatter.write_str("found so"),
            Self::Observed => formatter.write_str("by what was observed"),
            Self::Objects(objects, more) => {
                if objects.is_empty() {
                    return formatter.write_str("what is required has changed");
                }
                let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
                write!(formatter, "after {}", names.join(", "))?;
                if *more > 0 {
                    write!(formatter, " and {more} more")?;
                }
                Ok(())
            }
        }
    }
}
