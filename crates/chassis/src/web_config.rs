//! `--web.config.file`: TLS, users, headers and rate limit, in exporter-toolkit's format.
//!
//! The file and the certificates it names are looked at (not read) whenever a connection or a request comes, and read when they have
//! changed. What cannot be read, or would take TLS or the users away, is logged once and changes nothing: the old configuration
//! stays until the files change again.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use serde_saphyr::{Location, Spanned};
use thiserror::Error;

use crate::web_config::basic_auth::BasicAuth;
use crate::web_config::file::File;
use crate::web_config::rate_limit::RateLimit;
use crate::web_config::sources::Sources;

mod basic_auth;
mod file;
mod headers;
mod rate_limit;
mod sources;
mod tls;

/// A web configuration that follows its files.
pub(crate) struct WebConfig {
    path: Option<PathBuf>,
    state: Mutex<State>,
    successful: Gauge,
    last_success: Gauge<f64, AtomicU64>,
}

struct State {
    settings: Arc<WebSettings>,
    sources: Sources,
}

/// What the files said when they were last read.
#[derive(Default)]
pub(crate) struct WebSettings {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) headers: HeaderMap,
    /// Connections without a client certificate are refused.
    pub(crate) wants_certificates: bool,
    users: Option<BasicAuth>,
    rate: Option<RateLimit>,
}

/// Whether a request may go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    Granted,
    /// No credentials, or wrong ones.
    Denied,
    /// Beyond `rate_limit`.
    TooManyRequests,
    /// Too many passwords are waiting to be checked.
    Busy,
}

/// A web configuration that was refused, and where it is wrong.
#[derive(Debug, Error)]
#[error("{}{problem}", file.display())]
pub(crate) struct WebConfigError {
    file: PathBuf,
    problem: Problem,
}

/// What is wrong with a file, and at which place if it has one.
#[derive(Debug)]
pub(crate) struct Problem {
    place: Option<Location>,
    what: String,
}

// === impl WebConfig ===

impl WebConfig {
    /// Reads the file, or stands for an empty one.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, WebConfigError> {
        let mut sources = Sources::default();
        let settings = match path {
            Some(path) => read(path, &mut sources)?,
            None => WebSettings::default(),
        };
        let config = Self {
            path: path.map(Path::to_owned),
            state: Mutex::new(State {
                settings: Arc::new(settings),
                sources,
            }),
            successful: Gauge::default(),
            last_success: Gauge::default(),
        };
        config.succeeded();
        Ok(config)
    }

    /// What holds now.
    pub(crate) fn current(&self) -> Arc<WebSettings> {
        let mut state = self.state.lock();
        if let Some(path) = &self.path
            && state.sources.changed()
        {
            self.reload(path, &mut state);
        }
        Arc::clone(&state.settings)
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        if self.path.is_none() {
            return;
        }
        registry.register(
            "exporter_web_config_last_reload_successful",
            "Whether the web configuration and its certificates could be read when they last changed",
            self.successful.clone(),
        );
        registry.register(
            "exporter_web_config_last_reload_success_timestamp_seconds",
            "When the web configuration that holds now was read",
            self.last_success.clone(),
        );
    }

    fn reload(&self, path: &Path, state: &mut State) {
        let mut sources = Sources::default();
        let outcome = read(path, &mut sources)
            .and_then(|settings| state.settings.replaced_by(settings, path));
        // Also after a failure: one attempt for each change.
        state.sources = sources;
        match outcome {
            Ok(settings) => {
                state.settings = Arc::new(settings);
                self.succeeded();
                tracing::info!(file = %path.display(), "the web configuration was read again");
            }
            Err(error) => {
                self.successful.set(0);
                tracing::error!(%error, "the web configuration has changed and cannot be used; the old one stays");
            }
        }
    }

    fn succeeded(&self) {
        self.successful.set(1);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.last_success.set(now.as_secs_f64());
    }
}

fn read(path: &Path, sources: &mut Sources) -> Result<WebSettings, WebConfigError> {
    sources.base_on(path);
    let settings = sources.read(path).and_then(|text| {
        let file = File::parse(&text)?;
        Ok(WebSettings {
            wants_certificates: tls::wants_certificates(file.tls_server_config.as_ref()),
            tls: tls::server(
                file.tls_server_config,
                sources,
                file.http_server_config.http2,
            )?,
            headers: headers::check(file.http_server_config.headers)?,
            users: BasicAuth::new(file.basic_auth_users)?,
            rate: RateLimit::new(file.rate_limit)?,
        })
    });
    settings.map_err(|problem| WebConfigError {
        file: path.to_owned(),
        problem,
    })
}

// === impl WebSettings ===

impl WebSettings {
    /// Rate limit first: it is what protects the passwords' cost.
    pub(crate) async fn admit(&self, headers: &HeaderMap) -> Access {
        if !self.within_rate() {
            return Access::TooManyRequests;
        }
        match &self.users {
            Some(users) => users.check(headers).await,
            None => Access::Granted,
        }
    }

    /// Counts a request against `rate_limit`; false beyond it.
    pub(crate) fn within_rate(&self) -> bool {
        self.rate.as_ref().is_none_or(RateLimit::take)
    }

    /// A file that is being rewritten is empty for a moment: that must not open the doors.
    fn replaced_by(&self, next: Self, path: &Path) -> Result<Self, WebConfigError> {
        let lost = if self.tls.is_some() && next.tls.is_none() {
            "tls_server_config"
        } else if self.users.is_some() && next.users.is_none() {
            "basic_auth_users"
        } else {
            return Ok(next);
        };
        Err(WebConfigError {
            file: path.to_owned(),
            problem: Problem::new(format!("{lost} is gone: that takes a restart")),
        })
    }
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            place: None,
            what: what.into(),
        }
    }

    pub(crate) fn at<T>(value: &Spanned<T>, what: impl Into<String>) -> Self {
        Self {
            place: Some(value.referenced),
            what: what.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, ":{}:{}: {}", place.line(), place.column(), self.what),
            None => write!(f, ": {}", self.what),
        }
    }
}
