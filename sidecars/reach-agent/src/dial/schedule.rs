//! When to make which dial: each at its own pace, all together within the budget, and at once what something has happened to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use reach::{Dial, DialId, Outcome, Plan};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{Allow, Sockets, Unable, dial};
use crate::report::{Results, Seen};

/// A random share of each pause, so that the agents of a cluster do not dial in step.
const JITTER: f64 = 0.1;
/// Dials in flight. Each is a socket and a few kilobytes.
const MOST_AT_ONCE: usize = 64;
/// A dial that starts so long after its time is late: the budget is too small for the plan.
const LATE: Duration = Duration::from_secs(1);

/// The dials of the plan and when each is due.
#[derive(Debug)]
pub struct Schedule {
    lanes: BTreeMap<DialId, Lane>,
    budget: Budget,
}

#[derive(Debug)]
struct Lane {
    dial: Arc<Dial>,
    due: Instant,
    /// The pause after the next dial: short after something has happened, and doubled until it is the dial's own.
    pause: Duration,
    in_flight: bool,
}

/// So many dials a second, with a second's worth at once.
#[derive(Debug)]
struct Budget {
    per_second: f64,
    left: f64,
    at: Instant,
}

/// A dial that is to be made now.
#[derive(Debug)]
pub struct Due {
    /// Which.
    pub dial: Arc<Dial>,
    /// Whether it should have been made much sooner.
    pub overdue: bool,
}

// === impl Schedule ===

impl Schedule {
    /// Nothing to dial yet, and at most so many dials a second.
    pub fn new(per_second: u16, now: Instant) -> Self {
        Self {
            lanes: BTreeMap::new(),
            budget: Budget::new(per_second, now),
        }
    }

    /// Goes by another plan from now on. A dial that is new, or to which something has happened, is due at once; all others keep
    /// their time.
    pub fn follow(&mut self, plan: Plan, now: Instant) {
        let mut before = std::mem::take(&mut self.lanes);
        for dial in plan.dials {
            let id = dial.id;
            let lane = match before.remove(&id) {
                Some(mut lane) => {
                    lane.turn_to(dial, now);
                    lane
                }
                None => Lane::new(dial, now),
            };
            self.lanes.insert(id, lane);
        }
    }

    /// A dial to be made now, if one is due and the budget has room. What something has happened to goes first.
    pub fn take(&mut self, now: Instant) -> Option<Due> {
        let waiting = self.lanes.values_mut().filter(|lane| lane.is_due(now));
        let lane = waiting.min_by_key(|lane| (!lane.is_restless(), lane.due))?;
        if !self.budget.spend(now) {
            return None;
        }
        let overdue = now.duration_since(lane.due) > LATE;
        lane.begin(now);
        Some(Due {
            dial: Arc::clone(&lane.dial),
            overdue,
        })
    }

    /// A dial has come to its end.
    pub fn ended(&mut self, id: DialId) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.in_flight = false;
        }
    }

    /// When [`Schedule::take`] is worth the next try; none if nothing is waiting.
    pub fn next(&self, now: Instant) -> Option<Instant> {
        let waiting = self.lanes.values().filter(|lane| !lane.in_flight);
        let due = waiting.map(|lane| lane.due).min()?;
        Some(due.max(self.budget.ready_at(now)))
    }
}

// === impl Lane ===

impl Lane {
    fn new(dial: Dial, now: Instant) -> Self {
        Self {
            pause: restless(&dial),
            dial: Arc::new(dial),
            due: now,
            in_flight: false,
        }
    }

    fn turn_to(&mut self, dial: Dial, now: Instant) {
        let happened = dial.generation != self.dial.generation
            || (dial.address, dial.protocol, dial.kind, &dial.from)
                != (
                    self.dial.address,
                    self.dial.protocol,
                    self.dial.kind,
                    &self.dial.from,
                );
        if happened {
            self.pause = restless(&dial);
            self.due = now;
        } else {
            self.due = self.due.min(now + dial.every());
        }
        self.dial = Arc::new(dial);
    }

