//! From a request to its answer: health first and always, then rate limit, credentials, and the pages.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use exposition::Page;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

use crate::ready::Readiness;
use crate::supervise::panic_text;
use crate::web::body::Body;
use crate::web::landing::Landing;
use crate::web::request_metrics::RequestMetrics;
use crate::web::{health, scrape};
use crate::web_config::{Access, WebConfig, WebSettings};

/// The label of paths that are not ours, so that a scanner cannot make series.
const OTHER: &str = "_OTHER";

/// Answers one path.
pub(crate) type Handler =
    Box<dyn Fn(Request<()>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;

/// Takes what is sent to one path, and checks who sends it.
pub(crate) type Receiver =
    Box<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;

/// Everything that can be asked for.
pub(crate) struct Site {
    pub(crate) telemetry_path: String,
    pub(crate) page: Arc<Page>,
    pub(crate) routes: BTreeMap<&'static str, Handler>,
    pub(crate) receivers: BTreeMap<&'static str, Receiver>,
    pub(crate) landing: Landing,
    pub(crate) readiness: Readiness,
    pub(crate) config: Arc<WebConfig>,
    pub(crate) limit: Limit,
    pub(crate) metrics: RequestMetrics,
}

/// `--web.max-requests`.
pub(crate) struct Limit {
    most: usize,
    free: Option<Semaphore>,
}

// === impl Site ===

impl Site {
    /// The answer on a web address.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Bytes> {
        let _in_flight = self.metrics.enter();
        let settings = self.config.current();
        let path = self.known(request.uri().path());
        let health = health::answer(path, request.method(), &self.readiness);
        let mut response = if let Some(response) = health {
            response
        } else if let Some(receiver) = self.receivers.get(path) {
            self.received(&settings, path, receiver, request).await
        } else {
            self.guarded(&settings, path, request.map(drop)).await
        };
        response.headers_mut().extend(settings.headers.clone());
        self.metrics.count(path, response.status().as_u16());
        response
    }

    /// The answer on the health address.
    pub(crate) fn answer_health<B>(&self, request: &Request<B>) -> Response<Bytes> {
        health::answer(request.uri().path(), request.method(), &self.readiness)
            .unwrap_or_else(not_found)
    }

    /// The receiver knows its senders; only their number is our affair.
    async fn received(
        &self,
        settings: &WebSettings,
        path: &str,
        receiver: &Receiver,
        request: Request<Body>,
    ) -> Response<Bytes> {
        if !settings.within_rate() {
            return too_many_requests();
        }
        let Ok(_permit) = self.limit.enter() else {
            return self.limit.reached();
        };
        if request.method() != Method::POST {
            return not_allowed("only POST is answered here\n", "POST");
        }
        caught(path, AssertUnwindSafe(async { receiver(request).await })).await
    }

    async fn guarded(
        &self,
        settings: &WebSettings,
        path: &str,
        request: Request<()>,
    ) -> Response<Bytes> {
        match settings.admit(request.headers()).await {
            Access::Granted => {}
            Access::TooManyRequests => return too_many_requests(),
            Access::Busy => {
                return text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many passwords to check, try again later\n",
                );
            }
            Access::Denied => {
                let mut response = text(StatusCode::UNAUTHORIZED, "user and password, please\n");
                let scheme =
                    HeaderValue::from_static("Basic realm=\"exporter\", charset=\"UTF-8\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
                return response;
            }
        }
        let Ok(_permit) = self.limit.enter() else {
            return self.limit.reached();
        };
        if path == OTHER {
            not_found()
        } else if !readable(request.method()) {
            method_not_allowed()
        } else if path == self.telemetry_path {
            scrape::page(&self.page, request).await
        } else if let Some(handler) = self.routes.get(path) {
            caught(path, AssertUnwindSafe(async { handler(request).await })).await
        } else {
            caught(path, AssertUnwindSafe(async { self.landing.page() })).await
        }
    }

    /// The path when it is one of ours. Compared byte by byte: nothing is decoded, nothing normalised, so nothing can be dressed up
    /// as a health path.
    fn known(&self, path: &str) -> &str {
        if path == self.telemetry_path {
            return &self.telemetry_path;
        }
        let fixed = health::PATHS.into_iter().chain(["/"]);
        let received = self.receivers.keys().copied();
        let mut ours = self.routes.keys().copied().chain(received).chain(fixed);
        ours.find(|known| *known == path).unwrap_or(OTHER)
    }
}

/// A page that panics costs that answer, not the connection.
async fn caught(
    path: &str,
    page: AssertUnwindSafe<impl Future<Output = Response<Bytes>>>,
) -> Response<Bytes> {
    page.catch_unwind().await.unwrap_or_else(|payload| {
        tracing::error!(path, how = panic_text(payload.as_ref()), "a page panicked");
        text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this page failed; see the log\n",
        )
    })
}

// === impl Limit ===

impl Limit {
    /// At most so many at once; 0 for no limit.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            free: (most > 0).then(|| Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A permit to keep while answering, where one is needed.
    fn enter(&self) -> Result<Option<SemaphorePermit<'_>>, TryAcquireError> {
        self.free.as_ref().map(Semaphore::try_acquire).transpose()
    }

    fn reached(&self) -> Response<Bytes> {
        let most = self.most;
        text(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("limit of {most} requests at once reached, try again later\n"),
        )
    }
}

/// A plain answer in words.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// HEAD is GET without the body, which hyper leaves out.
pub(crate) fn readable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

pub(crate) fn method_not_allowed() -> Response<Bytes> {
    not_allowed("only GET and HEAD are answered here\n", "GET, HEAD")
}

fn not_allowed(why: &'static str, allowed: &'static str) -> Response<Bytes> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, why);
    let allowed = HeaderValue::from_static(allowed);
    response.headers_mut().insert(ALLOW, allowed);
    response
}

fn too_many_requests() -> Response<Bytes> {
    let why = "rate limit reached, try again later\n";
    text(StatusCode::TOO_MANY_REQUESTS, why)
}

fn not_found() -> Response<Bytes> {
    text(StatusCode::NOT_FOUND, "no such page\n")
}
