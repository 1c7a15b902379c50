//! Candidates: another spec on the same target, evaluated beside the real one, and never written.

use crate::decide::{Controller, Sync};
use crate::decision::Decision;
use crate::memory::Memory;
use crate::rivals::Rivals;
use crate::scale::Put;
use crate::spec::{Autoscaler, Spec};
use crate::status::Status;

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
    /// A candidate for a real autoscaler's place.
    pub fn new(of: &Autoscaler, spec: Spec) -> Self {
        Self {
            autoscaler: Autoscaler { spec, ..of.clone() },
            status: Status::default(),
            memory: Memory::default(),
            replicas: None,
        }
    }

    /// What the candidate would do where the real one is synced. The samples have to hold its metrics.
    pub fn sync(&mut self, controller: &Controller, real: &Sync<'_>) -> Decision {
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
        // Nobody is a shadow's rival, least of all the one that it is of.
        let mut alone = Rivals::default();
        alone.register(&self.autoscaler.namespace, &self.autoscaler.name);
        let decision = controller.sync(&sync, &mut self.memory, &mut alone);
        self.status = decision.status.clone();
        decision
    }
}