    fn is_due(&self, now: Instant) -> bool {
        !self.in_flight && self.due <= now
    }

    fn is_restless(&self) -> bool {
        self.pause < self.dial.every()
    }

    fn begin(&mut self, now: Instant) {
        self.in_flight = true;
        let spread = 1.0 + JITTER * (fastrand::f64() * 2.0 - 1.0);
        self.due = now + self.pause.mul_f64(spread);
        self.pause = (self.pause * 2).min(self.dial.every());
    }
}

fn restless(dial: &Dial) -> Duration {
    Duration::from_secs_f64(Dial::RESTLESS).min(dial.every())
}

// === impl Budget ===

impl Budget {
    fn new(per_second: u16, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self {
            per_second,
            left: per_second,
            at: now,
        }
    }

    fn left(&self, now: Instant) -> f64 {
        let grown = now.duration_since(self.at).as_secs_f64() * self.per_second;
        (self.left + grown).min(self.per_second)
    }

    fn spend(&mut self, now: Instant) -> bool {
        let left = self.left(now);
        if left < 1.0 {
            return false;
        }
        (self.left, self.at) = (left - 1.0, now);
        true
    }

    fn ready_at(&self, now: Instant) -> Instant {
        let missing = (1.0 - self.left(now)).max(0.0);
        // A millisecond more, or rounding wakes us just too early.
        let wait = Duration::from_secs_f64(missing / self.per_second);
        now + wait + Duration::from_millis(u64::from(missing > 0.0))
    }
}

/// Makes the dials of whatever plan there is, for ever.
pub async fn keep_dialling(
    mut plans: watch::Receiver<Plan>,
    sockets: Arc<Sockets>,
    allow: Allow,
    per_second: u16,
    results: Results,
) -> Infallible {
    let mut schedule = Schedule::new(per_second, Instant::now());
    let mut in_flight = JoinSet::new();
    loop {
        let now = Instant::now();
        while in_flight.len() < MOST_AT_ONCE
            && let Some(due) = schedule.take(now)
        {
            if due.overdue {
                results.late();
            }
            in_flight.spawn(make(due.dial, Arc::clone(&sockets), allow.clone()));
        }
        let next = schedule
            .next(now)
            .filter(|_| in_flight.len() < MOST_AT_ONCE);
        tokio::select! {
            Ok(()) = plans.changed() => {
                let plan = plans.borrow_and_update().clone();
                results.follow(&plan);
                if let Some(entrance) = &sockets.entrance {
                    let pods = plan.dials.iter().filter_map(|dial| dial.from.as_ref());
                    entrance.retain(&pods.map(|pod| pod.uid.as_str()).collect());
                }
                schedule.follow(plan, Instant::now());
            }
            Some(Ok(seen)) = in_flight.join_next() => {
                schedule.ended(seen.dial.id);
                results.saw(seen);
            }
            () = sleep_until(next.unwrap_or(now)), if next.is_some() => {}
            else => std::future::pending().await,
        }
    }
}

async fn make(planned: Arc<Dial>, sockets: Arc<Sockets>, allow: Allow) -> Seen {
    let started = Instant::now();
    let made = if allow.permits(planned.address.ip()) {
        dial(&planned, &sockets).await
    } else {
        Err(Unable::Forbidden(planned.address.ip()))
    };
    let (outcome, why) = match made {
        Ok(outcome) => (outcome, None),
        Err(unable) => (Outcome::Unable, Some(unable.to_string())),
    };
    Seen {
        dial: planned,
        outcome,
        why,
        started,
        took: started.elapsed(),
    }
}

#[cfg(test)]
mod tests {
    use reach::{Kind, Protocol, Revision, Workload};

    use super::*;

    fn planned(id: u64, every_seconds: f64, generation: u64) -> Dial {
        Dial {
            id: DialId(id),
            address: "10.0.0.1:80".parse().unwrap(),
            protocol: Protocol::Tcp,
            kind: Kind::Plain,
            destination: Workload {
                namespace: String::new(),
                name: "a".to_owned(),
            },
            from: None,
            every_seconds,
            timeout_seconds: 1.0,
            generation,
        }
    }

