//! What is done to the network, and when the page shows what came of it.

use std::time::Duration;

use anyhow::Result;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use shop::Role;

use super::look::Look;
use super::policies::{DAY_ONE, SHOP, wrong_port};
use super::street::Street;

/// All calls of the shop, and those that the day's policies forbid.
pub(super) const CALLS: usize = 17;
pub(super) const CUT: usize = 15;
/// Calls inside the shop: those that agents can try.
pub(super) const INSIDE: usize = 16;

/// A part of the story.
pub(super) struct Act {
    pub(super) part: Part,
    /// What is done at its beginning; the second argument is whether anything is to go wrong on this day.
    pub(super) change: for<'a> fn(&'a mut Street, bool) -> BoxFuture<'a, Result<()>>,
    /// It is over when the page shows this, or after so long.
    pub(super) shown: fn(&Look) -> bool,
    pub(super) most: Duration,
}

/// Which.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    Open,
    DayOne,
    SwitchedOff,
    Right,
    WrongPort,
    Stopped,
}

/// The story: 25 s if nothing is late, and never much more than a minute.
pub(super) const ACTS: [Act; 6] = [
    Act {
        part: Part::Open,
        change: |_, _| async { Ok(()) }.boxed(),
        shown: |look| look.in_state("ok") == CALLS && look.seen(true) == INSIDE,
        most: Duration::from_secs(15),
    },
    Act {
        part: Part::DayOne,
        change: |street, with_fault| {
            async move {
                if with_fault {
                    street.apply(DAY_ONE).await?;
                }
                Ok(())
            }
            .boxed()
        },
        shown: |look| look.in_state("blocked_by_policy") == CUT && look.seen(false) == CUT,
        most: Duration::from_secs(12),
    },
    Act {
        part: Part::SwitchedOff,
        change: |street, _| street.enforce(false).boxed(),
        shown: |look| look.in_state("enforcement_gap") == CUT,
        most: Duration::from_secs(10),
    },
    Act {
        part: Part::Right,
        change: |street, _| {
            async {
                street.enforce(true).await?;
                street.apply(SHOP).await
            }
            .boxed()
        },
        shown: |look| look.in_state("ok") == CALLS && look.seen(true) == INSIDE,
        most: Duration::from_secs(12),
    },
    Act {
        part: Part::WrongPort,
        change: |street, with_fault| {
            async move {
                if with_fault {
                    let (name, text) = wrong_port();
                    street.change(name, text).await?;
                }
                Ok(())
            }
            .boxed()
        },
        shown: |look| look.in_state("blocked_by_policy") == 1 && look.seen(false) == 1,
        most: Duration::from_secs(10),
    },
    Act {
        part: Part::Stopped,
        change: |street, with_fault| {
            async move {
                street.apply(SHOP).await?;
                if with_fault {
                    street.stop(Role::CartService).await?;
                }
                Ok(())
            }
            .boxed()
        },
        shown: |look| look.in_state("app_down") == 2 && look.in_state("ok") == CALLS - 2,
        most: Duration::from_secs(10),
    },
];

impl std::fmt::Debug for Act {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.part.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_is_over_before_the_day_is() {
        let most: Duration = ACTS.iter().map(|act| act.most).sum();
        assert!(most < Duration::from_secs(72), "{most:?}");
    }
}
