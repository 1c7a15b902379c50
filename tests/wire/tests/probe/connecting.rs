//! TCP: who does not answer, who says no, and who comes back in time.

use std::net::SocketAddr;
use std::time::Duration;

use probe_engine::{Ending, Phase, Reason};
use tokio::net::{TcpListener, TcpSocket};

use crate::{BUDGET, SERVING, failed, phases, probe, probe_within, server};

/// An address on which nothing listens. Bound all the while, so that nobody else gets it.
fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn a_refused_connection_says_so_at_once() {
    let (_socket, address) = nobody();
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Connect, Reason::Refused));
    assert_eq!(phases(&attempt), [Phase::Connect]);
    assert!(attempt.total() < BUDGET / 2, "{attempt:?}");
}

#[tokio::test]
async fn a_refused_connection_that_is_back_within_the_budget_is_a_success() {
    let (socket, address) = nobody();
    let listening = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let listener = socket.listen(8).unwrap();
        server::raw_on(listener, |stream| server::http2(stream, server::serving)).await;
    });
    let attempt = probe_within(address, Duration::from_secs(5)).await;
    assert_eq!(attempt.ending, SERVING);
    let connecting = attempt.phases.connect.unwrap();
    assert!(connecting >= Duration::from_secs(1), "{attempt:?}");
    assert!(connecting < Duration::from_secs(4), "{attempt:?}");
    listening.abort();
}

#[tokio::test]
async fn a_connection_that_stays_refused_is_refused_when_no_redial_fits_any_more() {
    let (_socket, address) = nobody();
    let attempt = probe_within(address, Duration::from_millis(1500)).await;
    assert_eq!(attempt.ending, failed(Phase::Connect, Reason::Refused));
    assert!(attempt.total() >= Duration::from_secs(1), "{attempt:?}");
}

#[tokio::test]
async fn a_syn_that_nobody_answers_is_cut_while_connecting() {
    // With a full accept queue the kernel drops SYNs, as a firewall would.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(
        Duration::from_millis(200),
        tokio::net::TcpStream::connect(address),
    )
    .await
    {
        queued.push(stream);
    }
    let attempt = probe_within(address, Duration::from_millis(300)).await;
    assert_eq!(
        attempt.ending,
        Ending::Cut {
            phase: Phase::Connect
        }
    );
    assert_eq!(phases(&attempt), [Phase::Connect]);
    assert!(attempt.total() >= Duration::from_millis(300), "{attempt:?}");
}

#[tokio::test]
async fn an_address_that_cannot_be_dialled_is_not_the_targets_fault() {
    // Link-local without an interface: the kernel answers EINVAL before anything is sent.
    let attempt = probe("[fe80::1]:1".parse().unwrap()).await;
    assert_eq!(attempt.ending, failed(Phase::Connect, Reason::Local));
}

#[tokio::test]
async fn an_ipv6_server_is_probed_like_any_other() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return;
    };
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::raw_on(listener, |stream| {
        server::http2(stream, server::serving)
    }));
    assert_eq!(probe(address).await.ending, SERVING);
}
