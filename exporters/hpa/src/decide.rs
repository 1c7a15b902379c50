//! What the objects mean: follows each sync with the engine, remembers what the controller remembers, and sets our answer against
//! the one that it wrote.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use hpa_engine::{Controller, Moment, Rivals};
use kube_watch::ObjectKey;

use crate::model::{Model, Write};
use crate::sample;

pub mod check;
pub mod findings;
mod follow;

use self::check::Verdict;
use self::follow::{Followed, SLACK};
pub use findings::{Finding, Findings};

/// What is remembered from one pass to the next.
#[derive(Debug)]
pub struct Decider {
    controller: Controller,
    rivals: Rivals,
    followed: BTreeMap<ObjectKey, Followed>,
}

impl Decider {
    /// Of a controller whose settings and rules are known.
    pub fn new(controller: Controller) -> Self {
        Self {
            controller,
            rivals: Rivals::default(),
            followed: BTreeMap::new(),
        }
    }

    /// One pass: follows what was written, assumes what must have happened, looks ahead where something changed.
    pub fn decide(&mut self, model: &mut Model, now: Moment) -> Findings {
        let began = Instant::now();
        self.enrol(model, now);
        self.settle(model);
        self.look(model, now);
        let autoscalers = self.followed.values();
        Findings {
            at: now,
            autoscalers: autoscalers
                .filter_map(|followed| followed.finding.clone())
                .collect(),
            controller: self.controller,
            took: began.elapsed().as_secs_f64(),
        }
    }

    /// Follows the writes since the last time. To be called soon after they came in, so that what they are judged by is young.
    pub fn settle(&mut self, model: &mut Model) {
        for write in model.take_writes() {
            self.follow(write);
        }
    }

    fn follow(&mut self, write: Write) {
        let Some(followed) = self.followed.get_mut(&write.key) else {
            return;
        };
        followed.follow(&self.controller, &mut self.rivals, write);
    }

    /// Autoscalers that came and went. All are known to each other before the first is looked at.
    fn enrol(&mut self, model: &mut Model, now: Moment) {
        for key in model.take_gone() {
            self.followed.remove(&key);
            self.rivals.forget(&key.namespace, &key.name);
        }
        let mut new = Vec::new();
        for (key, held) in model.autoscalers() {
            if !self.followed.contains_key(key) {
                let since = (!held.is_new).then_some(now);
                self.rivals.register(&key.namespace, &key.name);
                self.followed.insert(key.clone(), Followed::new(since));
                new.push(key.clone());
            }
        }
        // The first look is for their selectors alone: which others select the same pods shows once all have been seen.
        for key in new {
            self.preview(model, &key, now);
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
                    || followed.is_due(&self.controller, now)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.resolve(model, &key, now);
            let Some(followed) = self.followed.get(&key) else {
                continue;
            };
            let just_written = followed.last_write.is_some_and(|at| at.after(SLACK) > now);
            if followed.is_due(&self.controller, now) {
                self.assume(model, &key, now);
            } else if changed.contains(&key) && !just_written {
                self.preview(model, &key, now);
            }
        }
    }

    /// Ends a dispute once everything that happened at the time of the write has been heard of.
    fn resolve(&mut self, model: &Model, key: &ObjectKey, now: Moment) {
        let Some(followed) = self.followed.get_mut(key) else {
            return;
        };
        let Some(dispute) = followed
            .dispute
            .take_if(|dispute| dispute.write.at.after(SLACK) <= now)
        else {
            return;
        };
        let write = &dispute.write;
        let seen = &write.surroundings;
        let since = model.surroundings(&key.namespace, &seen.autoscaler);
        let (from, to) = (write.at.before(SLACK), write.at.after(SLACK));
        let moved =
            |placed: &Arc<crate::model::pod::Placed>| from < placed.seen && placed.seen < to;
        let skewed = seen.pods.iter().chain(&since.pods).any(moved);
        followed.judge(if skewed {
            Verdict::Skewed
        } else {
            Verdict::Mismatch
        });
    }

    fn assume(&mut self, model: &Model, key: &ObjectKey, now: Moment) {
        let Some((held, followed)) = model.autoscaler(key).zip(self.followed.get_mut(key)) else {
            return;
        };
        let surroundings = model.surroundings(&key.namespace, &held.autoscaler);
        followed.assume(&self.controller, &mut self.rivals, held, &surroundings, now);
    }

    fn preview(&mut self, model: &Model, key: &ObjectKey, now: Moment) {
        let Some((held, followed)) = model.autoscaler(key).zip(self.followed.get_mut(key)) else {
            return;
        };
        let surroundings = model.surroundings(&key.namespace, &held.autoscaler);
        let measured = sample::of_objects(model, &surroundings);
        followed.preview(
            &self.controller,
            &mut self.rivals,
            held,
            &surroundings,
            measured,
            now,
        );
    }
}
