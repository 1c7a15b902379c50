//! What the controller remembers of its own changes of a scale from before we came, found again: in `lastScaleTime`, and in the
//! events that it wrote.

use std::cmp::Reverse;

use hpa_engine::{Direction, Memory, Moment, ScaleEvent, Status};

use super::follow::SLACK;
use crate::model::rescale::{Others, Rescale};

/// Scale events, found again.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seed {
    /// Those that are known, the oldest first.
    pub(super) ups: Vec<ScaleEvent>,
    /// The same downwards.
    pub(super) downs: Vec<ScaleEvent>,
    /// After this none is missing; none at all is, if there is nothing.
    pub(super) since: Option<Moment>,
}

impl Seed {
    /// Of an autoscaler's status and the events about it. `started` is when the controller began, and knew nothing.
    ///
    /// `lastScaleTime` alone tells that nothing was changed after it. From there, events lead back: each tells to how many
    /// replicas it went, the one before it from how many. The first one that cannot be believed ends it, as does one that is
    /// not there: events live for an hour, are put together when there are many, and left out when there are more.
    pub(super) fn of(status: &Status, rescales: &[&Rescale], started: Option<Moment>) -> Self {
        let mut seed = Self::default();
        let Some(last) = status.last_scale_time else {
            return seed;
        };
        let mut rescales: Vec<_> = rescales.iter().flat_map(|it| it.told()).collect();
        rescales.retain(|it| it.at <= last.after(SLACK));
        rescales.sort_by_key(|it| Reverse(it.at));
        let newest = rescales.first().map(|it| it.at);
        let missing = match newest.filter(|newest| last.before(SLACK) <= *newest) {
            Some(_) => seed.follow_back(&rescales, started),
            None => Some(last),
        };
        seed.since = missing.filter(|at| !forgotten(*at, started));
        seed
    }

    /// Takes events, the newest first, until one cannot be believed: its time, if there is such a one.
    fn follow_back(&mut self, rescales: &[Rescale], started: Option<Moment>) -> Option<Moment> {
        for (index, rescale) in rescales.iter().enumerate() {
            let at = rescale.at;
            if forgotten(at, started) {
                return None;
            }
            let before = rescales.get(index + 1);
            let Some((direction, change)) = before.and_then(|it| rescale.change_since(it)) else {
                return Some(at);
            };
            let events = match direction {
                Direction::Up => &mut self.ups,
                Direction::Down => &mut self.downs,
            };
            let outdated = false;
            events.insert(
                0,
                ScaleEvent {
                    change,
                    at,
                    outdated,
                },
            );
            // What is told without its time may have been anywhere before this.
            if rescale.others == Others::Several {
                return before.map(|it| it.at);
            }
        }
        None
    }

    /// What the controller would remember of them.
    pub(super) fn memory(&self) -> Memory {
        Memory {
            ups: self.ups.clone(),
            downs: self.downs.clone(),
            ..Memory::default()
        }
    }
}

/// Whether it was before the controller began.
pub(super) fn forgotten(at: Moment, started: Option<Moment>) -> bool {
    started.is_some_and(|started| at < started)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube_watch::ObjectKey;

    use super::*;

    const BEGIN: Moment = Moment::from_seconds(1_795_009_600);

    fn at(seconds: u64) -> Moment {
        BEGIN.after(Duration::from_secs(seconds))
    }

    fn status(scaled: Option<u64>) -> Status {
        Status {
            last_scale_time: scaled.map(at),
            ..Status::default()
        }
    }

    fn to(size: i32, seconds: u64) -> Rescale {
        Rescale {
            key: ObjectKey::new("shop", format!("web.{seconds}")),
            autoscaler: ObjectKey::new("shop", "web"),
            uid: "".into(),
            at: at(seconds),
            size,
            direction: None,
            others: Others::None,
        }
    }

    fn seed(scaled: Option<u64>, rescales: &[Rescale], started: Option<u64>) -> Seed {
        let rescales: Vec<_> = rescales.iter().collect();
        Seed::of(&status(scaled), &rescales, started.map(at))
    }

    fn events(events: &[ScaleEvent]) -> Vec<(i32, Moment)> {
        events.iter().map(|it| (it.change, it.at)).collect()
    }

    #[test]
    fn what_was_never_scaled_has_nothing_to_remember() {
        assert_eq!(seed(None, &[], None), Seed::default());
    }

    #[test]
    fn without_events_all_that_is_known_is_that_nothing_came_after_the_last() {
        assert_eq!(seed(Some(100), &[], None).since, Some(at(100)));
        let older = seed(Some(100), &[to(3, 40), to(5, 60)], None);
        assert_eq!(older.since, Some(at(100)), "the last one is not told");
        assert!(older.ups.is_empty(), "{older:?}");
    }

    #[test]
    fn each_event_tells_from_where_the_next_one_went() {
        let found = seed(Some(100), &[to(5, 100), to(2, 20), to(8, 60)], None);
        assert_eq!(events(&found.ups), [(6, at(60))]);
        assert_eq!(events(&found.downs), [(3, at(100))]);
        assert_eq!(
            found.since,
            Some(at(20)),
            "of the first it is not known from where"
        );
    }

    #[test]
    fn an_event_that_cannot_be_believed_ends_what_is_known() {
        let told = Rescale {
            direction: Some(Direction::Up),
            ..to(5, 100)
        };
        let found = seed(Some(100), &[to(8, 60), told], None);
        assert_eq!(
            found.since,
            Some(at(100)),
            "somebody else scaled in between"
        );
        let combined = Rescale {
            others: Others::Combined,
            ..to(8, 60)
        };
        let found = seed(Some(100), &[to(2, 20), combined, to(5, 100)], None);
        assert_eq!(events(&found.downs), [(3, at(100))]);
        assert_eq!(found.since, Some(at(60)));
    }

    #[test]
    fn two_of_the_same_words_are_one_event_that_tells_both_times() {
        let again = Rescale {
            others: Others::One(at(40)),
            ..to(5, 100)
        };
        let found = seed(Some(100), &[to(2, 20), to(8, 60), again], None);
        assert_eq!(events(&found.ups), [(3, at(40)), (3, at(60))]);
        assert_eq!(events(&found.downs), [(3, at(100))]);
        assert_eq!(found.since, Some(at(20)));
    }

    #[test]
    fn of_several_of_the_same_words_the_last_one_is_known() {
        let again = Rescale {
            others: Others::Several,
            ..to(5, 100)
        };
        let found = seed(Some(100), &[to(2, 20), to(8, 60), again.clone()], None);
        assert_eq!(events(&found.downs), [(3, at(100))]);
        assert_eq!(found.since, Some(at(60)), "one may have been at 50");
        assert!(found.ups.is_empty(), "{found:?}");
        assert_eq!(seed(Some(100), &[again], None).since, Some(at(100)));
    }

    #[test]
    fn what_the_controller_forgot_when_it_started_is_not_missing() {
        assert_eq!(seed(Some(100), &[], Some(101)), Seed::default());
        let found = seed(Some(100), &[to(8, 20), to(2, 60), to(5, 100)], Some(61));
        assert_eq!(events(&found.ups), [(3, at(100))]);
        assert_eq!(found.since, None);
    }

    #[test]
    fn an_event_after_the_status_is_left_to_the_write_that_comes() {
        let found = seed(Some(100), &[to(2, 60), to(5, 100), to(9, 110)], None);
        assert_eq!(events(&found.ups), [(3, at(100))]);
    }
}
