//! One dial: what the policies say of it since when, and what came of it last.

use std::time::Duration;

use reach::{Evidence, Outcome, Sighting};

use super::{Pair, Who};

/// A dial.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What is dialled.
    pub(super) pair: Pair,
    /// By whom.
    pub(super) from: Who,
    control: bool,
    expected: Option<bool>,
    /// Since when the policies say so, or since when somebody looks.
    pub(super) expected_since: Duration,
    /// Counts what has happened to it.
    pub(super) generation: u64,
    /// Whether nothing has agreed yet with what the policies say since they changed.
    unanswered_change: bool,
    last: Option<Last>,
}

/// What came of a dial.
#[derive(Clone, Copy, Debug)]
struct Last {
    outcome: Outcome,
    /// When the dial began.
    at: Duration,
}

/// What is known of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Conclusion {
    /// Nobody can dial it.
    NotTried,
    /// It was not tried since the policies last changed their mind, or too long ago, or what came of it proves nothing.
    NoEvidence,
    /// The packets arrive.
    Open,
    /// They are stopped on their way.
    Stopped,
    /// Nobody listens.
    NobodyListens,
}

// === impl Watched ===

impl Watched {
    pub(super) fn new(
        pair: &Pair,
        from: Who,
        control: bool,
        expected: Option<bool>,
        now: Duration,
    ) -> Self {
        Self {
            pair: pair.clone(),
            from,
            control,
            expected,
            expected_since: now,
            generation: 0,
            unanswered_change: false,
            last: None,
        }
    }

    pub(super) fn is_control(&self) -> bool {
        self.control
    }

    /// What the policies say now.
    pub(super) fn expect(&mut self, expected: Option<bool>, urgent: bool, now: Duration) {
        if expected != self.expected {
            self.expected = expected;
            self.expected_since = now;
            self.unanswered_change = expected.is_some();
            self.generation += 1;
        } else if urgent && !self.control {
            self.generation += 1;
        }
    }

    pub(super) fn evidence_of(&self, outcome: Outcome) -> Evidence {
        outcome.evidence(self.pair.protocol, self.pair.kind)
    }

    /// Takes a sighting in. How long after a change it is the first to agree, if it is.
    pub(super) fn see(&mut self, sighting: &Sighting, now: Duration) -> Option<Duration> {
        let at = now.saturating_sub(sighting.age());
        if self.last.is_some_and(|last| last.at > at) {
            return None;
        }
        self.last = Some(Last {
            outcome: sighting.outcome,
            at,
        });
        // Begun before the change, it says what was so before.
        if !self.unanswered_change
            || at < self.expected_since
            || sighting.generation != self.generation
        {
            return None;
        }
        let agrees = match self.evidence_of(sighting.outcome) {
            Evidence::Reached => self.expected == Some(true),
            Evidence::NotReached | Evidence::Refused => self.expected == Some(false),
            Evidence::Nothing => false,
        };
        agrees.then(|| {
            self.unanswered_change = false;
            at.saturating_sub(self.expected_since)
        })
    }

    /// When it was last dialled.
    pub(super) fn last_at(&self) -> Option<Duration> {
        self.last.map(|it| it.at)
    }

    /// What the last dial proves, if it is young enough and the policies have not changed their mind since.
    pub(super) fn evidence(&self, now: Duration, max_age: Duration) -> Option<Evidence> {
        let last = self.last?;
        let counts = last.at >= self.expected_since && now.saturating_sub(last.at) <= max_age;
        counts.then(|| self.evidence_of(last.outcome))
    }

    /// What is known, given what the control proves: the same listener, dialled from its own node, which every policy lets through
    /// (rule 21).
    pub(super) fn conclude(
        &self,
        control: Option<Evidence>,
        now: Duration,
        max_age: Duration,
        settle: Duration,
    ) -> Conclusion {
        let Some(evidence) = self.evidence(now, max_age) else {
            return Conclusion::NoEvidence;
        };
        let found = match (evidence, control) {
            (Evidence::Reached, _) => Conclusion::Open,
            // Whatever stops the peer, there is nobody to reach.
            (Evidence::Refused | Evidence::NotReached, Some(Evidence::Refused)) => {
                Conclusion::NobodyListens
            }
            // Somebody listens, so the refusal was made in its name.
            (Evidence::Refused, Some(Evidence::Reached)) | (Evidence::NotReached, _) => {
                Conclusion::Stopped
            }
            // Without a control, a refusal is the listener's where the policies let through, and anybody's where they do not.
            (Evidence::Refused, _) if self.expected == Some(true) => Conclusion::NobodyListens,
            (Evidence::Refused | Evidence::Nothing, _) => Conclusion::NoEvidence,
        };
        // A network may take a moment to follow.
        let contradicts = matches!(
            (found, self.expected),
            (Conclusion::Open, Some(false)) | (Conclusion::Stopped, Some(true))
        );
        let settled = self
            .last_at()
            .is_some_and(|at| at >= self.expected_since + settle);
        if contradicts && !settled {
            return Conclusion::NoEvidence;
        }
        found
    }
}
