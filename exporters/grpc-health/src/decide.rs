//! What the measurements mean: asks the engine, and puts its answers into [`Findings`].

use std::sync::Arc;
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
/// `before` until enough new attempts were judged to change them, and until it is their turn.
///
/// This runs twice a second over thousands of targets, on the thread that probes: what does not change is shared with
/// the model and with `before`.
pub fn decide(model: &Model, settings: Settings, now: Duration, before: &Findings) -> Findings {
    let mut findings = Findings {
        at: now,
        handlers: Vec::with_capacity(before.handlers.len()),
        probes: Vec::with_capacity(before.probes.len()),
        containers: Vec::with_capacity(before.containers.len()),
        next_look: 0,
    };
    let mut earlier = Earlier::new(&before.probes);
    let mut turn = Turn::new(before.next_look);
    for (_, key, target) in model.targets() {
        let index = findings.handlers.len();
        findings.handlers.push(handler(key, target));
        for judged in &target.judged {
            let known = earlier.outlook(key, judged);
            let is_due = known.is_none_or(|known| outlook::is_due(known, judged.judged()));
            let outlook = if is_due && turn.takes(findings.probes.len(), target.window.len()) {
                Arc::new(outlook::look(target, judged, settings.min_samples))
            } else {
                known.map(Arc::clone).unwrap_or_default()
            };
            findings
                .probes
                .push(probe(key, index, target, judged, outlook));
        }
    }
    findings.next_look = turn.next();
    for (index, (key, seen)) in model.containers().enumerate() {
        let known = before.containers.get(index);
        findings.containers.push(container(key, seen, known));
    }
    findings
}

fn handler(key: &TargetKey, target: &Target) -> HandlerFinding {
    HandlerFinding {
        name: name(key),
        port: key.port,
        service: Arc::clone(&key.service),
        durations: target.durations.clone(),
        phases: target.phases.clone(),
        last: target.last,
        failures: target.failures.clone(),
        censored: target.censored,
    }
}

fn probe(
    key: &TargetKey,
    handler: usize,
    target: &Target,
    judged: &Judged,
    outlook: Arc<Outlook>,
) -> ProbeFinding {
    let probe = judged.probe();
    ProbeFinding {
        name: name(key),
        handler,
        probe_type: probe.probe_type,
        port: key.port,
        service: Arc::clone(&key.service),
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

/// `known` is what was found before at this place: mostly the same container.
fn container(
    key: &kube_watch::ObjectKey,
    seen: &Observed,
    known: Option<&ContainerFinding>,
) -> ContainerFinding {
    let same = known.filter(|known| {
        *known.name.pod == *key.name
            && *known.name.namespace == *key.namespace
            && *known.name.container == *seen.name
    });
    let name = same.map_or_else(
        || ContainerName {
            namespace: key.namespace.as_str().into(),
            pod: key.name.as_str().into(),
            container: seen.name.as_str().into(),
        },
        |known| known.name.clone(),
    );
    ContainerFinding {
        name,
        problems: seen.problems.clone(),
        observed_kills: seen.observed_kills,
        agreed: seen.agreed(),
    }
}

fn name(key: &TargetKey) -> ContainerName {
    ContainerName {
        namespace: Arc::clone(&key.namespace),
        pod: Arc::clone(&key.pod),
        container: Arc::clone(&key.container),
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

    fn outlook(&mut self, key: &TargetKey, judged: &Judged) -> Option<&'a Arc<Outlook>> {
        let same = |probe: &ProbeFinding| {
            probe.name.pod == key.pod
                && probe.name.namespace == key.namespace
                && probe.name.container == key.container
                && probe.port == key.port
                && probe.service == key.service
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

/// Who looks at other budgets in this decision: a replay reads the whole window, and thousands of probes come due at
/// the same time, for they began at the same time. Those that do not get their turn now begin the next one.
struct Turn {
    from: usize,
    left: usize,
    missed: Option<usize>,
}

impl Turn {
    /// Samples that a decision reads, each for all timeouts; some 10 ms if attempts failed, less if none did.
    const SAMPLES: usize = 30_000;
    /// What a look costs beside its samples, in samples.
    const EACH: usize = 20;

    const fn new(from: usize) -> Self {
        Self {
            from,
            left: Self::SAMPLES,
            missed: None,
        }
    }

    /// Whether the probe at this place may look now, at so many samples.
    fn takes(&mut self, place: usize, samples: usize) -> bool {
        if place < self.from {
            return false;
        }
        if self.left == 0 {
            self.missed.get_or_insert(place);
            return false;
        }
        self.left = self.left.saturating_sub(samples + Self::EACH);
        true
    }

    /// Where the next decision begins.
    fn next(self) -> usize {
        self.missed.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_gets_its_turn_and_no_decision_reads_too_much() {
        let (probes, samples) = (5000, 1440);
        let mut looked = vec![0; probes];
        let mut from = 0;
        for _ in 0..400 {
            let mut turn = Turn::new(from);
            let taken: Vec<usize> = (0..probes)
                .filter(|place| turn.takes(*place, samples))
                .collect();
            assert!(taken.len() * samples < Turn::SAMPLES + samples);
            for place in taken {
                looked[place] += 1;
            }
            from = turn.next();
        }
        let (least, most) = (looked.iter().min(), looked.iter().max());
        assert!(least > Some(&0) && most <= Some(&2), "{least:?} {most:?}");
    }

    #[test]
    fn few_probes_look_whenever_they_are_due() {
        let mut turn = Turn::new(0);
        assert!((0..12).all(|place| turn.takes(place, 1440)));
        assert_eq!(turn.next(), 0);
    }

    #[test]
    fn a_turn_beyond_the_last_probe_begins_anew() {
        let mut turn = Turn::new(7);
        assert!(!(0..5).any(|place| turn.takes(place, 1)));
        assert_eq!(turn.next(), 0);
    }
}
