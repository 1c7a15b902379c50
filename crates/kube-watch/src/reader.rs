//! Single answers of an API server, beside the watches: what cannot be watched is asked for.

use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::{Reason, SourceError};

/// Asks the API server of a cluster, or a server beside it, for the JSON at a path. It only reads.
#[derive(Clone)]
pub struct Reader {
    #[cfg(feature = "cluster")]
    cluster: crate::cluster::Cluster,
    /// Without a cluster there is none of these.
    #[cfg(not(feature = "cluster"))]
    nobody: std::convert::Infallible,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What sort of failure it is.
    pub reason: Reason,
    /// What happened, for a person.
    pub message: String,
}

impl Reader {
    #[cfg(feature = "cluster")]
    pub(crate) fn new(cluster: crate::cluster::Cluster) -> Self {
        Self { cluster }
    }

    /// Asks another server, at `https://HOST:PORT`, with the credentials of the service account or the kubeconfig.
    ///
    /// A server that cannot show a certificate of `authority` (a file in PEM; the API server's own, if nothing) never sees them.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(
            clippy::unused_async,
            reason = "only the cluster's configuration is awaited"
        )
    )]
    pub async fn elsewhere(address: &str, authority: Option<&Path>) -> Result<Self, SourceError> {
        #[cfg(feature = "cluster")]
        return crate::cluster::Cluster::elsewhere(address, authority)
            .await
            .map(Self::new);
        #[cfg(not(feature = "cluster"))]
        {
            let _ = (address, authority);
            Err(SourceError::ClusterNotBuilt)
        }
    }

    /// The JSON at a path such as `/version`, with a query if it takes one.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(clippy::unused_async, reason = "there is nobody to wait for")
    )]
    pub async fn get(&self, path: &str) -> Result<Value, ReadError> {
        #[cfg(feature = "cluster")]
        return self.cluster.get(path).await;
        #[cfg(not(feature = "cluster"))]
        {
            let _ = path;
            match self.nobody {}
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reader")
    }
}
