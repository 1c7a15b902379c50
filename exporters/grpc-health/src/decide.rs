//! What the measurements mean: asks the engine, and puts its answers into [`Findings`].

use std::time::Duration;

use crate::model::target::{Judged, Target, TargetKey};
use crate::model::{Model, container::Observed};

pub mod findings;
mod outlook;

pub use findings::{
    ContainerFinding, ContainerName, Findings, HandlerFinding, Outlook, ProbeFinding,
};

/// What deciding needs to know of the flags.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Recommend nothing on fewer samples.
    pub min_samples: usize,
}

/// Decides on everything in the model, as of `now` (since the epoch). What-if replays are taken over from
/// `before` until enough new attempts were judged to change them.
pub fn decide(model: &Model, settings: Settings, now: Duration, before: &Findings) -> Findings {
    let mut findings = Findings {
        at: now,
        ..Findings::default()
    };
    let mut earlier = Earlier::new(&before.probes);
    for (_, key, target) in model.targets() {
        findings.handlers.push(handler(key, target));
        for judged in &target.judged {
            let outlook = earlier.outlook(key, judged);
            findings
                .probes
                .push(probe(key, target, judged, settings, outlook));
        }
    }
    findings.containers = model
        .containers()
        .map(|(key, seen)| container(key, seen))
        .collect();
    findings
}

fn handler(key: &TargetKey, target: &Target) -> HandlerFinding {
    HandlerFinding {
        name: name(key),
        port: key.port,
        service: key.service.to_string(),
        durations: target.durations.clone(),
        phases: target.phases.clone(),
        last: target.last,
        failures: target.failures.clone(),
        censored: target.censored,
    }
}

fn probe(
    key: &TargetKey,
    target: &Target,
    judged: &Judged,
    settings: Settings,
    before: Option<&Outlook>,
) -> ProbeFinding {
    let probe = judged.probe();
    let outlook = match before {
        Some(outlook) if !outlook::is_due(outlook, judged.judged()) => outlook.clone(),
        _ => outlook::look(target, judged, settings.min_samples),
    };
    ProbeFinding {
        name: name(key),
        probe_type: probe.probe_type,
        port: key.port,
        service: key.service.to_string(),
        mode: judged.mode,
        spec: probe.spec,
        successful: judged.successful,
        failed: judged.failed,
        headroom: target
            .last
            .map(|last| headroom(last.total(), probe.spec.timeout())),
        consecutive_failures: judged.tracker.consecutive_failures(),
        near_misses: judged.tracker.near_misses().upper,
        consequences: judged.consequences(),
        outlook,
        lint: judged.lint.clone(),
    }
}

fn headroom(used: Duration, budget: Duration) -> f64 {
    1.0 - used.as_secs_f64() / budget.as_secs_f64()
}

fn container(key: &kube_watch::ObjectKey, seen: &Observed) -> ContainerFinding {
    ContainerFinding {
        name: ContainerName {
            namespace: key.namespace.clone(),
            pod: key.name.clone(),
            container: seen.name.clone(),
        },
        problems: seen.problems.clone(),
        observed_kills: seen.observed_kills,
        agreed: seen.agreed(),
    }
}

fn name(key: &TargetKey) -> ContainerName {
    ContainerName {
        namespace: key.namespace.to_string(),
        pod: key.pod.to_string(),
        container: key.container.to_string(),
    }
}

/// The probes of the findings before: in the same order but for what came and went, so that looking one up
/// is a step ahead and seldom a search.
struct Earlier<'a> {
    probes: &'a [ProbeFinding],
    next: usize,
}

impl<'a> Earlier<'a> {
    fn new(probes: &'a [ProbeFinding]) -> Self {
        Self { probes, next: 0 }
    }

    fn outlook(&mut self, key: &TargetKey, judged: &Judged) -> Option<&'a Outlook> {
        let same = |probe: &ProbeFinding| {
            probe.name.pod == *key.pod
                && probe.name.namespace == *key.namespace
                && probe.name.container == *key.container
                && probe.port == key.port
                && probe.service == *key.service
                && probe.probe_type == judged.probe().probe_type
                && probe.spec == judged.probe().spec
        };
        let (before, after) = self.probes.split_at(self.next.min(self.probes.len()));
        let found = after.iter().chain(before).position(same)?;
        let index = (self.next + found) % self.probes.len();
        self.next = index + 1;
        Some(&self.probes[index].outlook)
    }
}
