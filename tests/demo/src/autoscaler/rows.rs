//! Claims about the autoscaler, each set against all that the scraped pages said.

use super::look::Look;
use super::{SYNC, Seen};
use crate::evidence::{Outcome, Row};

const COMPONENT: &str = "hpa-exporter";
/// A page may be a file's second and a scrape's second behind, and a busy machine's more.
const BEHIND: f64 = 3.5;

/// What the exporter hears late it announces late.
const HEARD_LATE: f64 = 2.5;

/// All rows, in the order of the story.
pub(crate) fn rows(seen: &Seen) -> Vec<Row> {
    [
        (
            "the frontend's autoscaler is followed, and all is known that its controller remembers",
            seen.followed(),
        ),
        (
            "load within the tolerance moves nothing, and the page says why",
            seen.tolerated(),
        ),
        ("more load gets more replicas", seen.grown()),
        (
            "the load doubles: the wish passes the maximum, and what is cut is told",
            seen.cut(),
        ),
        (
            "the load falls: an old wish holds the replicas, and its release is announced",
            seen.held(),
        ),
        ("they are let go at the announced time", seen.released()),
        (
            "every status that the stand-in for the controller wrote is what the exporter computed",
            seen.agreed(),
        ),
        ("every scrape was answered", seen.answered()),
    ]
    .map(|(claim, outcome)| Row::new(COMPONENT, claim, outcome))
    .into()
}

impl Seen {
    fn first(&self, what: &str, holds: impl Fn(&Look) -> bool) -> Result<&Look, String> {
        let found = self.looks.iter().find(|look| holds(look));
        found.ok_or_else(|| match self.looks.last() {
            None => "no page was scraped".to_owned(),
            Some(last) => format!("no page with {what}; the last: {}", last.told()),
        })
    }

    fn last(&self) -> Result<&Look, String> {
        let last = self.looks.last();
        last.ok_or_else(|| "no page was scraped".to_owned())
    }

    fn followed(&self) -> Outcome {
        let look = self.first("a decision and its history", |look| {
            look.current.is_some()
                && look.history.len() == 2
                && look.history.values().all(|complete| *complete > 0.0)
        })?;
        Ok(format!(
            "{} s: {} autoscaler; complete: {}",
            clock(look),
            look.followed.unwrap_or_default(),
            look.history.keys().cloned().collect::<Vec<_>>().join(", ")
        ))
    }

    fn tolerated(&self) -> Outcome {
        let look = self.first("a ratio within the tolerance", |look| {
            look.is(1.0, 1.0, "tolerance")
        })?;
        let usage = look.usage.unwrap_or_default();
        let figures = format!("{} s: {}", clock(look), look.told());
        if usage > 0.0 && usage < 50.0 {
            Ok(figures)
        } else {
            Err(figures)
        }
    }

    fn grown(&self) -> Outcome {
        let look = self.first("a wish for four replicas", |look| look.is(4.0, 4.0, "none"))?;
        Ok(format!("{} s: {}", clock(look), look.told()))
    }

    fn cut(&self) -> Outcome {
        let look = self.first("a wish above the maximum", |look| {
            look.is(8.0, 5.0, "max_replicas") && look.unmet == Some(3.0)
        })?;
        Ok(format!("{} s: {}", clock(look), look.told()))
    }

    /// The first page on which stabilization holds what nobody asks for any more.
    fn holding(&self) -> Result<&Look, String> {
        self.first("replicas held by stabilization", |look| {
            look.limiter.as_deref() == Some("stabilization_down")
                && look.wish == Some(2.0)
                && look.excess.is_some_and(|excess| excess > 0.0)
                && look.last_release.is_some()
        })
    }

    fn held(&self) -> Outcome {
        let look = self.holding()?;
        let wait = look.last_release.zip(look.computed);
        let wait = wait.map_or(0.0, |(release, now)| release - now);
        let figures = format!(
            "{} s: {}; all is let go in {wait:.1} s",
            clock(look),
            look.told()
        );
        if wait > 0.0 {
            Ok(figures)
        } else {
            Err(figures)
        }
    }

    fn released(&self) -> Outcome {
        let holding = self.holding()?;
        let after = self.looks.iter().filter(|look| look.at > holding.at);
        let free = after.clone().find(|look| look.current == Some(2.0));
        let free = free.ok_or("two replicas were never reached")?;
        // The last page that holds them knows every wish that counts.
        let held = after.filter(|look| look.at < free.at && look.decided == holding.decided);
        let announced = held
            .filter_map(|look| look.last_release)
            .next_back()
            .ok_or("no release was announced")?;
        let late = free.computed.unwrap_or_default() - announced;
        let figures = format!(
            "{} s: two replicas, seen {late:.1} s after the announced time; syncs are {} s apart",
            clock(free),
            SYNC.as_secs()
        );
        // The first sync at or after it, as soon as a page can show it; and not before.
        let latest = SYNC.as_secs_f64() + BEHIND;
        if (-HEARD_LATE..=latest).contains(&late) {
            Ok(figures)
        } else {
            Err(figures)
        }
    }

    fn agreed(&self) -> Outcome {
        let last = self.last()?;
        let counted: Vec<String> = last
            .checks
            .iter()
            .map(|(result, count)| format!("{count} {result}"))
            .collect();
        let figures = format!("{} s: {}", clock(last), counted.join(", "));
        if last.checked("match") >= 4.0 && last.checked("mismatch") < 1.0 {
            Ok(figures)
        } else {
            Err(figures)
        }
    }

    fn answered(&self) -> Outcome {
        let count = self.looks.len();
        match self.failures.first() {
            None if count > 0 => Ok(format!("{count} of {count} in {} s", clock(self.last()?))),
            None => Err("no page was scraped".to_owned()),
            Some((at, why)) => Err(format!(
                "{} of {} failed, the first at {:.1} s: {why}",
                self.failures.len(),
                count + self.failures.len(),
                at.as_secs_f64()
            )),
        }
    }
}

fn clock(look: &Look) -> String {
    format!("{:.1}", look.at.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Status;

    #[test]
    fn nothing_is_claimed_of_a_story_without_pages() {
        let rows = rows(&Seen::default());
        assert!(
            rows.iter().all(|row| row.status == Status::Failed),
            "{rows:?}"
        );
    }

    #[test]
    fn a_release_that_comes_late_or_early_is_no_release_at_the_announced_time() {
        let look = |at: u64, limiter: &str, current: f64| Look {
            at: std::time::Duration::from_secs(at),
            wish: Some(2.0),
            decided: Some(current),
            current: Some(current),
            limiter: Some(limiter.to_owned()),
            excess: Some(5.0 - 2.0),
            last_release: (limiter != "none").then_some(120.0),
            #[expect(clippy::cast_precision_loss, reason = "small")]
            computed: Some(100.0 + at as f64),
            ..Look::default()
        };
        for (seen_at, holds) in [(17, false), (18, true), (26, true), (27, false)] {
            let seen = Seen {
                looks: vec![
                    look(5, "stabilization_down", 5.0),
                    look(16, "stabilization_down", 5.0),
                    look(seen_at, "none", 2.0),
                ],
                failures: Vec::new(),
            };
            assert_eq!(
                seen.released().is_ok(),
                holds,
                "{seen_at}: {:?}",
                seen.released()
            );
        }
    }
}
