//! Tasks that live as long as the process.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::thread;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustix::io::Errno;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::{Id, JoinSet};

/// What everything but the tasks on threads of their own adds to its niceness: next to one of those it gets a tenth of
/// a processor that both want, and gives it up at once. As an increment within our own process it takes nothing from us
/// in favour of others where containers have a share each.
const YIELDING: i32 = 10;

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

/// A task that has been announced for a thread of its own.
pub(crate) struct Ahead {
    pub(crate) name: &'static str,
    pub(crate) work: BoxFuture<'static, Result<(), String>>,
}

// === impl Ahead ===

impl Ahead {
    /// Starts the thread. The task returned ends as the work does.
    pub(crate) fn start(self, runtime: Runtime) -> io::Result<Task> {
        let (sender, ended) = oneshot::channel();
        thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || {
                let work = AssertUnwindSafe(self.work).catch_unwind();
                // Nobody listens any more when the process is on its way out.
                let _ = sender.send(runtime.block_on(work));
            })?;
        Ok(Task::new(self.name, async move {
            match ended.await {
                Ok(Ok(result)) => result,
                // As if it had happened here: told like every other task's.
                Ok(Err(panic)) => resume_unwind(panic),
                Err(_) => Err("its thread is gone".to_owned()),
            }
        }))
    }
}

/// Makes this thread, and those that it will start, step back behind the ones that it has started.
pub(crate) fn yield_to_threads() -> Result<(), Errno> {
    let now = rustix::process::getpriority_process(None)?;
    rustix::process::setpriority_process(None, now + YIELDING)
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
