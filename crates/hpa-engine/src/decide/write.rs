//! The end of a sync: the scale, the event, the memory and the status.

use super::Run;
use crate::decision::Rescale;
use crate::memory::Memory;
use crate::moment::Moment;
use crate::pod::Truth;
use crate::profile::FromZero;
use crate::scale::Put;
use crate::status::{ConditionKind, Event, Text};

impl Run<'_> {
    /// The PUT, and what follows from how it ended.
    pub(super) fn rescale(&mut self, reason: Text, memory: &mut Memory) {
        let (current, desired) = (self.decision.current(), self.decision.desired);
        let done = !matches!(self.sync.put, Put::Failed(..));
        let told = format!("New size: {desired}; reason: {reason}");
        self.decision.rescale = Some(Rescale {
            to: desired,
            reason,
            done,
        });
        let at = match self.sync.put {
            Put::Done(at) => *at,
            Put::Withheld => self.sync.now,
            Put::Failed(at, text) => return self.fail_to_rescale(&told, text, *at),
        };
        let status = &mut self.decision.status;
        let message =
            format!("the HPA controller was able to update the target scale to {desired}");
        let reason = "SucceededRescale";
        status.set(ConditionKind::AbleToScale, Truth::True, reason, message, at);
        self.decision
            .events
            .push(Event::normal("SuccessfulRescale", told));
        let behavior = self.sync.autoscaler.spec.behavior.as_ref();
        if *self.sync.put != Put::Withheld {
            memory.scaled(behavior, current, desired, at);
        }
        self.tell_of_zero(current, desired, at);
        self.finish(Some(at), desired);
    }

    fn fail_to_rescale(&mut self, told: &str, text: &str, at: Moment) {
        let event = Event::warning("FailedRescale", format!("{told}; error: {text}"));
        self.decision.events.push(event);
        let message = format!("the HPA controller was unable to update the target scale: {text}");
        let reason = "FailedUpdateScale";
        let status = &mut self.decision.status;
        status.set(
            ConditionKind::AbleToScale,
            Truth::False,
            reason,
            message,
            at,
        );
        self.leave(self.decision.current());
        let reference = self.reference();
        self.decision.error = Some(format!("failed to rescale {reference}: {text}"));
    }

    /// The condition by which the controller knows its own zero again, set on every change since 1.36.
    fn tell_of_zero(&mut self, current: i32, desired: i32, at: Moment) {
        let profile = &self.controller.profile;
        if profile.from_zero == FromZero::ByMinimum {
            return;
        }
        let kind = ConditionKind::ScaledToZero;
        let status = &mut self.decision.status;
        if !profile.scale_to_zero {
            status.remove(kind);
            return;
        }
        let own = current > 0
            && desired == 0
            && self.decision.minimum == 0
            && self.sync.autoscaler.spec.has_object_or_external_metric();
        let (truth, reason, message) = if own {
            let message = "the HPA controller scaled the workload to zero";
            (Truth::True, "ScaledToZero", message)
        } else {
            let message = "the HPA controller did not scale the workload to zero";
            (Truth::False, "NotScaledToZero", message)
        };
        status.set(kind, truth, reason, message, at);
    }

    /// `setCurrentReplicasAndMetricsInStatus`: the desired number stays what it was.
    pub(super) fn leave(&mut self, current: i32) {
        let desired = self.decision.status.desired_replicas;
        self.write(current, desired);
    }

    /// `setStatus` at the end of a sync that went through.
    pub(super) fn finish(&mut self, scaled: Option<Moment>, desired: i32) {
        if let Some(at) = scaled {
            self.decision.status.last_scale_time = Some(at);
        }
        self.decision.desired = desired;
        self.write(self.decision.current(), desired);
    }

    fn write(&mut self, current: i32, desired: i32) {
        let statuses = self.metric_statuses();
        let status = &mut self.decision.status;
        status.current_replicas = current;
        status.desired_replicas = desired;
        status.current_metrics = statuses;
        status.observed_generation = self
            .controller
            .profile
            .observed_generation
            .then_some(self.sync.autoscaler.generation);
    }
}
