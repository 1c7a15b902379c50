//! One sync, in the controller's order: `reconcileAutoscaler` in `horizontal.go`.

mod metrics;
mod write;

use std::cmp::Ordering;

use crate::bounds::{Bound, Limits};
use crate::decision::{Decision, Path};
use crate::memory::Memory;
use crate::moment::Moment;
use crate::pod::{Pod, Truth};
use crate::profile::{FromZero, Profile};
use crate::rivals::Rivals;
use crate::sample::Samples;
use crate::scale::{Put, Scale, ScaleFailure};
use crate::settings::Settings;
use crate::spec::{Autoscaler, ObjectReference};
use crate::stabilize::Stabilization;
use crate::status::{ConditionKind, Event, Status, Text};
use crate::tolerance::Tolerance;

/// A controller: its flags, and the rules of its version.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Controller {
    /// The flags.
    pub settings: Settings,
    /// The rules.
    pub profile: Profile,
}

/// All that one sync sees.
#[derive(Clone, Copy, Debug)]
pub struct Sync<'a> {
    /// The autoscaler.
    pub autoscaler: &'a Autoscaler,
    /// Its status before.
    pub status: &'a Status,
    /// The target's scale, or why there is none.
    pub scale: Result<&'a Scale, &'a ScaleFailure>,
    /// The pods of the namespace that the scale's selector matches, whatever their state.
    pub pods: &'a [&'a Pod],
    /// What the metric APIs answered.
    pub samples: &'a Samples,
    /// What comes of the PUT of the scale, should there be one. Whoever only watches says that it is done now.
    pub put: &'a Put,
    /// The time.
    pub now: Moment,
}

impl Controller {
    /// Decides, and remembers what the controller would.
    pub fn sync(&self, sync: &Sync<'_>, memory: &mut Memory, rivals: &mut Rivals) -> Decision {
        let mut run = Run::new(self, sync);
        run.reconcile(memory, rivals);
        // Go compares to the nanosecond: a condition that turned twice within a second is news.
        run.decision.written = run.decision.status != *sync.status;
        run.decision.status.cut_to_seconds();
        run.decision
    }
}

/// A sync under way.
struct Run<'a> {
    controller: &'a Controller,
    sync: &'a Sync<'a>,
    decision: Decision,
}

impl<'a> Run<'a> {
    fn new(controller: &'a Controller, sync: &'a Sync<'a>) -> Self {
        let spec = &sync.autoscaler.spec;
        let decision = Decision {
            at: sync.now,
            path: Path::NoScale,
            scale: sync.scale.ok().cloned(),
            minimum: spec.minimum.unwrap_or(1),
            maximum: spec.maximum,
            tolerance: Tolerance::of(spec, &controller.settings, &controller.profile),
            proposals: Vec::new(),
            selected: None,
            wish: None,
            stabilization: None,
            bounds: None,
            raised_to_minimum: false,
            desired: 0,
            rescale: None,
            status: sync.status.clone(),
            written: false,
            events: Vec::new(),
            error: None,
        };
        Self {
            controller,
            sync,
            decision,
        }
    }

    fn set(
        &mut self,
        kind: ConditionKind,
        status: Truth,
        reason: impl Into<Text>,
        message: impl Into<Text>,
    ) {
        let now = self.sync.now;
        self.decision.status.set(kind, status, reason, message, now);
    }

    /// `Kind/namespace/name` of the target.
    fn reference(&self) -> String {
        let ObjectReference { kind, name, .. } = &self.sync.autoscaler.spec.target;
        format!("{kind}/{}/{name}", self.sync.autoscaler.namespace)
    }

    fn reconcile(&mut self, memory: &mut Memory, rivals: &mut Rivals) {
        let Some(scale) = self.scale() else { return };
        self.set(
            ConditionKind::AbleToScale,
            Truth::True,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        );
        let current = scale.replicas;
        self.decision.desired = current;
        memory.begin(current, self.sync.now);

        self.decision.path = self.path(current);
        let reason = match self.decision.path {
            Path::Disabled => {
                self.disable();
                return self.finish(None, current);
            }
            Path::AboveMaximum => {
                self.decision.desired = self.decision.maximum;
                Text::Borrowed("Current number of replicas above Spec.MaxReplicas")
            }
            Path::BelowMinimum => {
                self.decision.desired = self.decision.minimum;
                Text::Borrowed("Current number of replicas below Spec.MinReplicas")
            }
            _ => match self.by_metrics(scale, memory, rivals) {
                Some(reason) => reason,
                None => return,
            },
        };
        let forced = matches!(self.decision.path, Path::AboveMaximum | Path::BelowMinimum);
        if forced || self.decision.desired != current {
            self.rescale(reason, memory);
        } else {
            self.finish(None, current);
        }
    }

