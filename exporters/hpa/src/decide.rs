//! What the objects mean: follows each sync with the engine, remembers what the controller remembers, and sets our answer against
//! the one that it wrote.

use std::collections::BTreeMap;
use std::time::Instant;

use hpa_engine::{Controller, Moment, Rivals, Samples};
use kube_watch::ObjectKey;

use crate::config::known::Known;
use crate::model::{Model, Write};
use crate::recording::Line;
use crate::sample;

pub mod candidate;
pub mod check;
mod correct;
mod dispute;
pub mod findings;
mod follow;
pub mod kept;
mod measured;
mod reach;
mod reel;
mod seed;
mod trial;

use self::findings::Occasion;
use self::follow::Followed;
use self::kept::Kept;
use self::seed::Seed;
pub use candidate::Candidate;
pub use findings::{Finding, Findings};

/// What is remembered from one pass to the next.
#[derive(Debug)]
pub struct Decider {
    known: Known,
    rivals: Rivals,
    followed: BTreeMap<ObjectKey, Followed>,
    restarts: u64,
    /// When the controller began, as far as it is known.
    started: Option<Moment>,
    kept: Kept,
    /// Findings hold what pages show, and no more.
    lean: bool,
    /// Syncs are recorded.
    records: bool,
}

impl Decider {
    /// Of a controller whose settings and rules are known.
    pub fn new(known: impl Into<Known>) -> Self {
        Self {
            known: known.into(),
            rivals: Rivals::default(),
            followed: BTreeMap::new(),
            restarts: 0,
            started: None,
            kept: Kept::default(),
            lean: false,
            records: false,
        }
    }

    /// The same for a process that stays: of each decision it keeps what its pages show, and lets go of the status and the events
    /// that would have been written.
    #[must_use]
    pub fn lean(self) -> Self {
        Self { lean: true, ..self }
    }

    /// The same, with every sync recorded from now on, until somebody takes them.
    #[must_use]
    pub fn recording(self) -> Self {
        Self {
            records: true,
            ..self
        }
    }

    /// What was recorded since the last time, each autoscaler's in the order of time.
    pub fn take_recorded(&mut self) -> Vec<(Controller, Line)> {
        let reels = self.followed.values_mut();
        reels
            .filter_map(|followed| followed.reel.as_mut())
            .flat_map(|reel| reel.take())
            .collect()
    }

    /// One pass: follows what was written, assumes what must have happened, looks ahead where something changed.
    pub fn decide(&mut self, model: &mut Model, now: Moment) -> Findings {
        self.settle(model, now);
        self.survey(model, now)
    }

    /// The same without the writes, which somebody else follows.
    pub fn survey(&mut self, model: &mut Model, now: Moment) -> Findings {
        let began = Instant::now();
        // Those of the first lists came before anybody listened for changes.
        self.enrol(model, now);
        self.look(model, now);
        let autoscalers = self.followed.values();
        Findings {
            at: now,
            autoscalers: autoscalers
                .filter_map(|followed| followed.finding.clone())
                .collect(),
            known: self.known.clone(),
            restarts: self.restarts,
            mismatches: self.kept.clone(),
            took: began.elapsed().as_secs_f64(),
        }
    }

    /// Follows the writes since the last time. To be called soon after they came in, so that what they are judged by is young.
    pub fn settle(&mut self, model: &mut Model, now: Moment) {
        for write in self.hear(model, now) {
            self.follow(&write, None);
        }
    }

    /// From now on the controller is taken to be this one.
    pub fn learn(&mut self, known: Known) {
        self.known = known;
    }

    /// Who came and went, and what was written since the last time.
    pub fn hear(&mut self, model: &mut Model, now: Moment) -> Vec<Write> {
        self.enrol(model, now);
        if model.restarts() != self.restarts {
            self.restarts = model.restarts();
            self.forget();
        }
        model.take_writes()
    }

    /// Another process of the controller has taken over, which remembers nothing.
    fn forget(&mut self) {
        self.rivals = Rivals::default();
        for (key, followed) in &mut self.followed {
            self.rivals.register(&key.namespace, &key.name);
            followed.forget();
        }
    }

    /// A write of this autoscaler is followed later, once it is measured.
    pub fn expect(&mut self, key: &ObjectKey) {
        if let Some(followed) = self.followed.get_mut(key) {
            followed.expect();
        }
    }

    /// Follows a write, with what was measured at the time if somebody asked.
    pub fn follow(&mut self, write: &Write, measured: Option<Samples>) {
        let Some(followed) = self.followed.get_mut(&write.key) else {
            return;
        };
        // One that is still open is judged by what has been heard of by now.
        if let Some(dispute) = followed.dispute.take() {
            self.kept
                .keep(followed.settle(dispute, &write.surroundings));
        }
        followed.follow(&self.known.controller, &mut self.rivals, write, measured);
        followed.slim(self.lean);
    }

