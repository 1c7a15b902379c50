//! TCP, as the kubelet's dialer does it, and grpc-go's patience with a dial that failed.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

use super::failure::Failure;

/// Wait before the first redial: `backoff.DefaultConfig.BaseDelay` of grpc-go.
const BASE_DELAY: Duration = Duration::from_secs(1);
/// Growth per further redial: `Multiplier`.
const MULTIPLIER: f64 = 1.6;
/// Random share of a wait, up or down: `Jitter`.
const JITTER: f64 = 0.2;
/// Longest wait: `MaxDelay`.
const MAX_DELAY: Duration = Duration::from_mins(2);

/// Opens a connection.
///
/// Go sets `TCP_NODELAY` on every connection, so do we. One thing is left out on purpose: `ProbeDialer` in
/// `pkg/probe/dialer_others.go` also sets `SO_LINGER` to 1 s, which on Linux makes `close` itself wait for the peer to
/// acknowledge, even on a non-blocking socket. A goroutine can afford that; here it would hold up every other probe of
/// the thread, and it changes nothing in what is measured.
pub(super) async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    dial(address)
        .await
        .map_err(|error| Failure::of_dial(&error))
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

/// How long grpc-go waits after its `redials + 1`th failed dial: exactly the base delay first, then growing with
/// jitter (`Exponential.Backoff` in `internal/backoff/backoff.go`). `random` is in 0..1.
pub(super) fn backoff(redials: u32, random: f64) -> Duration {
    if redials == 0 {
        return BASE_DELAY;
    }
    let exponent = i32::try_from(redials).unwrap_or(i32::MAX);
    let grown = (BASE_DELAY.as_secs_f64() * MULTIPLIER.powi(exponent)).min(MAX_DELAY.as_secs_f64());
    Duration::from_secs_f64(grown * (1.0 + JITTER * (random * 2.0 - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_redial_has_no_jitter_and_the_later_ones_grow() {
        for random in [0.0, 0.5, 0.999] {
            assert_eq!(backoff(0, random), BASE_DELAY);
        }
        let near = |left: Duration, right: f64| (left.as_secs_f64() - right).abs() < 1e-6;
        assert!(near(backoff(1, 0.5), 1.6));
        assert!(near(backoff(1, 0.0), 1.28));
        assert!(near(backoff(2, 0.5), 2.56));
        assert!(near(backoff(u32::MAX, 0.5), 120.0));
    }
}
