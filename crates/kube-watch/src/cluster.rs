//! Objects from an API server.

use std::sync::Arc;

use k8s_openapi::Resource;
use kube::{Client, Config};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;

use crate::scope::Selection;
use crate::{Index, Scope, SourceError, WatchStatus, Watching};

/// An API server to watch.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
}

impl Cluster {
    pub(crate) async fn open() -> Result<Self, SourceError> {
        let no_cluster = |message: String| SourceError::NoCluster(message);
        let mut config = Config::infer()
            .await
            .map_err(|error| no_cluster(error.to_string()))?;
        // Failures are told and waited out here; a second hand that retries in silence would hide them.
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|error| no_cluster(error.to_string()))?;
        Ok(Self::from(client))
    }

    pub(crate) fn watch<K, T, I>(
        &self,
        _scope: &Scope,
        _selection: &Selection,
        _trim: fn(K) -> T,
        _index: Arc<RwLock<I>>,
        _status: &WatchStatus,
    ) -> Watching
    where
        K: Resource<Scope: 'static> + DeserializeOwned + Send + 'static,
        T: Send + 'static,
        I: Index<T>,
    {
        let client = self.client.clone();
        Box::pin(async move {
            let _client = client;
            std::future::pending().await
        })
    }
}

impl From<Client> for Cluster {
    fn from(client: Client) -> Self {
        Self { client }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Cluster")
    }
}
