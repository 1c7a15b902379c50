//! One connection, tried: what came of it.

mod allow;
mod enter;
mod schedule;
mod socket;
mod speech;

use reach::{Dial, Kind, Outcome, Protocol};
use tokio::time::{Instant, timeout, timeout_at};

pub use allow::Allow;
pub use enter::Entrance;
pub use schedule::{Schedule, keep_dialling};
pub use socket::{Sockets, Unable};

/// A datagram may be lost without anybody's fault, so it is sent so many times within the patience.
const DATAGRAMS: u32 = 3;
/// The longest answer of interest.
const LONGEST_ANSWER: usize = 512;

/// Tries a connection, always a new one: what becomes of an open one under a new policy is the network plugin's own affair.
pub async fn dial(dial: &Dial, sockets: &Sockets) -> Result<Outcome, Unable> {
    match dial.protocol {
        Protocol::Tcp => over_tcp(dial, sockets).await,
        Protocol::Udp => over_udp(dial, sockets).await,
        // A plan's dials were checked.
        Protocol::Unknown => Ok(Outcome::Unable),
    }
}

async fn over_tcp(dial: &Dial, sockets: &Sockets) -> Result<Outcome, Unable> {
    let deadline = Instant::now() + dial.timeout();
    let connecting = sockets.tcp(dial.from.as_ref(), dial.address);
    let stream = match timeout_at(deadline, connecting).await {
        Err(_) => return Ok(Outcome::TimedOut),
        Ok(connected) => match connected? {
            Ok(stream) => stream,
            Err(error) => return socket::of_connect(error),
        },
    };
    let speaking = speech::speak(dial.kind, stream, dial.address);
    let spoken = timeout_at(deadline, speaking).await;
    Ok(spoken.unwrap_or(Outcome::Unanswered))
}

async fn over_udp(dial: &Dial, sockets: &Sockets) -> Result<Outcome, Unable> {
    let socket = match sockets.udp(dial.from.as_ref(), dial.address).await? {
        Ok(socket) => socket,
        Err(error) => return socket::of_datagram(error),
    };
    let query = speech::DnsQuery::new();
    let said = match dial.kind {
        Kind::Dns => query.bytes(),
        _ => &[],
    };
    for _ in 0..DATAGRAMS {
        if let Err(error) = socket.send(said).await {
            return socket::of_datagram(error);
        }
        let mut answer = [0; LONGEST_ANSWER];
        let answered = async {
            loop {
                let length = socket.recv(&mut answer).await?;
                // Anybody can send a datagram: one that answers something else is passed over.
                if dial.kind != Kind::Dns || query.is_answered_by(&answer[..length]) {
                    return Ok(());
                }
            }
        };
        match timeout(dial.timeout() / DATAGRAMS, answered).await {
            Err(_) => {}
            Ok(Ok(())) => return Ok(Outcome::Answered),
            Ok(Err(error)) => return socket::of_datagram(error),
        }
    }
    Ok(Outcome::TimedOut)
}
