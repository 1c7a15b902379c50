//! Objects from files: looked at again and again, and told by difference.
//!
//! walk -> read -> parse -> merge
//!
//! A file is known by its size, times and inode, so a look at files that did not change opens none.
//! What a file held before it broke is kept, marked stale, until it parses again.

mod documents;
mod key;
mod manifests;
mod merge;
mod parse;
mod read;
mod walk;

use std::convert::Infallible;
use std::panic;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::Resource;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::sleep;

pub use self::manifests::{Manifest, manifests};

use self::merge::Files;
use crate::Index;
use crate::scope::Selection;
use crate::sink::Sink;

/// The share of the time that may be spent on looking, as a divisor; but no look waits longer than [`LONGEST_PAUSE`] for that.
const SHARE: u32 = 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whose turn it is: all kinds of a source look at the same files, and one after the other keeps them on one thread and
/// one file's contents in memory.
pub(crate) type Turn = Arc<Mutex<()>>;

/// Looks at the files for ever, on a thread where waiting for a disk holds up nobody.
pub(crate) async fn watch<K, T, I>(
    root: PathBuf,
    poll_interval: Duration,
    turn: Turn,
    selection: Selection,
    sink: Sink<K, T, I>,
) -> Infallible
where
    K: Resource<Scope: 'static> + DeserializeOwned + Send + 'static,
    T: Send + 'static,
    I: Index<T>,
{
    let mut files = Files::new(root, selection, sink);
    loop {
        let ours = turn.lock().await;
        let began = Instant::now();
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
        drop(ours);
        let fair = (began.elapsed() * SHARE).min(LONGEST_PAUSE);
        sleep(poll_interval.max(fair)).await;
    }
}

#[cfg(test)]
mod tests;