    /// Autoscalers that came and went. All are known to each other before the first is looked at.
    fn enrol(&mut self, model: &mut Model, now: Moment) {
        self.date(model, now);
        for key in model.take_gone() {
            self.followed.remove(&key);
            self.rivals.forget(&key.namespace, &key.name);
        }
        let new = model.take_new();
        self.join(model, &new, now);
        // The first look is for their selectors alone: which others select the same pods shows once all have been seen.
        for key in new {
            self.preview(model, &key, now);
        }
    }

    /// When the controller began may be told later than the first look: its Lease is not waited for, because not everybody may read it.
    fn date(&mut self, model: &Model, now: Moment) {
        let Some(started) = model.controller_since() else {
            return;
        };
        if self.started.replace(started) == Some(started) {
            return;
        }
        let followed = self.followed.iter_mut();
        let changed = followed.filter_map(|(key, it)| it.forget_before(started).then_some(key));
        let changed: Vec<_> = changed.cloned().collect();
        for key in changed {
            self.refresh(model, &key, now);
        }
    }

    fn join(&mut self, model: &Model, new: &[ObjectKey], now: Moment) {
        if new.is_empty() {
            return;
        }
        // Those of a first list take turns, so that their syncs are not all assumed at one moment.
        let turns = u32::try_from(new.len()).unwrap_or(u32::MAX);
        let apart = self.known.controller.settings.sync_period / turns;
        let mut last = now;
        let rescales = model.rescales();
        for key in new {
            let held = model.autoscaler(key).filter(|held| !held.is_new);
            let mut followed = held.map_or_else(Followed::new, |held| {
                let told = rescales.get(key).into_iter().flatten();
                let told = told.filter(|told| told.uid.is_empty() || *told.uid == *held.uid);
                let told: Vec<_> = told.copied().collect();
                let seed = Seed::of(&held.status, &told, model.controller_since());
                Followed::joined(now, last, &seed)
            });
            followed.reel = self.records.then(Box::default);
            last = last.before(apart);
            self.rivals.register(&key.namespace, &key.name);
            self.followed.insert(key.clone(), followed);
        }
    }

    fn look(&mut self, model: &mut Model, now: Moment) {
        let changed = model.take_changed();
        let due: Vec<ObjectKey> = self
            .followed
            .iter()
            .filter(|(key, followed)| {
                changed.contains(*key)
                    || followed.dispute.is_some()
                    || followed.is_due(&self.known.controller, now)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.resolve(model, &key, now);
            let Some(followed) = self.followed.get(&key) else {
                continue;
            };
            if followed.is_due(&self.known.controller, now) {
                self.assume(model, &key, now);
            }
            if changed.contains(&key) {
                self.refresh(model, &key, now);
            }
        }
    }

    /// Ends a dispute once everything that happened at the time of the write has been heard of.
    fn resolve(&mut self, model: &Model, key: &ObjectKey, now: Moment) {
        let Some(followed) = self.followed.get_mut(key) else {
            return;
        };
        if let Some(dispute) = followed.dispute.take_if(|dispute| dispute.is_over(now)) {
            let since = model.surroundings(&key.namespace, &dispute.surroundings.autoscaler);
            self.kept.keep(followed.settle(dispute, &since));
        }
    }

    fn assume(&mut self, model: &Model, key: &ObjectKey, now: Moment) {
        let Some((held, followed)) = model.autoscaler(key).zip(self.followed.get_mut(key)) else {
            return;
        };
        let surroundings = model.surroundings(&key.namespace, &held.autoscaler);
        followed.assume(
            &self.known.controller,
            &mut self.rivals,
            held,
            &surroundings,
            now,
        );
        followed.slim(self.lean);
    }

    /// Looks ahead where what was found last is of another specification, or nothing was followed yet. A scale that moved is no
    /// reason: with the old sample it would make a wish that no sync ever had.
    fn refresh(&mut self, model: &Model, key: &ObjectKey, now: Moment) {
        let followed = self.followed.get(key);
        let finding = followed.and_then(|followed| followed.finding.as_ref());
        let held = model.autoscaler(key);
        let stands = finding.zip(held).is_some_and(|(finding, held)| {
            finding.occasion != Occasion::Preview && *finding.autoscaler == *held.autoscaler
        });
        if !stands {
            self.preview(model, key, now);
        }
    }

    fn preview(&mut self, model: &Model, key: &ObjectKey, now: Moment) {
        let Some((held, followed)) = model.autoscaler(key).zip(self.followed.get_mut(key)) else {
            return;
        };
        let surroundings = model.surroundings(&key.namespace, &held.autoscaler);
        let measured = sample::of_objects(model, &surroundings);
        followed.preview(
            &self.known.controller,
            &mut self.rivals,
            held,
            &surroundings,
            &measured,
            now,
        );
        followed.slim(self.lean);
    }
}
