//! What the network does with a flow: all of its tried pairs together.

use std::time::Duration;

use crate::observe::{Conclusion, Observer, Pair};

/// What the network does with a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// Pairs that the policies allow, and whose packets arrive.
    pub open: usize,
    /// Pairs that the policies allow, and that are stopped.
    pub stopped: usize,
    /// Pairs that the policies deny, and whose packets arrive.
    pub leaking: usize,
    /// Pairs that the policies deny, and that are stopped.
    pub enforced: usize,
    /// Pairs of which the policies say nothing, and whose packets arrive.
    pub undecided_open: usize,
    /// Pairs of which the policies say nothing, and that are stopped.
    pub undecided_stopped: usize,
    /// Pairs at whose other end nobody listens.
    pub nobody_listens: usize,
    /// Pairs without evidence: not tried since a change, or too long ago.
    pub unclear: usize,
    /// When any of its pairs was last dialled, since the epoch.
    pub last: Option<Duration>,
    /// Whether it was tried once, and that is too long ago.
    pub is_lost: bool,
}

// === impl Observation ===

impl Observation {
    /// What is known of these pairs. `last` is when any pair of the flow was dialled as far as was known: a replica that is gone takes its
    /// own dials with it.
    pub(super) fn of(
        pairs: &[Pair],
        observer: &Observer,
        last: Option<Duration>,
        now: Duration,
    ) -> Self {
        let mut found = Self {
            last,
            ..Self::default()
        };
        // Since the policies last changed their mind, nobody can have agreed with them before the next dial.
        let mut from = last;
        for pair in pairs {
            let count = match (observer.conclude(pair, now), pair.allowed) {
                (Conclusion::NotTried, _) => continue,
                (Conclusion::NoEvidence, _) => &mut found.unclear,
                (Conclusion::NobodyListens, _) => &mut found.nobody_listens,
                (Conclusion::Open, Some(true)) => &mut found.open,
                (Conclusion::Open, Some(false)) => &mut found.leaking,
                (Conclusion::Open, None) => &mut found.undecided_open,
                (Conclusion::Stopped, Some(true)) => &mut found.stopped,
                (Conclusion::Stopped, Some(false)) => &mut found.enforced,
                (Conclusion::Stopped, None) => &mut found.undecided_stopped,
            };
            *count += 1;
            if let Some((at, expected_since)) = observer.last_seen(pair) {
                found.last = found.last.max(Some(at));
                from = from.max(Some(at)).max(Some(expected_since));
            }
        }
        found.is_lost = !found.has_evidence()
            && found.last.is_some()
            && from.is_some_and(|it| now.saturating_sub(it) > observer.max_age());
        found
    }

    /// Whether anything is known.
    pub fn has_evidence(&self) -> bool {
        self.open
            + self.stopped
            + self.leaking
            + self.enforced
            + self.undecided_open
            + self.undecided_stopped
            + self.nobody_listens
            > 0
    }

    /// Whether the flow comes through between all pairs of which anything is known; nothing without evidence.
    pub fn reachable(&self) -> Option<bool> {
        let closed = self.stopped + self.enforced + self.undecided_stopped + self.nobody_listens;
        self.has_evidence().then_some(closed == 0)
    }

    /// Whether the network treats pairs differently of which the policies say the same: it differs from node to node.
    pub fn disagrees(&self) -> bool {
        self.open > 0 && self.stopped > 0 || self.leaking > 0 && self.enforced > 0
    }
}
