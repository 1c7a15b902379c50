//! Candidates: another spec on the same target, evaluated beside the real one, and never written.

use crate::decide::{Controller, Sync};
use crate::decision::Decision;
use crate::memory::Memory;
use crate::replay::Before;
use crate::rivals::Rivals;
use crate::scale::Put;
use crate::spec::{Autoscaler, MetricSource, Spec};
use crate::status::{MetricStatus, Status};

/// A candidate and what it remembers. It wishes on its own, but its target moves as the real autoscaler moves it: those are
/// the moves that its rates count.
#[derive(Clone, Debug)]
pub struct Shadow {
    autoscaler: Autoscaler,
    status: Status,
    memory: Memory,
    replicas: Option<i32>,
}

impl Shadow {
    /// A candidate for a real autoscaler's place, and what it begins with: nothing, or what the controller remembers of the real one.
    pub fn new(of: &Autoscaler, spec: Spec, before: Before) -> Self {
        Self {
            autoscaler: Autoscaler { spec, ..of.clone() },
            status: before.status,
            memory: before.memory,
            replicas: None,
        }
    }

    /// What the candidate would do where the real one is synced. The samples have to hold its metrics. Its rivals are the real one's.
    pub fn sync(&mut self, controller: &Controller, real: &Sync<'_>, rivals: &Rivals) -> Decision {
        if let Ok(scale) = real.scale {
            let behavior = self.autoscaler.spec.behavior.as_ref();
            if let Some(before) = self.replicas.filter(|before| *before != scale.replicas) {
                let after = scale.replicas;
                self.memory.scaled(behavior, before, after, real.now);
            }
            self.replicas = Some(scale.replicas);
        }
        let sync = Sync {
            autoscaler: &self.autoscaler,
            status: &self.status,
            put: &Put::Withheld,
            ..*real
        };
        // What it claims there is no claim of anybody's.
        let decision = controller.sync(&sync, &mut self.memory, &mut rivals.clone());
        self.status = decision.status.clone();
        decision
    }

    /// The autoscaler as it would be.
    pub fn autoscaler(&self) -> &Autoscaler {
        &self.autoscaler
    }

    /// What it remembers.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }
}

impl Spec {
    /// What a status of the real autoscaler tells of this spec's metrics, in their order; nothing of those that it does not have. One that
    /// it has and that is broken is told to be.
    pub fn told_by(&self, real: &Self, status: &Status) -> Vec<Option<MetricStatus>> {
        let told = |source: &MetricSource| {
            let place = real.metrics.iter().position(|it| it.source == *source)?;
            let line = status.current_metrics.get(place).cloned();
            Some(line.unwrap_or_default())
        };
        let metrics = self.metrics.iter();
        metrics.map(|metric| told(&metric.source)).collect()
    }
}
