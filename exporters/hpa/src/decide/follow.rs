//! One autoscaler, followed from sync to sync: what its controller remembers of it, and what each sync comes to.

use std::sync::Arc;
use std::time::Duration;

use hpa_engine::{
    Assumption, Before, Controller, Memory, Moment, Path, Put, Rivals, Samples, ScaleFailure,
    Status,
};

use super::check::{Difference, Verdict, differences, same};
use super::correct;
use super::dispute::Dispute;
use super::findings::{Finding, Occasion, Sampled, Tally};
use super::kept::Mismatch;
use super::measured::Measured;
use super::reel::Reel;
use super::seed::{Seed, forgotten};
use super::trial::{Trial, as_of, failed};
use crate::model::{Held, Surroundings, Write};
use crate::recording::Line;
use crate::sample;

/// Objects keep whole seconds, and watches come a little late: what happened within this much of a write may have been before
/// it or after.
pub(super) const SLACK: Duration = Duration::from_secs(1);

mod history;

/// An autoscaler, followed.
#[derive(Debug)]
pub(super) struct Followed {
    memory: Memory,
    /// Since when every recommendation was seen; from the beginning, if nothing.
    since: Option<Moment>,
    /// The same of scale events.
    scales_since: Option<Moment>,
    /// The recommendation that stands in for those that were not seen, until it is too old to count.
    stand_in: Option<Moment>,
    /// The last sync, seen or assumed.
    last: Option<Moment>,
    /// The last write that was seen.
    pub(super) last_write: Option<Moment>,
    pub(super) dispute: Option<Box<Dispute>>,
    pub(super) tally: Tally,
    /// A write has been seen that is still to be followed.
    expected: bool,
    measured: Measured,
    /// Where its syncs are recorded, if they are: nearly nobody's are.
    pub(super) reel: Option<Box<Reel>>,
    pub(super) finding: Option<Arc<Finding>>,
}

impl Followed {
    /// Of an autoscaler that the exporter saw being made.
    pub(super) fn new() -> Self {
        Self {
            memory: Memory::default(),
            since: None,
            scales_since: None,
            stand_in: None,
            last: None,
            last_write: None,
            dispute: None,
            tally: Tally::default(),
            expected: false,
            measured: Measured::default(),
            reel: None,
            finding: None,
        }
    }

    /// Of one that was there before the exporter, which came to it at `since`. The controller's rhythm is not known then, but its
    /// period is: the last sync is taken to have been at `last`. What it scaled is known as far as the seed is.
    pub(super) fn joined(since: Moment, last: Moment, seed: &Seed) -> Self {
        Self {
            memory: seed.memory(),
            since: Some(since),
            scales_since: seed.since,
            last: Some(last),
            ..Self::new()
        }
    }

    /// When the next sync is to be assumed, if no write tells of one.
    pub(super) fn is_due(&self, controller: &Controller, now: Moment) -> bool {
        let period = controller.settings.sync_period;
        let late = |last: Moment| last.after(period + period / 4 + SLACK) <= now;
        !self.expected && self.last.is_some_and(late)
    }

    /// A write is seen, and followed once its sample is there: until then, no sync is to be assumed.
    pub(super) fn expect(&mut self) {
        self.expected = true;
    }

