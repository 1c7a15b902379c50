//! What the application needs: what somebody wrote down, what its environment says, and what it was seen to use.

use std::collections::BTreeSet;
use std::sync::Arc;

use netpol_engine::{Flow, FlowSource, FlowTarget, ObjectKey, Origin, Protocol};

use super::Model;
use super::pod::Call;

// === impl Model ===

impl Model {
    /// Puts what is written, inferred and learnt together, each connection once: what is written goes first.
    pub(super) fn gather_required(&mut self) {
        let inferred = self.calls.keys().filter(|_| self.infer).map(inferred);
        let mut seen = BTreeSet::new();
        let written = self.written.iter().cloned();
        let all = written.chain(inferred).chain(self.learnt.iter().cloned());
        let required: Vec<Flow> = all.filter(|flow| seen.insert(connection(flow))).collect();
        if *required != *self.required {
            self.required = Arc::from(required);
            self.changes.required = true;
        }
    }
}

/// What makes a flow the same one, whoever said that it is required.
pub(crate) fn connection(flow: &Flow) -> (FlowSource, FlowTarget, u16, Protocol) {
    (
        flow.source.clone(),
        flow.target.clone(),
        flow.port,
        flow.protocol,
    )
}

fn inferred((workload, call): &(ObjectKey, Call)) -> Flow {
    let namespace = call.namespace.as_ref().unwrap_or(&workload.namespace);
    Flow {
        source: FlowSource::Workload(workload.clone()),
        target: FlowTarget::Service(ObjectKey::new(namespace, &call.service)),
        port: call.port,
        protocol: Protocol::Tcp,
        kind: None,
        soft: false,
        origin: Origin::Inferred,
    }
}
