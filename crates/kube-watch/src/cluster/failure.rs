//! What a request came to, if not to an answer.

use std::error::Error;
use std::fmt::Write;

use kube::core::Status;

use crate::Reason;

/// The longest message of a server that is handed on, in characters: a proxy may send a page of HTML.
const LONGEST_MESSAGE: usize = 300;

/// A request that failed, or a watch that did.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) message: String,
    /// Whether the version that was watched from may be to blame, so that only a list helps.
    pub(super) relist: bool,
}

impl Failure {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        // The server's own word is doubted, so is the version; a silent server says nothing about it.
        let relist = matches!(
            reason,
            Reason::Expired | Reason::Server | Reason::Absent | Reason::Forbidden
        );
        Self {
            reason,
            message: message.into(),
            relist,
        }
    }

    pub(super) fn is_expired(&self) -> bool {
        self.reason == Reason::Expired
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        let reason = match &error {
            kube::Error::Api(status) => return Self::from(status.as_ref()),
            kube::Error::Auth(_) => Reason::Unauthorized,
            kube::Error::ReadEvents(_) => Reason::Cut,
            kube::Error::SerdeError(_)
            | kube::Error::FromUtf8(_)
            | kube::Error::BuildRequest(_) => Reason::Server,
            _ => Reason::Unreachable,
        };
        Self::new(reason, chain(&error))
    }
}

impl From<&Status> for Failure {
    fn from(status: &Status) -> Self {
        let reason = match status.code {
            401 => Reason::Unauthorized,
            403 => Reason::Forbidden,
            404 => Reason::Absent,
            410 => Reason::Expired,
            429 => Reason::Throttled,
            // What a load balancer says of a server that is down.
            502 | 503 => Reason::Unreachable,
            _ => Reason::Server,
        };
        let said = if status.message.trim().is_empty() {
            &status.reason
        } else {
            &status.message
        };
        let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let said: String = said.chars().take(LONGEST_MESSAGE).collect();
        Self::new(reason, format!("{}: {said}", status.code))
    }
}

/// An error and its sources in one line, without what a source only repeats.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !message.contains(&cause) {
            let _ = write!(message, ": {cause}");
        }
        source = error.source();
    }
    message
}