    /// Follows a write of the controller, and sets our answer against it.
    pub(super) fn follow(
        &mut self,
        controller: &Controller,
        rivals: &mut Rivals,
        write: &Write,
        measured: Option<Samples>,
    ) {
        let mut surroundings = as_of(&write.surroundings, &write.after);
        let scaled = write.after.last_scale_time != write.before.last_scale_time;
        // Whether the API server gave the scale and took it is no decision: it is read from the status like what was measured.
        let refused = failed(&write.after, "FailedGetScale");
        // It was given one that nobody gave to us.
        let unseen = refused.is_none() && surroundings.scale.is_err();
        if let Some(text) = refused {
            surroundings.scale = Err(ScaleFailure::Get(text));
        }
        let put = match failed(&write.after, "FailedUpdateScale") {
            Some(text) => Put::Failed(write.at, text),
            None if scaled => Put::Done(write.at),
            None => Put::Withheld,
        };
        let mut trial = Trial {
            controller,
            surroundings: &surroundings,
            status: &write.before,
            put: &put,
            now: write.at,
        };
        let before = self.memory.clone();
        let echo = trial.echo(&write.after, Assumption::default());
        let (kept, told) = (&mut self.measured, &echo.samples);
        let mut fits = kept.renew(measured, &trial, told, &write.after, &before, rivals);
        // What was measured, the status need not tell.
        let open = |index: &usize| fits.get(*index).copied().flatten() != Some(Sampled::Match);
        let problems = unseen || echo.untold.iter().any(open);
        let contradicted = echo.contradictions.iter().any(open);
        let mut samples = self.measured.over(echo.samples);
        let mut decision = trial.run(&samples, &mut self.memory, rivals);
        let agreed = same(&write.after, &decision.status);
        let explanation = (!agreed && !problems)
            .then(|| trial.explanation(&write.after, &before, rivals))
            .flatten();
        // No usage of all these pods leads to the status: some had no metric.
        let skewed = contradicted || explanation.is_some();
        // A replay knows of no rivals, and of nothing that the status told.
        let replayable = agreed && decision.path != Path::Ambiguous;
        // What the controller remembers is what it saw. Our own wish in its place would be held against it for a whole window.
        if let Some(explanation) = explanation {
            trial.now = explanation.now;
            samples = explanation.samples;
            decision = explanation.decision;
            self.memory = explanation.memory;
            self.measured.distrust(&mut fits);
        } else if !agreed && decision.path == Path::Metrics {
            correct::wish(&mut self.memory, write.at, &write.after);
        }
        self.tally.count_samples(&fits);
        self.begin(&before, write.at);
        self.tally.count(&decision, write);
        let ours = decision.rescale.as_ref().map(|rescale| rescale.to);
        if scaled && ours != Some(write.after.desired_replicas) {
            correct::scale(&mut self.memory, &surroundings.autoscaler, write);
        }
        let history = self.history(&surroundings.autoscaler, controller, write.at);
        let verdict = match (agreed, problems) {
            _ if !history.recommendations || !history.scale_events => Some(Verdict::Warming),
            (true, _) => Some(Verdict::Match),
            (false, true) => Some(Verdict::Unsupported),
            (false, false) => skewed.then_some(Verdict::Skewed),
        };
        self.tally.differences = differences(&write.after, &decision.status);
        self.last = Some(write.at);
        self.last_write = Some(write.at);
        self.expected = false;
        let line = |differences: &[Difference]| Line {
            observed: Some((*write.after).clone()),
            differences: differences.to_vec(),
            ..trial.line(&samples, &before)
        };
        if let Some(reel) = &mut self.reel {
            let after = replayable.then(|| Before {
                memory: self.memory.clone(),
                status: decision.status.clone(),
            });
            reel.record(controller, line(&self.tally.differences), after);
        }
        let finding = trial.finding(
            decision,
            &before,
            &self.memory,
            Occasion::Write,
            history,
            &samples,
        );
        self.keep(finding, &write.after);
        if let Some(verdict) = verdict {
            return self.judge(verdict);
        }
        let mismatch = Mismatch {
            controller: *controller,
            line: line(&self.tally.differences),
        };
        self.dispute = Some(Box::new(Dispute {
            surroundings: write.surroundings.clone(),
            mismatch,
        }));
    }

    /// Assumes a sync that had nothing to write. One that would have had to is not assumed: the controller is late, or gone.
    pub(super) fn assume(
        &mut self,
        controller: &Controller,
        rivals: &mut Rivals,
        held: &Held,
        surroundings: &Surroundings,
        now: Moment,
    ) {
        let period = controller.settings.sync_period;
        let at = self.last.map_or(now, |last| last.after(period));
        let trial = Trial {
            controller,
            surroundings,
            status: &held.status,
            put: &Put::Withheld,
            now: at,
        };
        let before = self.memory.clone();
        let mut after = before.clone();
        let echo = trial.echo(&held.status, Assumption::default()).samples;
        let samples = self.measured.over(echo);
        let decision = trial.run(&samples, &mut after, rivals);
        if same(&held.status, &decision.status) {
            self.memory = after;
            self.begin(&before, at);
            self.last = Some(at);
            if let Some(reel) = &mut self.reel {
                let after = Before {
                    memory: self.memory.clone(),
                    status: decision.status.clone(),
                };
                reel.record(controller, trial.line(&samples, &before), Some(after));
            }
            let history = self.history(&held.autoscaler, controller, at);
            let finding = trial.finding(
                decision,
                &before,
                &self.memory,
                Occasion::Rhythm,
                history,
                &samples,
            );
            self.keep(finding, &held.status);
        } else {
            self.last = Some(now);
        }
    }

