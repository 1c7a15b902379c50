//! Where agents report: who they are is checked, what they say goes to the observer, and what they are to dial goes back.
//!
//! ```text
//! POST /api/v1/reach ─> token: whose? ─> report: of the same? ─> observer ─> plan
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chassis::Body;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use parking_lot::{Mutex, RwLock};
use reach::Report;
use tokio::sync::Notify;

use self::identity::{Gate, Identity, Stopped};
use crate::model::Model;
use crate::observe::{Observer, Refusal};

pub mod identity;

/// Answers agents.
#[derive(Clone, Debug)]
pub struct Receiver {
    gate: Arc<Gate>,
    model: Arc<RwLock<Model>>,
    observer: Arc<Mutex<Observer>>,
    counts: Arc<Counts>,
    /// Somebody new can dial.
    joined: Arc<Notify>,
    now: fn() -> Duration,
}

/// Reports, by what became of them.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; Fate::ALL.len()]);

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was looked at.
    Accepted,
    /// Its token is nobody's.
    Unauthorized,
    /// Its token is another's than it says, or nobody here knows who it says it is.
    Forbidden,
    /// It is no report.
    Malformed,
    /// It is too large, or came too slowly.
    Unread,
    /// There were too many of them.
    Flood,
    /// The API server could not say whose token it is.
    Unreviewed,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Stopped(#[from] Stopped),
    #[error("{0}")]
    Body(#[from] chassis::BodyError),
    #[error("not a report: {0}")]
    Json(#[from] serde_json::Error),
    #[error("not a report: {0}")]
    Report(#[from] reach::ReportFault),
    #[error("{0}")]
    Refused(#[from] Refusal),
}

// === impl Receiver ===

impl Receiver {
    /// Lets in whom the gate lets in. `now` is the wall clock.
    pub fn new(
        gate: Gate,
        model: Arc<RwLock<Model>>,
        observer: Arc<Mutex<Observer>>,
        now: fn() -> Duration,
    ) -> Self {
        Self {
            gate: Arc::new(gate),
            model,
            observer,
            counts: Arc::default(),
            joined: Arc::default(),
            now,
        }
    }

    /// Reports, by what became of them.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Told when somebody new can dial.
    pub fn joined(&self) -> Arc<Notify> {
        Arc::clone(&self.joined)
    }

    /// The handler of the route.
    pub fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Bytes>> {
        let receiver = self.clone();
        Box::pin(async move {
            match receiver.receive(request).await {
                Ok(answer) => {
                    receiver.counts.add(Fate::Accepted);
                    json(answer)
                }
                Err(fault) => {
                    receiver.counts.add(fault.fate());
                    fault.response()
                }
            }
        })
    }

    async fn receive(&self, request: Request<Body>) -> Result<Vec<u8>, Fault> {
        let identity = self.gate.admit(request.headers(), (self.now)()).await?;
        let body = request.into_body().read(reach::LARGEST_REPORT).await?;
        self.exchange(&identity, &body)
    }

    fn exchange(&self, identity: &Identity, body: &[u8]) -> Result<Vec<u8>, Fault> {
        let report: Report = serde_json::from_slice(body)?;
        report.check()?;
        let (answer, joined) = {
            let model = self.model.read();
            self.gate.vouch(identity, &report.agent, &model)?;
            self.observer
                .lock()
                .exchange(&report, &model, (self.now)())?
        };
        if joined {
            self.model.write().agents_changed();
            self.joined.notify_one();
        }
        Ok(serde_json::to_vec(&answer)?)
    }
}

fn json(answer: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(answer));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

// === impl Fault ===

impl Fault {
    fn fate(&self) -> Fate {
        match self {
            Self::Stopped(Stopped::NoToken | Stopped::WrongToken) => Fate::Unauthorized,
            Self::Stopped(Stopped::Unreviewed(_) | Stopped::Busy) => Fate::Unreviewed,
            Self::Body(_) => Fate::Unread,
            Self::Json(_) | Self::Report(_) => Fate::Malformed,
            Self::Stopped(Stopped::Closed | Stopped::NotYou) | Self::Refused(Refusal::Stranger) => {
                Fate::Forbidden
            }
            Self::Refused(Refusal::Flood) => Fate::Flood,
        }
    }

    fn response(&self) -> Response<Bytes> {
        if let Self::Body(fault) = self {
            return fault.response();
        }
        let status = match self.fate() {
            Fate::Unauthorized => StatusCode::UNAUTHORIZED,
            Fate::Forbidden => StatusCode::FORBIDDEN,
            Fate::Flood => StatusCode::TOO_MANY_REQUESTS,
            Fate::Unreviewed => StatusCode::SERVICE_UNAVAILABLE,
            Fate::Malformed | Fate::Unread | Fate::Accepted => StatusCode::BAD_REQUEST,
        };
        let mut response = Response::new(Bytes::from(format!("{self}\n")));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, text);
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

// === impl Counts ===

impl Counts {
    fn add(&self, fate: Fate) {
        self.0[fate as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many had this fate.
    pub fn of(&self, fate: Fate) -> u64 {
        self.0[fate as usize].load(Ordering::Relaxed)
    }
}

// === impl Fate ===

impl Fate {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Unauthorized,
        Self::Forbidden,
        Self::Malformed,
        Self::Unread,
        Self::Flood,
        Self::Unreviewed,
    ];

    /// The name, as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Malformed => "malformed",
            Self::Unread => "unread",
            Self::Flood => "flood",
            Self::Unreviewed => "unreviewed",
        }
    }
}
