//! From the metrics to the wish: `validateAndParseSelector` and `computeReplicasForMetrics`.

use super::Run;
use crate::decision::Path;
use crate::pod::Truth;
use crate::proposal::{Inputs, MetricFailure, highest};
use crate::rivals::Rivals;
use crate::scale::Scale;
use crate::selector::Selector;
use crate::status::{ConditionKind, Event, MetricStatus};

impl<'a> Run<'a> {
    /// The highest proposal; or the error that stops the sync. An error that does not stop it goes to the decision.
    pub(super) fn wish(&mut self, scale: &'a Scale, rivals: &mut Rivals) -> Result<i32, String> {
        self.check_selector(scale, rivals)?;
        let inputs = Inputs::of(self.controller, self.sync, scale, self.decision.tolerance);
        let metrics = &self.sync.autoscaler.spec.metrics;
        self.decision.proposals = metrics.iter().map(|spec| inputs.propose(spec)).collect();
        let failures = || {
            self.decision
                .proposals
                .iter()
                .filter_map(|it| it.as_ref().err())
        };
        for failure in failures() {
            let event = Event::warning(failure.reason.clone(), failure.message.clone());
            self.decision.events.push(event);
        }
        let (count, first) = (failures().count(), failures().next().cloned());

        let (selected, wish) = highest(&self.decision.proposals);
        self.decision.selected = selected;
        let of = metrics.len();
        let Some(first) = first else {
            self.activate();
            return Ok(wish);
        };
        let MetricFailure {
            reason,
            message,
            error,
        } = first;
        let error =
            format!("invalid metrics ({count} invalid out of {of}), first error is: {error}");
        if count >= of || wish < scale.replicas {
            self.decision.path = if count >= of {
                Path::NoMetrics
            } else {
                Path::BlockedByMetric
            };
            // Only a broken metric stands between the wish and its limits: worth telling.
            self.decision.wish = selected.map(|_| wish);
            let message = format!("the HPA was unable to compute the replica count: {message}");
            self.set(ConditionKind::ScalingActive, Truth::False, reason, message);
            return Err(error);
        }
        self.activate();
        self.decision.error = Some(error);
        Ok(wish)
    }

    fn activate(&mut self) {
        let name = self.metric_name();
        let message =
            format!("the HPA was able to successfully calculate a replica count from {name}");
        self.set(
            ConditionKind::ScalingActive,
            Truth::True,
            "ValidMetricFound",
            message,
        );
    }

    /// That there is a selector, and that nobody else's selects the same pods.
    fn check_selector(&mut self, scale: &Scale, rivals: &mut Rivals) -> Result<(), String> {
        let text = &scale.selector;
        if text.is_empty() {
            let event = Event::warning("SelectorRequired", "selector is required");
            self.decision.events.push(event);
            self.decision.path = Path::NoSelector;
            self.set(
                ConditionKind::ScalingActive,
                Truth::False,
                "InvalidSelector",
                "the HPA target's scale is missing a selector",
            );
            return Err("selector is required".to_owned());
        }
        let selector: Selector = match text.parse() {
            Ok(selector) => selector,
            Err(problem) => {
                let message = format!(
                    "couldn't convert selector into a corresponding internal selector object: {problem}"
                );
                return Err(self.refuse(Path::NoSelector, "InvalidSelector", message));
            }
        };
        let autoscaler = self.sync.autoscaler;
        let (namespace, name) = (&autoscaler.namespace, &autoscaler.name);
        let registered = rivals.claim(namespace, name, &selector);
        if !registered && self.controller.profile.unregistered_fails {
            self.decision.path = Path::Unregistered;
            return Err(format!(
                "HPA {namespace}/{name} was deleted during reconciliation"
            ));
        }
        let others = rivals.of(namespace, self.sync.pods);
        if others.len() > 1 {
            // Go lists them in no order.
            let names: Vec<_> = others
                .into_iter()
                .map(|name| format!("{{{name} {namespace}}}"))
                .collect();
            let names = names.join(" ");
            let message = if self.controller.profile.unregistered_fails {
                format!(
                    "pods by selector {text} are controlled by more than one HPA (e.g. [{names}])"
                )
            } else {
                format!("pods by selector {text} are controlled by multiple HPAs: [{names}]")
            };
            return Err(self.refuse(Path::Ambiguous, "AmbiguousSelector", message));
        }
        Ok(())
    }

    /// An event and a condition of one reason.
    fn refuse(&mut self, path: Path, reason: &'static str, message: String) -> String {
        self.decision.path = path;
        self.decision
            .events
            .push(Event::warning(reason, message.clone()));
        let kind = ConditionKind::ScalingActive;
        self.set(kind, Truth::False, reason, message.clone());
        message
    }

    /// `status.currentMetrics`: an empty entry for a metric without a number, and none at all if no metric was looked at.
    pub(super) fn metric_statuses(&self) -> Vec<MetricStatus> {
        let status = |proposal: &Result<_, _>| match proposal {
            Ok(crate::proposal::Proposal { status, .. }) => status.clone(),
            Err(_) => MetricStatus::default(),
        };
        self.decision.proposals.iter().map(status).collect()
    }
}
