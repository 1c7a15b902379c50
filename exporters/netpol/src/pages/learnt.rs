//! What agents have seen and nothing requires, as a file of required flows that a person reads, strikes things out of, and commits.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use netpol_engine::{Cluster, Flow, FlowSource, FlowTarget, ObjectKey, Origin};

use crate::model::Model;
use crate::model::required::connection;
use crate::observe::{Observer, Seen};

/// What to know before it is believed.
const HEAD: &str = "\
# What agents have seen applications dial, and nothing requires: a suggestion. Strike what is not needed; the rest is a file for --flows.
# Not seen: connections that begin and end between two looks (5 s), UDP and so DNS, pods without an agent with --learn, and what was
# dialled before this exporter started and is not dialled any more.
";

/// The file.
pub(crate) fn file(
    observer: &Observer,
    model: &Model,
    now: Duration,
) -> BoxFuture<'static, Response<Bytes>> {
    let mut response = Response::new(Bytes::from(text(observer, model, now)));
    let headers = response.headers_mut();
    let yaml = HeaderValue::from_static("application/yaml");
    headers.insert(CONTENT_TYPE, yaml);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    std::future::ready(response).boxed()
}

fn text(observer: &Observer, model: &Model, now: Duration) -> String {
    let required = model.required().iter();
    let said = required.filter(|it| it.origin != Origin::Learnt);
    let said: BTreeSet<_> = said.map(connection).collect();
    let all = observer.learnt().flows();
    let unsaid: Vec<_> = all
        .filter(|(it, _)| !said.contains(&connection(it)))
        .collect();
    let mut text = HEAD.to_owned();
    text.push_str(if unsaid.is_empty() {
        "requiredFlows: []\n"
    } else {
        "requiredFlows:\n"
    });
    for (flow, seen) in unsaid {
        line(&mut text, &flow, seen, model.cluster(), now);
    }
    text
}

/// One flow; as a comment where it takes a person to say whether it is one.
fn line(text: &mut String, flow: &Flow, seen: Seen, cluster: &Cluster, now: Duration) {
    let FlowSource::Workload(source) = &flow.source else {
        return;
    };
    let doubt = doubt(flow, seen, cluster);
    let mark = if doubt.is_some() { "# " } else { "" };
    let (target, port) = (&flow.target, flow.port);
    let ago = now.saturating_sub(seen.last).as_secs();
    // Names are the API's, and addresses are written by us: nothing here has a quote in it.
    let _ = write!(
        text,
        "  {mark}- {{from: \"{}\", to: \"{target}:{port}\"}} # {ago} s ago",
        name(source)
    );
    if let Some(doubt) = doubt {
        let _ = write!(text, "; {doubt}");
    }
    text.push('\n');
}

fn doubt(flow: &Flow, seen: Seen, cluster: &Cluster) -> Option<&'static str> {
    let (FlowSource::Workload(source), target) = (&flow.source, &flow.target) else {
        return None;
    };
    let (absent, dotted) = match target {
        FlowTarget::Service(key) => {
            let service = cluster.services.get(key);
            // The API server's own, for one.
            let pods = service.is_some_and(|it| cluster.behind(it).next().is_some());
            (!pods, key.name.contains('.'))
        }
        FlowTarget::Workload(key) => (false, key.name.contains('.')),
        FlowTarget::Address(_) => (false, false),
    };
    if dotted || source.name.contains('.') {
        Some("a file of flows takes what follows a dot for a namespace")
    } else if !seen.connected {
        Some("it never came through: is it wanted?")
    } else if absent {
        Some("no pods are known behind the Service: it would be target_absent")
    } else {
        None
    }
}

fn name(key: &ObjectKey) -> String {
    format!("{}.{}", key.name, key.namespace)
}
