//! Accepting connections for a role, with all that can go wrong before the first byte.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

use crate::fault::{InForce, Reset};
use crate::layout;
use crate::role::Protocol;
use crate::service::Service;
use crate::{deaf, frontend, grpc, redis};

/// How long to wait after a failure of our own (no descriptors, the port taken meanwhile) before trying again.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// The head of a SETTINGS frame that promises two entries of six bytes, and a third of one of them.
const PART_OF_SETTINGS: [u8; 11] = [0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3];

/// A listener that leaves connections in the kernel's backlog until their time has come.
struct Backlog {
    socket: AsyncFd<TcpListener>,
    /// When the connections that have arrived may be accepted. Arrivals that coincide share an entry, so the last one stands for
    /// all that are left.
    due: VecDeque<Instant>,
}

impl Backlog {
    #[expect(
        deprecated,
        reason = "tokio 1.54 deprecates the safe constructor because a type's descriptor could change under it; a TcpListener's \
                  cannot, and the successor is `unsafe`, which this workspace forbids"
    )]
    fn new(socket: TcpListener) -> io::Result<Self> {
        let socket = AsyncFd::new(socket)?;
        Ok(Self {
            socket,
            due: VecDeque::new(),
        })
    }

    /// Forgets the delays begun under former faults: what waits in the backlog waits `delay` from now. Later arrivals are not let in with it.
    fn restart_delays(&mut self, delay: Duration) {
        let due = Instant::now() + delay;
        self.due.iter_mut().for_each(|waiting| *waiting = due);
    }

    /// The next connection, `delay` after its arrival. Nothing is lost when the future is dropped.
    async fn accept(&mut self, delay: Duration) -> io::Result<TcpStream> {
        loop {
            if let Some(stream) = self.accept_due()? {
                return Ok(stream);
            }
            // The readiness is cleared without accepting: epoll's edge trigger tells of the next arrival all the same.
            let arrival = async {
                self.socket
                    .readable()
                    .await
                    .map(|mut guard| guard.clear_ready())
            };
            match self.due.front().copied() {
                None => {
                    arrival.await?;
                    self.due.push_back(Instant::now() + delay);
                }
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    ready = arrival => {
                        ready?;
                        self.due.push_back(Instant::now() + delay);
                    }
                },
            }
        }
    }

    fn accept_due(&mut self) -> io::Result<Option<TcpStream>> {
        while self.due.front().is_some_and(|due| *due <= Instant::now()) {
            match self.socket.get_ref().accept() {
                Ok((stream, _)) => {
                    if self.due.len() > 1 {
                        self.due.pop_front();
                    }
                    stream.set_nonblocking(true)?;
                    return TcpStream::from_std(stream).map(Some);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.due.pop_front();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Accepts and serves until the runtime ends, following the faults.
pub(crate) async fn serve(service: Arc<Service>, socket: TcpListener, address: SocketAddr) {
    let mut faults = service.switch.subscribe();
    let mut socket = Some(socket);
    let mut backlog = None;
    loop {
        let in_force = faults.borrow_and_update().clone();
        let delay = Duration::from_millis(in_force.faults.accept_delay_ms);
        if in_force.faults.refuse {
            socket = None;
            backlog = None;
            service.switch.applied(in_force.generation);
            if faults.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listening = match backlog.take() {
            Some(listening) => Ok(listening),
            None => socket
                .take()
                .map_or_else(|| layout::listen(address), Ok)
                .and_then(Backlog::new),
        };
        let listening = match listening {
            Ok(listening) => backlog.insert(listening),
            Err(error) => {
                tracing::warn!(role = %service.role, %address, %error, "cannot listen, trying again");
                sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        if let Err(error) = deaf::be(listening.socket.get_ref(), &in_force.faults.deaf_to) {
            tracing::warn!(role = %service.role, %error, "cannot be deaf to anybody");
        }
        listening.restart_delays(delay);
        service.switch.applied(in_force.generation);
        loop {
            tokio::select! {
                changed = faults.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                accepted = listening.accept(delay) => match accepted {
                    Ok(stream) => {
                        let connection = connection(service.clone(), stream, in_force.clone());
                        tokio::spawn(connection);
                    }
                    Err(error) => {
                        tracing::warn!(role = %service.role, %error, "cannot accept, trying again");
                        sleep(AFTER_FAILURE).await;
                    }
                },
            }
        }
    }
}

async fn connection(service: Arc<Service>, stream: TcpStream, in_force: Arc<InForce>) {
    service.stats.connected();
    if let Err(error) = serve_connection(service.clone(), stream, &in_force).await {
        tracing::debug!(role = %service.role, %error, "connection ended");
    }
}

async fn serve_connection(
    service: Arc<Service>,
    mut stream: TcpStream,
    in_force: &InForce,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let faults = &in_force.faults;
    if faults.reset.is_some() {
        // Whatever way this connection ends, closing it sends RST.
        stream.set_zero_linger()?;
    }
    if faults.reset == Some(Reset::Accept) {
        return Ok(());
    }
    if faults.silent {
        return tokio::io::copy(&mut stream, &mut tokio::io::sink())
            .await
            .map(drop);
    }
    service.stats.delay_settings(faults.settings_delay_ms).await;
    if faults.reset == Some(Reset::Frame) {
        stream.write_all(&PART_OF_SETTINGS).await?;
        // The peer's first bytes show that it is there; unread ones would be answered by RST before ours had left.
        let _ = stream.read(&mut [0; 64]).await?;
        return Ok(());
    }
    let reset_in_rpc = faults.reset == Some(Reset::Rpc);
    match service.role.protocol() {
        Protocol::Grpc => grpc::serve(service, stream, reset_in_rpc)
            .await
            .map_err(io::Error::other),
        Protocol::Http => frontend::serve(service, stream, reset_in_rpc).await,
        Protocol::Resp => redis::serve(service, stream, reset_in_rpc).await,
        Protocol::Silent => Ok(()),
    }
}
