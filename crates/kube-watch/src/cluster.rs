//! Objects from an API server: listed page by page, then watched, for ever.
//!
//! The loop is ours, on kube's client: `kube::runtime`'s watcher keeps a page of full objects, hides
//! bookmarks and renewed connections, so that nobody could tell a quiet cluster from a dead one, and
//! resumes at a version that the server no longer has. Here one object at a time is decoded, trimmed
//! and dropped, and every word of the server counts as contact.

mod backoff;
mod failure;
mod follow;
mod wire;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use http::Uri;
use k8s_openapi::Resource;
use kube::{Client, Config};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use self::failure::Failure;
use self::follow::Follow;
use crate::scope::Selection;
use crate::sink::{Sink, Trim, is_namespaced};
use crate::{Index, ReadError, Reason, Scope, SourceError, WatchStatus, Watching};

/// An API server to watch.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    timing: Timing,
}

/// How patient a watch is.
#[derive(Clone, Copy, Debug)]
struct Timing {
    /// Objects in one page of a list: what is held in full at one time, as text.
    page: u32,
    /// How long the server may take to answer a request, a page of a list included.
    answer: Duration,
    /// When the server is asked to end a watch, so that a quiet one is heard of at least this often.
    /// Whole seconds.
    watch: Duration,
    /// How much later than that a watch without a word counts as dead.
    margin: Duration,
    /// The first wait after a failure; doubled with each further one.
    first_wait: Duration,
    /// The longest wait.
    longest_wait: Duration,
    /// How long a watch must have lived for earlier failures to be forgotten.
    settled: Duration,
    /// How often a kind that is not installed is asked for again.
    recheck: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            page: 250,
            answer: Duration::from_secs(30),
            watch: Duration::from_mins(2),
            margin: Duration::from_secs(10),
            first_wait: Duration::from_millis(800),
            // client-go waits up to 30 s. This long after an outage an exporter may still tell of yesterday's pods.
            longest_wait: Duration::from_secs(10),
            settled: Duration::from_secs(10),
            recheck: Duration::from_mins(1),
        }
    }
}

/// Of the service account or the kubeconfig.
pub(crate) async fn client() -> Result<Client, SourceError> {
    Client::try_from(config().await?).map_err(|error| no_cluster(&error))
}

async fn config() -> Result<Config, SourceError> {
    let mut config = Config::infer().await.map_err(|error| no_cluster(&error))?;
    // Failures are told and waited out here; a second hand that retries in silence would hide them.
    config.default_retry = false;
    Ok(config)
}

fn no_cluster(error: &dyn std::error::Error) -> SourceError {
    SourceError::NoCluster(failure::chain(error))
}

/// The same credentials for another server, which has to prove who it is: they are worth something to whoever gets them.
fn at(mut config: Config, address: Uri, authority: Option<&Path>) -> Config {
    config.cluster_url = address;
    config.tls_server_name = None;
    config.accept_invalid_certs = false;
    if let Some(authority) = authority {
        config.root_cert = None;
        config.root_cert_file = Some(authority.to_owned());
    }
    config
}

impl Cluster {
    pub(crate) async fn open() -> Result<Self, SourceError> {
        client().await.map(Self::from)
    }

    /// Another server than the API server, asked with the same credentials.
    pub(crate) async fn elsewhere(
        address: &str,
        authority: Option<&Path>,
    ) -> Result<Self, SourceError> {
        let refused = |reason: String| SourceError::Elsewhere {
            address: address.to_owned(),
            reason,
        };
        let uri: Uri = address
            .parse()
            .map_err(|error| refused(format!("no address: {error}")))?;
        if uri.scheme_str() != Some("https") {
            return Err(refused(
                "a token is shown over https alone: write https://HOST:PORT".to_owned(),
            ));
        }
        let client = Client::try_from(at(config().await?, uri, authority));
        let client = client.map_err(|error| {
            let of_whom = authority.map(|it| format!("by {}: ", it.display()));
            refused(of_whom.unwrap_or_default() + &failure::chain(&error))
        })?;
        Ok(Self::from(client))
    }

    /// The JSON at a path, within the time that the server has for any answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ReadError> {
        let asked = http::Request::get(path).body(Vec::new());
        let asked = asked.map_err(|error| ReadError {
            reason: Reason::Server,
            message: format!("{path} is no path: {error}"),
        })?;
        let seconds = self.timing.answer.as_secs();
        let answer = timeout(self.timing.answer, self.client.request_text(asked));
        let answer = answer.await.map_err(|_| ReadError {
            reason: Reason::Unreachable,
            message: format!("no answer within {seconds} s"),
        })?;
        let text = answer.map_err(|error| {
            let Failure {
                reason, message, ..
            } = error.into();
            ReadError { reason, message }
        })?;
        serde_json::from_str(&text).map_err(|error| ReadError {
            reason: Reason::Server,
            message: format!("the answer is no JSON: {error}"),
        })
    }

    /// One watch for each namespace of the scope, or one for all.
    pub(crate) fn watch<K, T, I>(
        &self,
        scope: &Scope,
        selection: &Selection,
        trim: impl Fn(K) -> T + Send + Sync + 'static,
        index: &Arc<RwLock<I>>,
        status: &WatchStatus,
    ) -> Watching
    where
        K: Resource<Scope: 'static> + DeserializeOwned + Send + 'static,
        T: Send + 'static,
        I: Index<T>,
    {
        let trim: Trim<K, T> = Arc::new(trim);
        let mut namespaces: Vec<Option<String>> =
            selection.namespaces.iter().cloned().map(Some).collect();
        if namespaces.is_empty() || !is_namespaced::<K>() {
            namespaces = vec![None];
        }
        let follows: Vec<_> = namespaces
            .into_iter()
            .map(|namespace| {
                let teller = status.teller(K::KIND, namespace.clone());
                let sink = Sink {
                    namespace,
                    trim: Arc::clone(&trim),
                    index: Arc::clone(index),
                    teller,
                };
                let follow = Follow::new(self.client.clone(), self.timing, scope, sink);
                Box::pin(follow.forever())
            })
            .collect();
        Box::pin(async { select_all(follows).await.0 })
    }
}

impl From<Client> for Cluster {
    fn from(client: Client) -> Self {
        Self {
            client,
            timing: Timing::default(),
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
