//! Tasks that live as long as the process.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::{Id, JoinSet};

/// A task that has been announced and not yet started.
pub(crate) struct Task {
    name: String,
    work: BoxFuture<'static, Result<(), String>>,
}

/// A task's end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) how: String,
    pub(crate) panicked: bool,
}

/// The running tasks.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    running: JoinSet<Result<(), String>>,
    names: HashMap<Id, String>,
}

// === impl Task ===

impl Task {
    pub(crate) fn new<F, E>(name: impl Into<String>, work: F) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let work = work.map(|result| result.map_err(|error| error.to_string()));
        Self {
            name: name.into(),
            work: work.boxed(),
        }
    }
}

// === impl Tasks ===

impl Tasks {
    pub(crate) fn start(&mut self, task: Task) {
        let id = self.running.spawn(task.work).id();
        self.names.insert(id, task.name);
    }

    /// Waits for the next task that ends; for ever when there is none.
    pub(crate) async fn ended(&mut self) -> Ended {
        let (id, how, panicked) = match self.running.join_next_with_id().await {
            None => return std::future::pending().await,
            Some(Ok((id, Ok(())))) => (id, "it ended by itself".to_owned(), false),
            Some(Ok((id, Err(error)))) => (id, error, false),
            Some(Err(error)) => (
                error.id(),
                match error.try_into_panic() {
                    Ok(payload) => format!("panicked: {}", panic_text(payload.as_ref())),
                    Err(cancelled) => cancelled.to_string(),
                },
                true,
            ),
        };
        Ended {
            name: self.names.remove(&id).unwrap_or_default(),
            how,
            panicked,
        }
    }

    /// While stopping, tasks may end; only a panic is worth a line. Never resolves.
    pub(crate) async fn watch_stopping(&mut self) {
        loop {
            let ended = self.ended().await;
            if ended.panicked {
                tracing::error!(
                    task = ended.name,
                    how = ended.how,
                    "a task broke while stopping"
                );
            }
        }
    }
}

/// What a panic said, when it said it in words.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
