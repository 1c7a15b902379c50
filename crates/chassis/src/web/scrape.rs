//! The metrics page over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exposition::Page;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::time::timeout;

use crate::web::site::text;

const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";
/// Kept back from the scraper's patience for the way; `blackbox_exporter`'s figure. Of a short one, half is kept back.
const OFFSET: Duration = Duration::from_millis(500);
/// Longer patience than this is not believed.
const LONGEST: f64 = 86_400.0;

/// How long an answer may take so that it still reaches the scraper: what `X-Prometheus-Scrape-Timeout-Seconds` says, less half a
/// second (or half of it, when it is a second or less). `None` without the header, or when it is not a positive number.
pub fn scrape_timeout(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers
        .get(TIMEOUT_HEADER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    // NaN compares as neither and is left out with the rest.
    (seconds > 0.0).then(|| {
        let patience = Duration::from_secs_f64(seconds.min(LONGEST));
        patience.saturating_sub(OFFSET).max(patience / 2)
    })
}

/// Renders the page, away from the thread that everything else runs on: a large page takes a while.
pub(crate) async fn page(page: &Arc<Page>, request: Request<()>) -> Response<Bytes> {
    let page = Arc::clone(page);
    let (parts, ()) = request.into_parts();
    let limit = scrape_timeout(&parts.headers);
    let names = names(parts.uri.query().unwrap_or_default());
    let rendering = tokio::task::spawn_blocking(move || {
        let accept = joined(&parts.headers, ACCEPT.as_str());
        let encoding = joined(&parts.headers, ACCEPT_ENCODING.as_str());
        page.respond(accept.as_deref(), encoding.as_deref(), &names)
    });
    let rendered = match limit {
        None => rendering.await,
        Some(limit) => match timeout(limit, rendering).await {
            Ok(rendered) => rendered,
            Err(_) => {
                return text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the page was not ready within the scrape timeout\n",
                );
            }
        },
    };
    let Ok(rendered) = rendered else {
        return text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the page could not be rendered; see the log\n",
        );
    };
    let mut response = Response::new(rendered.body);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(rendered.content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    if let Some(encoding) = rendered.content_encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    response
}

/// A header that is sent more than once is a list (RFC 9110 section 5.3). What is not text counts as not sent.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The values of `name[]`, `client_golang`'s filter. Metric names have nothing that needs decoding; the brackets may come encoded.
fn names(query: &str) -> Vec<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| matches!(*key, "name[]" | "name%5B%5D" | "name%5b%5d"))
        .map(|(_, value)| value.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scrape_timeout_leaves_time_for_the_way() {
        for (text, expected) in [
            ("10", Some(9_500)),
            ("1", Some(500)),
            ("0.4", Some(200)),
            ("0", None),
            ("-3", None),
            ("NaN", None),
            ("inf", Some(86_399_500)),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT_HEADER, HeaderValue::from_static(text));
            assert_eq!(
                scrape_timeout(&headers),
                expected.map(Duration::from_millis),
                "{text}"
            );
        }
        assert_eq!(scrape_timeout(&HeaderMap::new()), None);
    }

    #[test]
    fn names_come_from_their_own_parameter_only() {
        assert_eq!(
            names("name[]=up&x=y&name%5B%5D=down&name=no"),
            ["up", "down"]
        );
        assert!(names("").is_empty());
    }
}