    /// What the next sync would come to, as things are.
    pub(super) fn preview(
        &mut self,
        controller: &Controller,
        rivals: &mut Rivals,
        held: &Held,
        surroundings: &Surroundings,
        measured: &Samples,
        now: Moment,
    ) {
        // A status tells what was measured at its own sync, so it is that sync that is made again; what is measured anew
        // is of the pods that there are now.
        let as_written;
        let surroundings = if measured.resource.is_some() {
            surroundings
        } else {
            as_written = as_of(surroundings, &held.status);
            &as_written
        };
        let trial = Trial {
            controller,
            surroundings,
            status: &held.status,
            put: &Put::Withheld,
            now,
        };
        let echo = trial.echo(&held.status, Assumption::default()).samples;
        let samples = sample::over(echo, measured);
        let mut after = self.memory.clone();
        let decision = trial.run(&samples, &mut after, rivals);
        let history = self.history_ahead(&held.autoscaler, controller, now);
        let finding = trial.finding(
            decision,
            &self.memory,
            &after,
            Occasion::Preview,
            history,
            &samples,
        );
        self.keep(finding, &held.status);
    }

    /// Ends a dispute, with what there is since: a mismatch to be kept, or pods that moved.
    pub(super) fn settle(
        &mut self,
        dispute: Box<Dispute>,
        since: &Surroundings,
    ) -> Option<Mismatch> {
        let skewed = dispute.is_skewed(since);
        self.judge(if skewed {
            Verdict::Skewed
        } else {
            Verdict::Mismatch
        });
        (!skewed).then_some(dispute.mismatch)
    }

    /// Enters a verdict.
    fn judge(&mut self, verdict: Verdict) {
        let place = Verdict::ALL.iter().position(|it| *it == verdict);
        if let Some(count) = place.and_then(|place| self.tally.checks.get_mut(place)) {
            *count += 1;
        }
        match verdict {
            Verdict::Match => self.tally.agreement = Some(true),
            Verdict::Mismatch => self.tally.agreement = Some(false),
            Verdict::Skewed | Verdict::Warming | Verdict::Unsupported => {}
        }
        if let Some(finding) = &mut self.finding {
            Arc::make_mut(finding).tally = self.tally.clone();
        }
    }

    /// Forgets everything, as a controller that starts anew does: from now on, all that it remembers is seen.
    pub(super) fn forget(&mut self) {
        self.memory = Memory::default();
        self.since = None;
        self.scales_since = None;
        self.stand_in = None;
        self.last = None;
    }

    /// Forgets what was scaled before the controller began. Says whether there was anything.
    pub(super) fn forget_before(&mut self, started: Moment) -> bool {
        let scales = |memory: &Memory| memory.ups.len() + memory.downs.len();
        let before = (scales(&self.memory), self.scales_since);
        self.memory
            .ups
            .retain(|it| !forgotten(it.at, Some(started)));
        self.memory
            .downs
            .retain(|it| !forgotten(it.at, Some(started)));
        self.scales_since = self
            .scales_since
            .filter(|at| !forgotten(*at, Some(started)));
        before != (scales(&self.memory), self.scales_since)
    }

    /// Lets go of what no page shows, if it is to be lean.
    pub(super) fn slim(&mut self, lean: bool) {
        if let Some(finding) = self.finding.as_mut().filter(|_| lean) {
            Arc::make_mut(finding).slim();
        }
    }

    fn keep(&mut self, mut finding: Finding, status: &Arc<Status>) {
        finding.status = Arc::clone(status);
        finding.last_sync = self.last_write;
        finding.tally = self.tally.clone();
        finding.complaints = Arc::clone(&self.measured.complaints);
        self.finding = Some(Arc::new(finding));
    }

    /// The engine begins an empty memory with the present number: if the controller was at it before, that stands in for what
    /// was not seen.
    fn begin(&mut self, before: &Memory, at: Moment) {
        if before.recommendations.is_empty()
            && self.since.is_some()
            && !self.memory.recommendations.is_empty()
        {
            self.stand_in = Some(at);
        }
    }

    /// What the controller remembers, as far as that is known.
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_a_write_waits_for_its_sample_no_sync_is_assumed() {
        let (now, later) = (Moment::from_seconds(0), Moment::from_seconds(3600));
        let mut followed = Followed::joined(now, now, &Seed::default());
        let controller = Controller::default();
        assert!(followed.is_due(&controller, later));
        followed.expect();
        assert!(!followed.is_due(&controller, later));
    }
}
