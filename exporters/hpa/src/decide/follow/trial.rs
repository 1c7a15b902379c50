//! One sync, decided with what was seen of it.

use std::sync::Arc;

use hpa_engine::{
    Assumption, Controller, Decision, Memory, Moment, Put, Recommendation, Rivals, Samples, Status,
    Sync,
};

use super::SLACK;
use crate::decide::check::same;
use crate::decide::findings::{Finding, History, Occasion, Tally};
use crate::model::Surroundings;
use crate::sample;

/// What a sync is decided with.
#[derive(Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) controller: &'a Controller,
    pub(super) surroundings: &'a Surroundings,
    pub(super) status: &'a Status,
    pub(super) put: &'a Put,
    pub(super) now: Moment,
}

impl Trial<'_> {
    /// Samples that lead to what the status says; and whether the status does not say enough.
    pub(super) fn echo(&self, status: &Status, assumption: Assumption) -> (Samples, bool) {
        let Ok(scale) = &self.surroundings.scale else {
            return (Samples::default(), false);
        };
        let pods = self.surroundings.pods();
        let echo = self.controller.echo(
            &self.surroundings.autoscaler,
            status,
            scale,
            &pods,
            assumption,
            self.now,
        );
        (echo.samples, !echo.untold.is_empty())
    }

    pub(super) fn run(
        &self,
        samples: &Samples,
        memory: &mut Memory,
        rivals: &mut Rivals,
    ) -> Decision {
        let pods = self.surroundings.pods();
        let sync = self.sync(&pods, samples);
        self.controller.sync(&sync, memory, rivals)
    }

    pub(super) fn sync<'b>(
        &'b self,
        pods: &'b [&'b hpa_engine::Pod],
        samples: &'b Samples,
    ) -> Sync<'b> {
        Sync {
            autoscaler: &self.surroundings.autoscaler,
            status: self.status,
            scale: self.surroundings.scale.as_ref(),
            pods,
            samples,
            put: self.put,
            now: self.now,
        }
    }

    /// Whether something that an outside observer cannot know would lead to the controller's answer: which of the youngest
    /// pods had a metric, and whether it was from before they were ready; and on which side of a window's edge a memory lay.
    pub(super) fn explains(&self, theirs: &Status, memory: &Memory, rivals: &mut Rivals) -> bool {
        let youth = self.now.before(self.controller.settings.cpu_initialization);
        let young = self.surroundings.pods.iter().filter(|placed| {
            let ready = placed.pod.ready.is_some_and(|ready| ready.since > youth);
            ready || placed.pod.start_time.is_none_or(|start| start > youth)
        });
        let young = young.count();
        let assumptions = (0..=young).flat_map(|count| {
            [
                Assumption {
                    without: count,
                    early: 0,
                },
                Assumption {
                    without: 0,
                    early: count,
                },
            ]
        });
        let mut answers = |trial: &Self, assumption| {
            let (samples, _) = trial.echo(theirs, assumption);
            let decision = trial.run(&samples, &mut memory.clone(), rivals);
            same(theirs, &decision.status)
        };
        assumptions.into_iter().any(|it| answers(self, it))
            || [self.now.before(SLACK), self.now.after(SLACK)]
                .into_iter()
                .any(|now| answers(&Trial { now, ..*self }, Assumption::default()))
    }

    pub(super) fn finding(
        &self,
        decision: Decision,
        before: &Memory,
        after: &Memory,
        occasion: Occasion,
        mut history: History,
        samples: &Samples,
    ) -> Finding {
        let autoscaler = &self.surroundings.autoscaler;
        let pods = self.surroundings.pods();
        let sync = self.sync(&pods, samples);
        if !history.recommendations {
            history.bounds = self.bounds(&sync, &decision, before);
        }
        let releases = self.controller.releases(autoscaler, after, &decision);
        let next = [
            releases.down.first().map(|it| it.at),
            releases.up.first().map(|it| it.at),
            releases.rate,
        ];
        let next = next.into_iter().flatten().min();
        let thresholds = decision.proposals.iter().map(|proposal| {
            let proposal = proposal.as_ref().ok()?;
            proposal.calculation.thresholds(&decision.tolerance)
        });
        Finding {
            key: kube_watch::ObjectKey::new(&*autoscaler.namespace, &*autoscaler.name),
            autoscaler: Arc::clone(autoscaler),
            status: Arc::default(),
            problems: autoscaler
                .spec
                .problems(self.controller.profile.scale_to_zero),
            thresholds: thresholds.collect(),
            limiters: decision.limiters(),
            next_release: next.map(|at| self.controller.next_sync(self.now, at)),
            releases,
            counterfactuals: self.controller.counterfactuals(&sync, before, &decision),
            decision,
            occasion,
            history,
            sampled_at: sample::end(samples).filter(|at| *at != self.now),
            last_sync: None,
            tally: Tally::default(),
        }
    }

    /// What was not seen can only hold the wish back: with nothing but what was seen, and with the stand-in for the rest.
    pub(super) fn bounds(
        &self,
        sync: &Sync<'_>,
        decision: &Decision,
        memory: &Memory,
    ) -> Option<(i32, i32)> {
        let wish = decision.wish?;
        let mut seen = memory.clone();
        seen.recommendations.clear();
        seen.recommendations.push(Recommendation {
            replicas: wish.max(0),
            at: self.now,
        });
        let mut alone = Rivals::default();
        alone.register(&sync.autoscaler.namespace, &sync.autoscaler.name);
        let free = self.controller.sync(sync, &mut seen, &mut alone).desired;
        Some((free.min(decision.desired), free.max(decision.desired)))
    }
}
