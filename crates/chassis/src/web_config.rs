//! `--web.config.file`, thin for now.
use std::path::Path;
use std::sync::Arc;

use http::HeaderMap;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use thiserror::Error;

#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct WebConfigError(String);

pub(crate) struct WebConfig(Arc<WebSettings>);

#[derive(Default)]
pub(crate) struct WebSettings {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) headers: HeaderMap,
}

pub(crate) enum Access {
    Granted,
    Denied,
    TooManyRequests,
    Busy,
}

impl WebConfig {
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, WebConfigError> {
        match file {
            Some(file) => Err(WebConfigError(format!("{}: not read yet", file.display()))),
            None => Ok(Self(Arc::default())),
        }
    }

    pub(crate) fn current(&self) -> Arc<WebSettings> {
        Arc::clone(&self.0)
    }

    pub(crate) fn register(&self, _registry: &mut Registry) {}
}

impl WebSettings {
    pub(crate) async fn admit(&self, _headers: &HeaderMap) -> Access {
        Access::Granted
    }
}
