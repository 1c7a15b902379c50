//! An opened source, from which any number of kinds can be watched.

use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::Resource;
use parking_lot::RwLock;
use serde::de::DeserializeOwned;

use crate::files::{self, Turn};
use crate::scope::Selection;
use crate::sink::Sink;
use crate::{Index, Reader, Scope, ScopeError, Source, SourceError, WatchStatus};

/// How often files are looked at, unless [`Watcher::poll_every`] says otherwise, or there are so many that it would cost too
/// much.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A watch at work: goes on for as long as it is polled, and never ends.
pub type Watching = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// An opened source, from which any number of kinds can be watched.
#[derive(Clone, Debug)]
pub struct Watcher {
    opened: Opened,
}

#[derive(Clone, Debug)]
enum Opened {
    Files {
        root: PathBuf,
        poll_interval: Duration,
        turn: Turn,
    },
    #[cfg(feature = "cluster")]
    Cluster(crate::cluster::Cluster),
}

impl Watcher {
    /// Opens a source. For a cluster this reads the service account or the kubeconfig, and must be
    /// called within a runtime; it talks to nobody yet, so an API server that is down is no error.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(
            clippy::unused_async,
            reason = "only the cluster's configuration is awaited"
        )
    )]
    pub async fn open(source: &Source) -> Result<Self, SourceError> {
        match source {
            Source::Files(root) => Ok(Self::files(root)),
            #[cfg(feature = "cluster")]
            Source::Cluster => crate::cluster::Cluster::open().await.map(Self::from),
            #[cfg(not(feature = "cluster"))]
            Source::Cluster => Err(SourceError::ClusterNotBuilt),
        }
    }

    /// Of a file or folder, which need not exist yet.
    pub fn files(root: impl Into<PathBuf>) -> Self {
        Self {
            opened: Opened::Files {
                root: root.into(),
                poll_interval: POLL_INTERVAL,
                turn: Turn::default(),
            },
        }
    }

    /// Asks for what cannot be watched. Files have nobody to ask.
    pub fn reader(&self) -> Option<Reader> {
        match &self.opened {
            Opened::Files { .. } => None,
            #[cfg(feature = "cluster")]
            Opened::Cluster(cluster) => Some(Reader::new(cluster.clone())),
        }
    }

    /// Looks at files this often, at most once a millisecond, and less often where a look takes long. A cluster tells by itself and is not
    /// concerned.
    #[must_use]
    pub fn poll_every(mut self, interval: Duration) -> Self {
        #[cfg_attr(
            not(feature = "cluster"),
            expect(irrefutable_let_patterns, reason = "files are then the only source")
        )]
        if let Opened::Files { poll_interval, .. } = &mut self.opened {
            *poll_interval = interval.max(Duration::from_millis(1));
        }
        self
    }

    /// Watches one kind: decodes, trims, and tells the index.
    ///
    /// The watch is part of `status` from this call on, so that nothing counts as ready before all
    /// watches were heard; it moves only while the returned future is polled. A kind of a custom
    /// resource is any type that implements [`Resource`] and can be deserialized.
    pub fn watch<K, T, I>(
        &self,
        scope: &Scope,
        trim: impl Fn(K) -> T + Send + Sync + 'static,
        index: Arc<RwLock<I>>,
        status: &WatchStatus,
    ) -> Result<Watching, ScopeError>
    where
        K: Resource<Scope: 'static> + DeserializeOwned + Send + 'static,
        T: Send + 'static,
        I: Index<T>,
    {
        let selection = Selection::new(scope)?;
        Ok(match &self.opened {
            Opened::Files {
                root,
                poll_interval,
                turn,
            } => {
                let teller = status.teller(K::KIND, None);
                let sink = Sink {
                    namespace: None,
                    trim: Arc::new(trim),
                    index,
                    teller,
                };
                let (root, turn) = (root.clone(), Turn::clone(turn));
                Box::pin(files::watch(root, *poll_interval, turn, selection, sink))
            }
            #[cfg(feature = "cluster")]
            Opened::Cluster(cluster) => cluster.watch(scope, &selection, trim, &index, status),
        })
    }
}

#[cfg(feature = "cluster")]
impl From<crate::cluster::Cluster> for Watcher {
    fn from(cluster: crate::cluster::Cluster) -> Self {
        Self {
            opened: Opened::Cluster(cluster),
        }
    }
}

#[cfg(feature = "cluster")]
impl From<kube::Client> for Watcher {
    /// Of a cluster to which there is a client already.
    fn from(client: kube::Client) -> Self {
        Self::from(crate::cluster::Cluster::from(client))
    }
}
