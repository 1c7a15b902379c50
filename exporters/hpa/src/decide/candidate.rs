//! Another spec in an autoscaler's place, decided once beside the real one.

use std::sync::Arc;

use hpa_engine::{
    Assumption, Autoscaler, Before, Controller, MetricSource, Moment, Path, Put, Rivals, Samples,
    Shadow, Spec, Status,
};
use kube_watch::ObjectKey;

use super::Decider;
use super::findings::{Finding, Occasion};
use super::follow::Followed;
use super::trial::{Trial, as_of};
use crate::model::{Held, Model, Surroundings};
use crate::sample;

/// What a candidate would come to at the real autoscaler's next sync.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Decided by those of its metrics whose numbers are known; nothing if that takes one and none is.
    pub finding: Option<Finding>,
    /// Metrics that the real autoscaler does not have, so that nobody has asked for them. Whatever they would propose, the wish is not less
    /// than without them.
    pub unknown: Vec<MetricSource>,
}

impl Decider {
    /// Decides with this spec in the place of an autoscaler's; nothing if there is no such autoscaler.
    pub fn candidate(
        &self,
        model: &Model,
        key: &ObjectKey,
        spec: &Spec,
        now: Moment,
    ) -> Option<Candidate> {
        let (held, followed) = model.autoscaler(key).zip(self.followed.get(key))?;
        let surroundings = model.surroundings(&key.namespace, &held.autoscaler);
        let measured = sample::of_objects(model, &surroundings);
        let controller = &self.known.controller;
        let place = Place {
            controller,
            rivals: &self.rivals,
            held,
            surroundings: &surroundings,
            measured,
            now,
        };
        Some(place.with(followed, spec))
    }
}

/// Where a candidate is to stand.
struct Place<'a> {
    controller: &'a Controller,
    rivals: &'a Rivals,
    held: &'a Held,
    surroundings: &'a Surroundings,
    measured: Samples,
    now: Moment,
}

impl Place<'_> {
    fn with(self, followed: &Followed, spec: &Spec) -> Candidate {
        let told = spec.told_by(&self.held.autoscaler.spec, &self.held.status);
        let measured = |source: &MetricSource| {
            let of_pods = matches!(
                source,
                MetricSource::Resource { .. } | MetricSource::ContainerResource { .. }
            );
            of_pods && self.measured.resource.is_some()
        };
        let (mut known, mut unknown) = (spec.clone(), Vec::new());
        let mut status = Status {
            current_metrics: Vec::new(),
            ..(*self.held.status).clone()
        };
        known.metrics.clear();
        for (metric, told) in spec.metrics.iter().zip(told) {
            if told.is_none() && !measured(&metric.source) {
                unknown.push(metric.source.clone());
            } else {
                known.metrics.push(metric.clone());
                status.current_metrics.push(told.unwrap_or_default());
            }
        }
        // Without any metric it may still be seen that none is asked: there are too many replicas, say.
        let blind = known.metrics.is_empty();
        if blind {
            known.metrics.clone_from(&spec.metrics);
        }
        let finding = self.decide(followed, known, &status);
        let asked = matches!(
            finding.decision.path,
            Path::Metrics | Path::NoMetrics | Path::BlockedByMetric
        );
        if !asked {
            unknown.clear();
        }
        Candidate {
            finding: (!(asked && blind)).then_some(finding),
            unknown,
        }
    }

    /// As `Followed::preview` decides the real one.
    fn decide(self, followed: &Followed, spec: Spec, status: &Status) -> Finding {
        let real = &self.held.autoscaler;
        let seen = if self.measured.resource.is_some() {
            self.surroundings.clone()
        } else {
            as_of(self.surroundings, &self.held.status)
        };
        let before = Before {
            memory: followed.memory().clone(),
            status: status.clone(),
        };
        let mut shadow = Shadow::new(real, spec, before);
        let autoscaler: Arc<Autoscaler> = Arc::new(shadow.autoscaler().clone());
        let surroundings = Surroundings {
            autoscaler: Arc::clone(&autoscaler),
            ..seen
        };
        let trial = Trial {
            controller: self.controller,
            surroundings: &surroundings,
            status,
            put: &Put::Withheld,
            now: self.now,
        };
        let echo = trial.echo(status, Assumption::default()).samples;
        let samples = sample::over(echo, &self.measured);
        let pods = surroundings.pods();
        let sync = trial.sync(&pods, &samples);
        let decision = shadow.sync(self.controller, &sync, self.rivals);
        let history = followed.history_ahead(&autoscaler, self.controller, self.now);
        trial.finding(
            decision,
            followed.memory(),
            shadow.memory(),
            Occasion::Preview,
            history,
            &samples,
        )
    }
}
