//! Flows as one writes them, and as one reads them.

use netpol_engine::{
    Flow, FlowSource, FlowState, FlowTarget, ObjectKey, OneOrMany, Protocol, WrittenFlow,
    WrittenFlows,
};

use super::read::Scene;

/// The flow as it is written in a file of flows: `frontend -> svc/cartservice:7070`. What is in `namespace` has its bare name.
pub(super) fn name(flow: &Flow, namespace: &str) -> String {
    let (source, target) = ends(flow, namespace);
    match flow.protocol {
        Protocol::Tcp => format!("{source} -> {target}"),
        other => format!("{source} -> {target} {other}"),
    }
}

/// Its two ends, as written: `frontend` and `svc/cartservice:7070`.
pub(super) fn ends(flow: &Flow, namespace: &str) -> (String, String) {
    let bare = |key: &ObjectKey| {
        if key.namespace == namespace {
            key.name.clone()
        } else {
            format!("{}.{}", key.name, key.namespace)
        }
    };
    let source = match &flow.source {
        FlowSource::Workload(key) => bare(key),
        FlowSource::Outside(None) => "external".to_owned(),
        FlowSource::Outside(Some(address)) => format!("address/{address}"),
    };
    let port = flow.port;
    let target = match &flow.target {
        FlowTarget::Service(key) => format!("svc/{}:{port}", bare(key)),
        FlowTarget::Workload(key) => format!("workload/{}:{port}", bare(key)),
        FlowTarget::Address(address) if address.is_ipv6() => format!("address/[{address}]:{port}"),
        FlowTarget::Address(address) => format!("address/{address}:{port}"),
    };
    (source, target)
}

/// The state in a word, as a reader of JSON takes it.
pub(super) const fn word(state: FlowState) -> &'static str {
    match state {
        FlowState::Allowed => "allowed",
        FlowState::Blocked => "blocked",
        FlowState::Undefined(_) => "undefined",
        FlowState::SourceAbsent => "source_absent",
        FlowState::TargetAbsent(_) => "target_absent",
    }
}

/// A flow as typed on a command line. A target without `svc/`, `workload/` or `address/` is the Service of that name, or else the workload.
pub(super) fn typed(
    from: &str,
    to: &str,
    protocol: Protocol,
    scene: &Scene,
) -> Result<Flow, String> {
    let to = if to.contains('/') {
        to.to_owned()
    } else {
        let as_service = format!("svc/{to}");
        match parse(from, &as_service, protocol, &scene.namespace) {
            Ok(flow) if is_there(&flow, scene) => as_service,
            Ok(_) => format!("workload/{to}"),
            Err(problem) => return Err(problem),
        }
    };
    parse(from, &to, protocol, &scene.namespace)
}

fn is_there(flow: &Flow, scene: &Scene) -> bool {
    match &flow.target {
        FlowTarget::Service(key) => scene.model.cluster().services.contains_key(key),
        _ => true,
    }
}

fn parse(from: &str, to: &str, protocol: Protocol, namespace: &str) -> Result<Flow, String> {
    let written = WrittenFlows {
        namespace: Some(namespace.to_owned()),
        required_flows: vec![WrittenFlow {
            from: OneOrMany::One(from.to_owned()),
            to: to.to_owned(),
            protocol: Some(protocol.as_str().to_owned()),
            kind: None,
            severity: None,
        }],
    };
    let (flows, problems) = written.check();
    match (flows.into_iter().next(), problems.first()) {
        (Some(flow), None) => Ok(flow),
        (_, Some(problem)) => Err(format!("{:?}: {}", problem.text, problem.fault)),
        (None, None) => Err(format!("{from:?}: has to name somebody")),
    }
}
