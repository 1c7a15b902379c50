//! Single answers of an API server, beside the watches: what cannot be watched is asked for.

use std::fmt;

use serde_json::Value;

use crate::Reason;

/// Asks the API server of a cluster for the JSON at a path. It only reads.
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
