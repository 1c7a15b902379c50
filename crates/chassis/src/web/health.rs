//! `/livez`, `/readyz`, `/healthz`: open to everybody, whatever the web configuration says, because a kubelet has no credentials.

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use crate::ready::Readiness;
use crate::web::site::{method_not_allowed, readable, text};

/// All paths that never need credentials.
pub(crate) const PATHS: [&str; 3] = [LIVE, READY, HEALTH];

const LIVE: &str = "/livez";
const READY: &str = "/readyz";
/// The older name of `/livez`.
const HEALTH: &str = "/healthz";

/// `None` when the path is another.
pub(crate) fn answer(
    path: &str,
    method: &Method,
    readiness: &Readiness,
) -> Option<Response<Bytes>> {
    let known = PATHS.contains(&path);
    Some(match path {
        _ if known && !readable(method) => method_not_allowed(),
        // Being answered at all is the news: the runtime is not stuck.
        LIVE | HEALTH => text(StatusCode::OK, "ok\n"),
        READY => match readiness.check() {
            Ok(()) => text(StatusCode::OK, "ok\n"),
            Err(why) => text(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("not ready: {why}\n"),
            ),
        },
        _ => return None,
    })
}
