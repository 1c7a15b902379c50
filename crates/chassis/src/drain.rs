//! Shutdown as tasks see it: a future that resolves when it begins, and a hold that delays its end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::sync::{mpsc, oneshot};

/// Resolves when shutdown begins.
///
/// It is also a hold: the process waits, at most for `--shutdown.grace`, until every clone has been dropped. Keep it until the
/// work is done, as in `(&mut drain).await; finish().await; drop(drain)`; let `drain.await` consume it when nothing has to be finished.
#[derive(Clone, Debug)]
pub struct Drain {
    begun: bool,
    signal: Shared<oneshot::Receiver<()>>,
    _hold: mpsc::Sender<Infallible>,
}

/// The other end: begins the shutdown and waits for the holds.
#[derive(Debug)]
pub(crate) struct Drainer {
    begin: oneshot::Sender<()>,
    holds: mpsc::Receiver<Infallible>,
    template: Drain,
}

/// What is left to wait for once shutdown has begun.
#[derive(Debug)]
pub(crate) struct Holds(mpsc::Receiver<Infallible>);

// === impl Drain ===

impl Future for Drain {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // A `Shared` must not be polled again once it is done; a drain in a loop of `select!` is.
        if !self.begun {
            self.begun = self.signal.poll_unpin(context).is_ready();
        }
        if self.begun {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

// === impl Drainer ===

impl Drainer {
    pub(crate) fn new() -> Self {
        let (begin, signal) = oneshot::channel();
        let (hold, holds) = mpsc::channel(1);
        let template = Drain {
            begun: false,
            signal: signal.shared(),
            _hold: hold,
        };
        Self {
            begin,
            holds,
            template,
        }
    }

    pub(crate) fn drain(&self) -> Drain {
        self.template.clone()
    }

    pub(crate) fn begin(self) -> Holds {
        // Nobody listening is fine: then nothing holds either.
        let _ = self.begin.send(());
        Holds(self.holds)
    }
}

// === impl Holds ===

impl Holds {
    /// Waits until the last [`Drain`] has been dropped.
    pub(crate) async fn released(mut self) {
        let _ = self.0.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn holds_end_with_the_last_clone() {
        let drainer = Drainer::new();
        let mut first = drainer.drain();
        let second = first.clone();
        assert!((&mut first).now_or_never().is_none());
        let mut released = Box::pin(drainer.begin().released());
        (&mut first).await;
        (&mut first).await;
        assert!((&mut released).now_or_never().is_none());
        second.await;
        assert!((&mut released).now_or_never().is_none());
        drop(first);
        released.await;
    }
}
