//! All workloads beside each other: a page that draws the grid, the grid as JSON, and why a pair may or may not.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use netpol_engine::{EdgeEnd, Endpoint, ObjectKey, Protocol, Query, Route, Verdict, explain};
use serde::Serialize;

use crate::grid::{Cell, Grid, OUTSIDE, Shade};
use crate::model::Model;

/// A grid of more workloads than this is drawn by nobody and read by nobody.
const MOST_WORKLOADS: usize = 500;
/// Pairs of replicas that are looked at for one explanation.
const MOST_PAIRS: usize = 10_000;
/// Nothing but what this exporter serves itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The grid.
#[derive(Serialize)]
struct Written {
    sources: Vec<String>,
    destinations: Vec<Column>,
    /// A row a source, a cell a destination: a letter for each of its ports, `a`llowed, `d`enied, `m`ixed or `u`ndefined, in capitals if
    /// the application needs it.
    rows: Vec<Vec<String>>,
}

/// Who is dialled.
#[derive(Serialize)]
struct Column {
    name: String,
    ports: Vec<String>,
}

/// What cannot be explained.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
enum Fault {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0:?} is no port: TCP 8080, say")]
    Port(String),
    #[error("{0:?} is no workload with pods: NAMESPACE/NAME, or external as a source")]
    Workload(String),
}

/// The page.
pub(crate) fn page() -> BoxFuture<'static, Response<Bytes>> {
    let html = include_str!("matrix.html");
    let mut response = answer(
        "text/html; charset=utf-8",
        Bytes::from_static(html.as_bytes()),
    );
    let policy = HeaderValue::from_static(POLICY);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    std::future::ready(response).boxed()
}

/// What draws on it.
pub(crate) fn script() -> BoxFuture<'static, Response<Bytes>> {
    let script = Bytes::from_static(include_str!("matrix.js").as_bytes());
    let response = answer("text/javascript; charset=utf-8", script);
    std::future::ready(response).boxed()
}

/// The grid as JSON.
pub(crate) fn data(model: &Model) -> BoxFuture<'static, Response<Bytes>> {
    let many = model.workloads();
    if many > MOST_WORKLOADS {
        let text = format!(
            "{many} workloads are more than the {MOST_WORKLOADS} that are drawn: ask `netpol-exporter matrix`\n"
        );
        let response = refusal(StatusCode::PAYLOAD_TOO_LARGE, text);
        return std::future::ready(response).boxed();
    }
    super::json(&written(&Grid::new(model)))
}

/// Why one workload may dial another on a port, or why not.
pub(crate) fn why(model: &Model, query: Option<&str>) -> BoxFuture<'static, Response<Bytes>> {
    let response = match explanation(model, query.unwrap_or_default()) {
        Ok(text) => answer("text/plain; charset=utf-8", text.into()),
        Err(fault) => refusal(StatusCode::BAD_REQUEST, format!("{fault}\n")),
    };
    std::future::ready(response).boxed()
}

fn written(grid: &Grid) -> Written {
    let column = |it: &crate::grid::Destination| {
        let ports = it.ports.iter();
        Column {
            name: it.workload.to_string(),
            ports: ports
                .map(|(protocol, number)| format!("{protocol} {number}"))
                .collect(),
        }
    };
    let rows = grid.rows.iter();
    Written {
        sources: grid.sources.iter().map(EdgeEnd::to_string).collect(),
        destinations: grid.destinations.iter().map(column).collect(),
        rows: rows.map(|row| row.iter().map(letters).collect()).collect(),
    }
}

fn letters(cell: &Cell) -> String {
    let letter = |port: &crate::grid::Port| {
        let letter = match port.shade {
            Shade::Allowed => 'a',
            Shade::Denied => 'd',
            Shade::Mixed => 'm',
            Shade::Undefined => 'u',
        };
        if port.required {
            letter.to_ascii_uppercase()
        } else {
            letter
        }
    };
    cell.ports.iter().map(letter).collect()
}

fn explanation(model: &Model, query: &str) -> Result<String, Fault> {
    let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let one = |name: &'static str| {
        let found = parameters.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_ref())
            .ok_or(Fault::Missing(name))
    };
    let port = one("port")?;
    let (protocol, number) = port
        .split_once(' ')
        .and_then(|(protocol, number)| Some((Protocol::parse(protocol)?, number.parse().ok()?)))
        .ok_or_else(|| Fault::Port(port.to_owned()))?;
    let sources = match one("source")? {
        "external" => vec![Endpoint::Address(OUTSIDE)],
        name => replicas(model, name)?,
    };
    let destinations = replicas(model, one("destination")?)?;
    let matrix = model.matrix();
    let pairs = sources
        .iter()
        .flat_map(|source| destinations.iter().map(move |it| (source, it)));
    let judged: Vec<(Query, Verdict)> = pairs
        .take(MOST_PAIRS)
        .map(|(source, destination)| {
            let query = Query {
                source: source.clone(),
                destination: destination.clone(),
                protocol,
                port: number,
                route: Route::Direct,
                family: None,
            };
            let verdict = matrix.verdict(&query);
            (query, verdict)
        })
        .collect();
    let rank = |verdict: Verdict| match verdict {
        Verdict::Allowed => 0,
        Verdict::Undefined(_) => 1,
        Verdict::Denied => 2,
    };
    // Of pairs that are alike, not one that talks to itself, which no policy decides (rule 19).
    let worst = judged
        .iter()
        .max_by_key(|(query, verdict)| (rank(*verdict), query.source != query.destination));
    let Some((query, verdict)) = worst else {
        return Err(Fault::Workload(one("destination")?.to_owned()));
    };
    let alike = judged
        .iter()
        .filter(|it| rank(it.1) == rank(*verdict))
        .count();
    let why = explain(model.cluster(), matrix.profile(), query);
    Ok(format!(
        "{alike} of {} pairs of replicas:\n{why}",
        judged.len()
    ))
}

fn replicas(model: &Model, name: &str) -> Result<Vec<Endpoint>, Fault> {
    let fault = || Fault::Workload(name.to_owned());
    let (namespace, workload) = name.split_once('/').ok_or_else(fault)?;
    let pods = model.cluster().pods_of(namespace);
    let pods = pods.filter(|it| !it.finished && it.workload == workload);
    let keys: Vec<&ObjectKey> = pods.map(|it| &it.key).collect();
    if keys.is_empty() {
        return Err(fault());
    }
    Ok(keys.into_iter().cloned().map(Endpoint::Pod).collect())
}

fn answer(content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refusal(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = answer("text/plain; charset=utf-8", text.into());
    *response.status_mut() = status;
    response
}
