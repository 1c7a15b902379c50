//! The open connections, and who has to go when there are too many.
//!
//! A client that sends its request byte by byte, or never reads the answer, holds a place for some seconds. If all places are held
//! like that, the one that has waited longest gives way to the next that comes, so that slow clients cannot shut out a scraper or a kubelet.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Open connections to one listener.
const MOST: usize = 256;
/// From a request's first byte to the last of its head; also the TLS handshake.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// From an answer to the next request. Longer than the usual scrape interval, so that scrapers keep their connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(150);

/// The open connections of one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    last: u64,
    all: HashMap<u64, Arc<Progress>>,
}

/// A place among them; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    id: u64,
    connections: Connections,
    pub(crate) progress: Arc<Progress>,
}

/// How far a connection is with its request.
#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<(Stage, Instant)>,
    evicted: Notify,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Nothing was asked, or all was answered (perhaps not yet fetched).
    Idle,
    /// A request has begun to arrive.
    Head,
    /// So many requests are being answered.
    Busy(usize),
}

/// A request being answered.
pub(crate) struct Answering(Arc<Progress>);

/// A stream that tells its [`Progress`] when a request begins.
pub(crate) struct Watched<S> {
    stream: S,
    progress: Arc<Progress>,
}

// === impl Connections ===

impl Connections {
    /// Takes a place, if need be from the connection that has kept us waiting longest. `None` when all are being answered.
    pub(crate) fn admit(&self) -> Option<Place> {
        let mut open = self.0.lock();
        if open.all.len() >= MOST {
            let slowest = open
                .all
                .iter()
                .filter_map(|(id, progress)| Some((progress.waiting_since()?, *id)))
                .min()
                .map(|(_, id)| id)?;
            if let Some(progress) = open.all.remove(&slowest) {
                progress.evicted.notify_one();
            }
        }
        open.last += 1;
        let id = open.last;
        let progress = Arc::new(Progress {
            state: Mutex::new((Stage::Head, Instant::now())),
            evicted: Notify::new(),
        });
        open.all.insert(id, Arc::clone(&progress));
        Some(Place {
            id,
            connections: self.clone(),
            progress,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.0.lock().all.remove(&self.id);
    }
}

// === impl Progress ===

impl Progress {
    /// Resolves when the connection has to go: it was too slow, or idle too long, or its place was needed.
    pub(crate) async fn overdue(&self) {
        loop {
            tokio::select! {
                () = self.evicted.notified() => return,
                // A deadline may have come nearer meanwhile, hence the glance now and then.
                () = tokio::time::sleep(HEAD_TIMEOUT / 4) => {
                    let (stage, since) = *self.state.lock();
                    let limit = match stage {
                        Stage::Idle => IDLE_TIMEOUT,
                        Stage::Head => HEAD_TIMEOUT,
                        Stage::Busy(_) => continue,
                    };
                    if since.elapsed() >= limit {
                        return;
                    }
                }
            }
        }
    }

    /// A request's head is here. Dropping the guard means that it is answered, or given up.
    pub(crate) fn answering(self: &Arc<Self>) -> Answering {
        let mut state = self.state.lock();
        let busy = match state.0 {
            Stage::Busy(count) => count + 1,
            Stage::Idle | Stage::Head => 1,
        };
        *state = (Stage::Busy(busy), Instant::now());
        Answering(Arc::clone(self))
    }

    fn answered(&self) {
        let mut state = self.state.lock();
        let left = match state.0 {
            Stage::Busy(count) if count > 1 => Stage::Busy(count - 1),
            _ => Stage::Idle,
        };
        *state = (left, Instant::now());
    }

    /// Ends the wait for the first request's head: from here bytes that arrive need not be one, as on HTTP/2.
    pub(crate) fn idle(&self) {
        *self.state.lock() = (Stage::Idle, Instant::now());
    }

    fn arrived(&self) {
        let mut state = self.state.lock();
        if state.0 == Stage::Idle {
            *state = (Stage::Head, Instant::now());
        }
    }

    fn waiting_since(&self) -> Option<Instant> {
        let (stage, since) = *self.state.lock();
        (!matches!(stage, Stage::Busy(_))).then_some(since)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}

// === impl Watched ===

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, progress: Arc<Progress>) -> Self {
        Self { stream, progress }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.arrived();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}
