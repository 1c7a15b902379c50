//! What went wrong on the way in, and where.

use std::fmt;
use std::path::PathBuf;

use crate::ObjectKey;

/// Something that could not be read, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The kind that was watched, such as `Pod`.
    pub kind: &'static str,
    /// Where it was met.
    pub place: Place,
    /// The one object that it costs; `None` if it is not about a single object.
    pub object: Option<ObjectKey>,
    /// What sort of problem it is.
    pub reason: Reason,
    /// What happened, for a person.
    pub message: String,
}

/// Where a problem was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, and the line where that is known; lines count from 1.
    File {
        /// The file or folder.
        path: PathBuf,
        /// The line that is wrong, or on which the document or object begins.
        line: Option<u64>,
    },
    /// A path of the API server.
    Api(String),
}

/// What sort of problem it is: a bounded set, used as a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A file or folder that cannot be read, or the root of the source is not there.
    Unreadable,
    /// A document that is neither YAML nor JSON, or is not a Kubernetes object.
    Syntax,
    /// An object that does not fit its kind; only this object is lost.
    Malformed,
    /// The same object twice in one source.
    Duplicate,
    /// The API server does not answer, or not in time.
    Unreachable,
    /// The connection broke in the middle of an answer.
    Cut,
    /// 401: the API server does not know who we are.
    Unauthorized,
    /// 403: we may not list or watch this.
    Forbidden,
    /// 404: the API server does not know this kind.
    Absent,
    /// 410: the resource version is too old, so everything is listed anew.
    Expired,
    /// 429: the API server asks for patience.
    Throttled,
    /// Any other refusal of the API server, or an answer that makes no sense.
    Server,
}

impl Reason {
    /// The value of the `reason` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Syntax => "syntax",
            Self::Malformed => "malformed",
            Self::Duplicate => "duplicate",
            Self::Unreachable => "unreachable",
            Self::Cut => "cut",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Absent => "absent",
            Self::Expired => "expired",
            Self::Throttled => "throttled",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.kind)?;
        if let Some(object) = &self.object {
            write!(formatter, " {object}")?;
        }
        write!(formatter, ": {}", self.message)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                path,
                line: Some(line),
            } => write!(formatter, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(formatter, "{}", path.display()),
            Self::Api(path) => formatter.write_str(path),
        }
    }
}
