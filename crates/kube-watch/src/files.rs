//! Objects from files: looked at again and again, and told by difference.
//!
//! walk -> read -> parse -> merge
//!
//! A file is known by its size, times and inode, so a look at files that did not change opens none.
//! What a file held before it broke is kept, marked stale, until it parses again.

mod documents;
mod manifests;
mod merge;
mod parse;
mod read;
mod walk;

use std::convert::Infallible;
use std::panic;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::Resource;
use serde::de::DeserializeOwned;
use tokio::time::{MissedTickBehavior, interval};

pub use self::manifests::{Manifest, manifests};

use self::merge::Files;
use crate::Index;
use crate::scope::Selection;
use crate::sink::Sink;

/// Looks at the files for ever, on a thread where waiting for a disk holds up nobody.
pub(crate) async fn watch<K, T, I>(
    root: PathBuf,
    poll_interval: Duration,
    selection: Selection,
    sink: Sink<K, T, I>,
) -> Infallible
where
    K: Resource<Scope: 'static> + DeserializeOwned + Send + 'static,
    T: Send + 'static,
    I: Index<T>,
{
    let mut files = Files::new(root, selection, sink);
    let mut ticks = interval(poll_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let look = tokio::task::spawn_blocking(move || {
            files.look();
            files
        });
        files = match look.await {
            Ok(files) => files,
            Err(died) => match died.try_into_panic() {
                Ok(payload) => panic::resume_unwind(payload),
                // Only the runtime's end cancels it, and then nobody polls again.
                Err(_) => std::future::pending().await,
            },
        };
    }
}

#[cfg(test)]
mod tests;
