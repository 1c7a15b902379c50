//! One sync, tried: with what was seen, and with what nobody outside can know one way or the other.

use std::sync::Arc;

use hpa_engine::{
    Assumption, Before, ConditionKind, Controller, Decision, Echo, Memory, Moment, Put,
    Recommendation, Recorded, Rivals, Samples, Status, Sync, Truth,
};

use super::check::same;
use super::findings::{Finding, History, Occasion, Sampled, Tally};
use super::follow::SLACK;
use crate::model::Surroundings;
use crate::recording::Line;
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

/// A sync as the controller may have made it.
pub(super) struct Explanation {
    /// When.
    pub(super) now: Moment,
    pub(super) samples: Samples,
    pub(super) decision: Decision,
    /// After it.
    pub(super) memory: Memory,
}

impl Trial<'_> {
    /// Samples that lead to what the status says.
    pub(super) fn echo(&self, status: &Status, assumption: Assumption) -> Echo {
        let Ok(scale) = &self.surroundings.scale else {
            return Echo::default();
        };
        let pods = self.surroundings.pods();
        self.controller.echo(
            &self.surroundings.autoscaler,
            status,
            scale,
            &pods,
            assumption,
            self.now,
        )
    }

    /// All of it, to be decided again some other time.
    pub(super) fn line(&self, samples: &Samples, before: &Memory) -> Line {
        Line {
            sync: Recorded {
                now: self.now,
                autoscaler: (*self.surroundings.autoscaler).clone(),
                scale: self.surroundings.scale.clone(),
                pods: self.surroundings.pods().into_iter().cloned().collect(),
                samples: samples.clone(),
                put: self.put.clone(),
            },
            before: Some(Before {
                memory: before.clone(),
                status: self.status.clone(),
            }),
            observed: None,
            differences: Vec::new(),
        }
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

    /// What of the measured comes to the numbers that the controller wrote: of that it saw the same. Gives the rest up, and says for
    /// each metric what came of it; nothing of one that was not asked for, or not looked at. `told` is what the status tells of all.
    pub(super) fn fitting(
        &self,
        measured: &mut Samples,
        told: Samples,
        theirs: &Status,
        memory: &Memory,
        rivals: &mut Rivals,
    ) -> Vec<Option<Sampled>> {
        let samples = sample::over(told, measured);
        let decision = self.run(&samples, &mut memory.clone(), rivals);
        let ours = &decision.status.current_metrics;
        let theirs = &theirs.current_metrics;
        let metrics = &self.surroundings.autoscaler.spec.metrics;
        let fits = metrics.iter().enumerate().map(|(index, spec)| {
            let measured = sample::answered(measured, &spec.source)?;
            match (ours.get(index), theirs.get(index)) {
                _ if !measured => Some(Sampled::Failed),
                (None, None) => None,
                (Some(ours), Some(theirs)) if ours.current == theirs.current => {
                    Some(Sampled::Match)
                }
                _ => Some(Sampled::Differs),
            }
        });
        let fits: Vec<_> = fits.collect();
        for (spec, fits) in metrics.iter().zip(&fits) {
            if *fits != Some(Sampled::Match) {
                sample::discard(measured, &spec.source);
            }
        }
        fits
    }

    /// Something that an outside observer cannot know and that would lead to the controller's answer: which of the youngest pods
    /// had a metric, and whether it was from before they were ready; whether the target still reported other replicas, which an
    /// average is over; and on which side of a window's edge a memory lay.
    pub(super) fn explanation(
        &self,
        theirs: &Status,
        memory: &Memory,
        rivals: &mut Rivals,
    ) -> Option<Explanation> {
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
        let assumed = assumptions.map(|assumption| (*self, assumption));
        let shifted = [self.now.before(SLACK), self.now.after(SLACK)]
            .map(|now| (Trial { now, ..*self }, Assumption::default()));
        let reporting = self.reporting();
        let reporting = reporting.iter().map(|surroundings| {
            (
                Trial {
                    surroundings,
                    ..*self
                },
                Assumption::default(),
            )
        });
        let mut trials = assumed.chain(reporting).chain(shifted);
        trials.find_map(|(trial, assumption)| {
            let samples = trial.echo(theirs, assumption).samples;
            let mut memory = memory.clone();
            let decision = trial.run(&samples, &mut memory, rivals);
            same(theirs, &decision.status).then_some(Explanation {
                now: trial.now,
                samples,
                decision,
                memory,
            })
        })
    }

    /// What was around it, with what the target reported until just before, the newest first.
    fn reporting(&self) -> Vec<Surroundings> {
        let edge = self.now.before(SLACK);
        let formerly = self.surroundings.formerly.iter().rev();
        let formerly = formerly.take_while(|it| edge <= it.until);
        formerly
            .map(|it| {
                let mut surroundings = self.surroundings.clone();
                if let Ok(scale) = &mut surroundings.scale {
                    scale.reported_replicas = it.reported_replicas;
                }
                surroundings
            })
            .collect()
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
            complaints: Arc::default(),
            tally: Tally::default(),
        }
    }

    /// What was not seen can only hold the wish back: with nothing but what was seen, and with the stand-in for the rest.
    fn bounds(&self, sync: &Sync<'_>, decision: &Decision, memory: &Memory) -> Option<(i32, i32)> {
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

/// The API server's words, if the status says that it refused for this reason.
pub(super) fn failed(status: &Status, reason: &str) -> Option<String> {
    let able = status.condition(ConditionKind::AbleToScale)?;
    let told = able.status == Truth::False && able.reason == reason;
    let words = || {
        able.message
            .split_once(": ")
            .map_or(&*able.message, |it| it.1)
    };
    told.then(|| words().to_owned())
}

/// What the controller saw at the sync that this status is of: the replicas that it names, and neither pods that its own write
/// of the scale brought nor the deletions that it caused.
pub(super) fn as_of(surroundings: &Surroundings, status: &Status) -> Surroundings {
    let mut surroundings = surroundings.clone();
    if *status == Status::default() {
        return surroundings;
    }
    let (from, to) = (status.current_replicas, status.desired_replicas);
    if let Ok(scale) = &mut surroundings.scale {
        scale.replicas = from;
    }
    let Some(scaled) = status.last_scale_time.filter(|_| from != to) else {
        return surroundings;
    };
    let edge = scaled.before(SLACK);
    if to > from {
        surroundings.pods.retain(|placed| placed.created < edge);
    } else {
        for placed in &mut surroundings.pods {
            if placed.deleted.is_some_and(|deleted| deleted >= edge) {
                Arc::make_mut(placed).pod.deleting = false;
            }
        }
    }
    surroundings
}