    /// The scale; or the event, the condition and the error that there are instead of it. No other field changes then.
    fn scale(&mut self) -> Option<&'a Scale> {
        let target = &self.sync.autoscaler.spec.target;
        // `schema.ParseGroupVersion`: a group and a version at most.
        let (text, error) = if target.api_version.matches('/').count() > 1 {
            let text = format!("unexpected GroupVersion string: {}", target.api_version);
            let error = format!("invalid API version in scale target reference: {text}");
            (text, error)
        } else {
            match self.sync.scale {
                Ok(scale) => return Some(scale),
                Err(ScaleFailure::Kind(text)) => (
                    text.clone(),
                    format!("unable to determine resource for scale target reference: {text}"),
                ),
                Err(ScaleFailure::Get(text)) => {
                    let reference = self.reference();
                    let error =
                        format!("failed to query scale subresource for {reference}: {text}");
                    (text.clone(), error)
                }
            }
        };
        self.decision.scale = None;
        self.set(
            ConditionKind::AbleToScale,
            Truth::False,
            "FailedGetScale",
            format!("the HPA controller was unable to get the target's current scale: {text}"),
        );
        self.decision
            .events
            .push(Event::warning("FailedGetScale", text));
        self.decision.error = Some(error);
        None
    }

    /// Whether metrics are looked at, and if not, why.
    fn path(&self, current: i32) -> Path {
        let minimum = self.decision.minimum;
        let disabled = current == 0
            && match self.controller.profile.from_zero {
                FromZero::ByMinimum => minimum != 0,
                // `shouldComputeMetricsForZeroReplicas`.
                FromZero::ByCondition => {
                    let by_metric = self.sync.autoscaler.spec.has_object_or_external_metric();
                    !(self.scaled_to_zero() && (minimum != 0 || by_metric))
                }
            };
        let by_condition = self.controller.profile.from_zero == FromZero::ByCondition;
        if disabled {
            Path::Disabled
        } else if current == 0 && by_condition {
            Path::Metrics
        } else if current > self.decision.maximum {
            Path::AboveMaximum
        } else if current < minimum {
            Path::BelowMinimum
        } else {
            Path::Metrics
        }
    }

    /// Whether the controller itself brought the target to zero, and may bring it back.
    fn scaled_to_zero(&self) -> bool {
        let condition = self.sync.status.condition(ConditionKind::ScaledToZero);
        self.controller.profile.scale_to_zero
            && condition.is_some_and(|condition| condition.status == Truth::True)
    }

    fn disable(&mut self) {
        self.set(
            ConditionKind::ScalingActive,
            Truth::False,
            "ScalingDisabled",
            "scaling is disabled since the replica count of the target is zero",
        );
        self.decision.desired = 0;
        let profile = &self.controller.profile;
        if profile.from_zero == FromZero::ByCondition && !profile.scale_to_zero {
            self.decision.status.remove(ConditionKind::ScaledToZero);
        }
    }

    /// From the metrics to the desired number, which goes to the decision; the reason for the event is given back.
    fn by_metrics(
        &mut self,
        scale: &'a Scale,
        memory: &mut Memory,
        rivals: &mut Rivals,
    ) -> Option<Text> {
        let current = scale.replicas;
        let wish = match self.wish(scale, rivals) {
            Ok(wish) => wish,
            Err(error) => {
                self.leave(current);
                let reference = self.reference();
                self.decision.error = Some(format!(
                    "failed to compute desired number of replicas based on listed metrics for {reference}: {error}"
                ));
                let event = Event::warning("FailedComputeMetricsReplicas", error);
                self.decision.events.push(event);
                return None;
            }
        };
        self.decision.wish = Some(wish);
        let raw = wish.max(0);
        let mut reason = match raw.cmp(&current) {
            Ordering::Greater => Text::Owned(format!("{} above target", self.metric_name())),
            Ordering::Less => Text::Borrowed("All metrics below target"),
            Ordering::Equal => Text::Borrowed(""),
        };
        let mut desired = self.limit(raw, current, memory);
        let minimum = self.decision.minimum;
        if current == 0 && minimum != 0 && self.scaled_to_zero() && desired < minimum {
            self.decision.raised_to_minimum = true;
            desired = minimum;
            if reason.is_empty() {
                reason = Text::Borrowed("Current number of replicas below Spec.MinReplicas");
            }
        }
        self.decision.desired = desired;
        Some(reason)
    }

    fn metric_name(&self) -> &str {
        let selected = self.decision.selected;
        let proposal = selected.and_then(|index| self.decision.proposals.get(index));
        proposal.map_or("", |proposal| match proposal {
            Ok(proposal) => &proposal.name,
            Err(_) => "",
        })
    }

    /// `normalizeDesiredReplicas` and `normalizeDesiredReplicasWithBehaviors`.
    fn limit(&mut self, wish: i32, current: i32, memory: &mut Memory) -> i32 {
        let now = self.sync.now;
        let behavior = self.sync.autoscaler.spec.behavior.as_ref();
        let settings = &self.controller.settings;
        let stabilization = Stabilization::of(wish, current, behavior, memory, settings, now);
        memory.recommend(wish, now, stabilization.replaces);
        let (reason, message) = stabilization.told(current);
        self.set(ConditionKind::AbleToScale, Truth::True, reason, message);

        let limits = Limits {
            current,
            minimum: self.decision.minimum,
            maximum: self.decision.maximum,
            behavior,
            architecture: self.controller.profile.architecture,
            rated: true,
        };
        let bounds = limits.apply(stabilization.replicas, memory, now);
        let replicas = bounds.replicas;
        let (limited, bound): (_, Bound) = (replicas != bounds.wish, bounds.bound);
        let limited = if limited { Truth::True } else { Truth::False };
        self.set(
            ConditionKind::ScalingLimited,
            limited,
            bound.reason(),
            bound.message(),
        );
        self.decision.stabilization = Some(stabilization);
        self.decision.bounds = Some(bounds);
        replicas
    }
}