    fn plan(dials: Vec<Dial>) -> Plan {
        Plan {
            revision: Revision(1),
            dials,
        }
    }

    /// The times at which dials start until `end`, each ending at once.
    fn starts(schedule: &mut Schedule, mut now: Instant, end: Duration) -> Vec<(u64, Duration)> {
        let begun = now;
        let mut starts = Vec::new();
        while let Some(next) = schedule.next(now).filter(|next| *next - begun <= end) {
            now = next;
            while let Some(due) = schedule.take(now) {
                starts.push((due.dial.id.0, now - begun));
                schedule.ended(due.dial.id);
            }
        }
        starts
    }

    #[test]
    fn a_new_dial_is_restless_and_then_keeps_its_pace() {
        let now = Instant::now();
        let mut schedule = Schedule::new(10, now);
        schedule.follow(plan(vec![planned(1, 8.0, 0)]), now);
        let starts = starts(&mut schedule, now, Duration::from_mins(1));
        let pauses: Vec<f64> = starts
            .windows(2)
            .map(|two| two[1].1.as_secs_f64() - two[0].1.as_secs_f64())
            .collect();
        assert_eq!(starts[0].1, Duration::ZERO);
        for (pause, meant) in pauses.iter().zip([1.0, 2.0, 4.0, 8.0, 8.0, 8.0]) {
            assert!((pause / meant - 1.0).abs() <= JITTER + 0.01, "{pauses:?}");
        }
    }

    #[test]
    fn what_something_has_happened_to_is_dialled_at_once_and_nothing_else() {
        let mut now = Instant::now();
        let mut schedule = Schedule::new(10, now);
        schedule.follow(plan(vec![planned(1, 60.0, 0), planned(2, 60.0, 0)]), now);
        starts(&mut schedule, now, Duration::from_secs(200));
        now += Duration::from_secs(200);
        schedule.follow(plan(vec![planned(1, 60.0, 0), planned(2, 60.0, 1)]), now);
        assert_eq!(schedule.take(now).unwrap().dial.id, DialId(2));
        assert!(schedule.take(now).is_none());
    }

    #[test]
    fn the_budget_holds_whatever_the_plan_wants() {
        let now = Instant::now();
        let mut schedule = Schedule::new(5, now);
        schedule.follow(plan((0..100).map(|id| planned(id, 1.0, 0)).collect()), now);
        let starts = starts(&mut schedule, now, Duration::from_secs(10));
        assert!((50..=56).contains(&starts.len()), "{}", starts.len());
        assert!(
            starts[..5].iter().all(|(_, at)| at.is_zero()),
            "a second's worth at once"
        );
        // Nobody is left out: those that wait longest go first.
        let made: std::collections::BTreeSet<u64> = starts.iter().map(|(id, _)| *id).collect();
        assert_eq!(made.len(), starts.len());
    }

    #[test]
    fn a_dial_that_is_under_way_is_not_begun_again() {
        let now = Instant::now();
        let mut schedule = Schedule::new(10, now);
        schedule.follow(plan(vec![planned(1, 1.0, 0)]), now);
        assert!(schedule.take(now).is_some());
        assert!(schedule.next(now).is_none());
        assert!(schedule.take(now + Duration::from_secs(100)).is_none());
        schedule.ended(DialId(1));
        assert!(
            schedule
                .take(now + Duration::from_secs(100))
                .unwrap()
                .overdue
        );
    }

    #[test]
    fn what_is_no_longer_in_the_plan_is_dialled_no_longer() {
        let now = Instant::now();
        let mut schedule = Schedule::new(10, now);
        schedule.follow(plan(vec![planned(1, 1.0, 0)]), now);
        schedule.follow(plan(Vec::new()), now);
        schedule.ended(DialId(1));
        assert!(schedule.next(now).is_none());
    }
}
