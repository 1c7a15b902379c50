//! What was found, as JSON: for programs, and for whoever wants to see all of it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde::Serialize;

use crate::decide::{Findings, FlowFinding, Turn};

pub(crate) mod learnt;
pub(crate) mod matrix;

/// A required flow.
#[derive(Serialize)]
struct Flow<'a> {
    source: String,
    destination: String,
    port: u16,
    protocol: &'static str,
    kind: Option<&'a str>,
    need: &'static str,
    origin: &'static str,
    state: &'static str,
    since_seconds: f64,
    cause: String,
    why: &'a str,
    expected: Option<bool>,
    pairs: usize,
    denied: usize,
    blocking: Vec<Policy<'a>>,
    observed: Option<bool>,
    observed_at_seconds: Option<f64>,
    evidence_lost: bool,
}

/// A policy that forbids a flow.
#[derive(Serialize)]
struct Policy<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    direction: &'static str,
    revision: Option<&'a str>,
}

/// A change of state.
#[derive(Serialize)]
struct Change<'a> {
    at_seconds: f64,
    flow: &'a str,
    from: &'static str,
    to: &'static str,
    cause: String,
}

/// Every required flow.
pub(crate) fn flows(findings: &Findings) -> BoxFuture<'static, Response<Bytes>> {
    let flows: Vec<Flow<'_>> = findings.flows.iter().map(|it| flow(it)).collect();
    json(&flows)
}

/// The last changes of state, the latest first.
pub(crate) fn changes(findings: &Findings) -> BoxFuture<'static, Response<Bytes>> {
    let changes: Vec<Change<'_>> = findings.history.latest().map(change).collect();
    json(&changes)
}

fn flow(found: &FlowFinding) -> Flow<'_> {
    let expectation = &found.expectation;
    let blocking = expectation.blocking.iter().map(|it| Policy {
        kind: &it.kind,
        namespace: &it.namespace,
        name: &it.name,
        direction: it.direction.as_str(),
        revision: it.version.as_ref().map(|it| it.revision.as_str()),
    });
    Flow {
        source: found.flow.source.to_string(),
        destination: found.flow.target.to_string(),
        port: found.flow.port,
        protocol: found.flow.protocol.as_str(),
        kind: found.flow.kind.as_deref(),
        need: found.need(),
        origin: found.origin(),
        state: found.state.as_str(),
        since_seconds: found.since.as_secs_f64(),
        cause: found.cause.to_string(),
        why: &expectation.why,
        expected: expectation.allows(),
        pairs: expectation.pairs,
        denied: expectation.denied,
        blocking: blocking.collect(),
        observed: found.observation.reachable(),
        observed_at_seconds: found.observation.last.as_ref().map(Duration::as_secs_f64),
        evidence_lost: found.observation.is_lost,
    }
}

fn change(turn: &Turn) -> Change<'_> {
    Change {
        at_seconds: turn.at.as_secs_f64(),
        flow: &turn.flow,
        from: turn.from.as_str(),
        to: turn.to.as_str(),
        cause: turn.cause.to_string(),
    }
}

/// An answer of JSON.
fn json(value: &impl Serialize) -> BoxFuture<'static, Response<Bytes>> {
    // Maps with text for keys, numbers and text: nothing that JSON cannot say.
    let body = serde_json::to_vec_pretty(value).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    std::future::ready(response).boxed()
}
