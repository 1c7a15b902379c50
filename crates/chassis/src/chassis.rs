//! What a binary's setup puts its parts into.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use exposition::Page;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use http::{Request, Response};

use crate::drain::{Drain, Drainer};
use crate::findings::Table;
use crate::ready::{Readiness, Ready};
use crate::supervise::{Ahead, Task};
use crate::web::body::Body;
use crate::web::site::{Handler, Receiver};

/// The process under construction: metrics, tasks, readiness and pages are added to it, and run once setup is through.
pub struct Chassis {
    pub(crate) page: Page,
    pub(crate) tasks: Vec<Task>,
    pub(crate) ahead: Vec<Ahead>,
    pub(crate) readiness: Readiness,
    pub(crate) routes: BTreeMap<&'static str, Handler>,
    pub(crate) receivers: BTreeMap<&'static str, Receiver>,
    pub(crate) links: Vec<(String, String)>,
    pub(crate) tables: Vec<Box<dyn Fn() -> Table + Send + Sync>>,
    pub(crate) drainer: Drainer,
    pub(crate) addresses: Vec<SocketAddr>,
}

// === impl Chassis ===

impl Chassis {
    pub(crate) fn new(page: Page, addresses: Vec<SocketAddr>) -> Self {
        Self {
            page,
            tasks: Vec::new(),
            ahead: Vec::new(),
            readiness: Readiness::default(),
            routes: BTreeMap::new(),
            receivers: BTreeMap::new(),
            links: Vec::new(),
            tables: Vec::new(),
            drainer: Drainer::new(),
            addresses,
        }
    }

    /// The metrics page: add collectors to it.
    pub fn page(&mut self) -> &mut Page {
        &mut self.page
    }

    /// Runs a task from the end of setup until shutdown. Should it end before, well or badly or in a panic, the whole process ends
    /// with code 1 and a message that names it. At shutdown it is cut off, unless a [`Drain`] that it holds says that it has work to finish.
    pub fn spawn<F, E>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        self.tasks.push(Task::new(name, task));
    }

    /// Runs a task as [`spawn`](Self::spawn) does, on a thread and a runtime of its own, ahead of everything else: the rest of
    /// the process yields the processor to it. For work that keeps time while pages are written and objects come in.
    pub fn spawn_ahead<F, E>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let work = task.map_err(|error| error.to_string()).boxed();
        self.ahead.push(Ahead { name, work });
    }

    /// Makes readiness wait for something; `what` is how `/readyz` calls it as long as it is missing.
    pub fn readiness(&mut self, what: &'static str) -> Ready {
        self.readiness.awaiting(what)
    }

    /// Answers GET and HEAD on exactly this path, behind the web configuration's credentials. A later handler for the same path
    /// replaces the earlier one; `/`, the health paths and the metrics page cannot be replaced.
    pub fn route<H>(&mut self, path: &'static str, handler: H)
    where
        H: Fn(Request<()>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync + 'static,
    {
        self.routes.insert(path, Box::new(handler));
    }

    /// Answers POST on exactly this path. Whoever sends here is a program with a token of its own, which must not need the
    /// passwords of the web configuration's users: so the handler itself checks the credentials, before it reads the body, and
    /// answers 401 to strangers. The web configuration's rate limit and `--web.max-requests` hold here too.
    pub fn receive<H>(&mut self, path: &'static str, handler: H)
    where
        H: Fn(Request<Body>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync + 'static,
    {
        self.receivers.insert(path, Box::new(handler));
    }

    /// Puts a link on the landing page.
    pub fn link(&mut self, path: &'static str, text: &'static str) {
        self.links.push((path.to_owned(), text.to_owned()));
    }

    /// Puts a table on the landing page; it is made anew each time the page is asked for.
    pub fn findings(&mut self, table: impl Fn() -> Table + Send + Sync + 'static) {
        self.tables.push(Box::new(table));
    }

    /// Resolves when shutdown begins, and holds up its end until dropped.
    pub fn drain(&self) -> Drain {
        self.drainer.drain()
    }

    /// Where the web server listens: the true ports, should 0 have been asked for. Empty under `--config.check`.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}
