//! What a request brings, read no further than somebody wants it.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use thiserror::Error;
use tokio::time::timeout;

use crate::web::site::text;

/// Longest wait for a whole body: as long as for a head.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request's body that has not been read yet.
pub struct Body(Incoming);

/// Why a body could not be had.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BodyError {
    /// Said to be, or turned out to be, longer than was allowed.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// It did not end in time.
    #[error("the body did not come in time")]
    TooSlow,
    /// The connection broke, or what came was no body.
    #[error("the body broke off")]
    Broken,
}

// === impl Body ===

impl Body {
    pub(crate) fn new(incoming: Incoming) -> Self {
        Self(incoming)
    }

    /// All of it, if it has at most so many bytes. Nothing is read of one that says beforehand that it is longer.
    pub async fn read(self, at_most: usize) -> Result<Bytes, BodyError> {
        if self.0.size_hint().lower() > u64::try_from(at_most).unwrap_or(u64::MAX) {
            return Err(BodyError::TooLong(at_most));
        }
        match timeout(PATIENCE, Limited::new(self.0, at_most).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLong(at_most)),
            Ok(Err(_)) => Err(BodyError::Broken),
            Err(_) => Err(BodyError::TooSlow),
        }
    }
}

// === impl BodyError ===

impl BodyError {
    /// The answer to whoever sent it.
    pub fn response(self) -> Response<Bytes> {
        let status = match self {
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        };
        text(status, format!("{self}\n"))
    }
}
