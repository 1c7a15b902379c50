//! A cluster as it is now: every watch until it has been heard, and then no longer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use kube_watch::{Source, WatchStatus, Watcher};
use parking_lot::RwLock;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::model::Model;
use crate::watch;

/// An API server that has not listed everything by then is said to be out of reach.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the cluster of the kubeconfig, or of the pod's service account, and says what it does not tell.
pub(super) fn read(model: &mut Model) -> Result<Vec<String>, String> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let empty = Model::new(*model.matrix().profile());
    let shared = Arc::new(RwLock::new(std::mem::replace(model, empty)));
    let heard = runtime.block_on(hear(&shared));
    drop(runtime);
    let read = Arc::into_inner(shared).ok_or("a watch has outlived its runtime")?;
    *model = read.into_inner();
    heard
}

async fn hear(model: &Arc<RwLock<Model>>) -> Result<Vec<String>, String> {
    let source = Source::Cluster;
    let status = WatchStatus::new();
    let watcher = Watcher::open(&source)
        .await
        .map_err(|error| error.to_string())?;
    let every_kind =
        watch::watch(&watcher, &source, model, &status).map_err(|error| error.to_string())?;
    let watching = select_all(every_kind.into_iter().map(|(_, watching)| watching));
    let mut changes = status.changes();
    let complete = timeout(PATIENCE, async {
        while !status.ready() {
            changes.changed().await;
        }
    });
    let complete = tokio::select! {
        (never, ..) = watching => match never {},
        complete = complete => complete,
    };
    let problems: Vec<String> = status.problems().iter().map(ToString::to_string).collect();
    match complete {
        Ok(()) => Ok(problems),
        Err(_) => Err(format!(
            "the cluster has not answered within {} s: {}",
            PATIENCE.as_secs(),
            problems.join("; ")
        )),
    }
}
