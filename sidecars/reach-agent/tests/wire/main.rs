//! Dials against servers that misbehave: each test names the outcome that has to come out.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod datagrams;
mod server;
mod speaking;

use std::net::SocketAddr;
use std::time::Duration;

use reach::{Dial, DialId, Kind, Outcome, Protocol, Workload};
use reach_agent::dial::{Sockets, Unable, dial};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

/// Long enough for a loopback server on a busy machine.
const PATIENCE: f64 = 2.0;
/// For those that will not answer.
const IMPATIENCE: f64 = 0.3;

fn planned(address: SocketAddr, protocol: Protocol, kind: Kind, timeout_seconds: f64) -> Dial {
    Dial {
        id: DialId(1),
        address,
        protocol,
        kind,
        destination: Workload {
            namespace: "sre-demo".to_owned(),
            name: "cartservice".to_owned(),
        },
        from: None,
        every_seconds: 30.0,
        timeout_seconds,
        generation: 0,
    }
}

async fn tcp(address: SocketAddr, kind: Kind) -> Outcome {
    let planned = planned(address, Protocol::Tcp, kind, PATIENCE);
    dial(&planned, &Sockets::default()).await.unwrap()
}

async fn impatient(address: SocketAddr, protocol: Protocol, kind: Kind) -> Outcome {
    let planned = planned(address, protocol, kind, IMPATIENCE);
    dial(&planned, &Sockets::default()).await.unwrap()
}

#[tokio::test]
async fn a_handshake_is_all_that_is_asked_of_a_plain_connection() {
    let address = server::raw(|stream| server::says(stream, b"")).await;
    assert_eq!(tcp(address, Kind::Plain).await, Outcome::Connected);
}

#[tokio::test]
async fn nobody_listens() {
    let (_socket, address) = server::nobody();
    for kind in [Kind::Plain, Kind::Grpc, Kind::Http, Kind::Redis, Kind::Dns] {
        assert_eq!(tcp(address, kind).await, Outcome::Refused, "{kind:?}");
    }
}

/// Linux answers no SYN once a listener's backlog is full: the same silence as a firewall's.
#[tokio::test]
async fn silence_instead_of_a_handshake_is_a_timeout() {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        held.push(stream.unwrap());
        assert!(held.len() < 100, "the backlog has no end");
    }
    let outcome = impatient(address, Protocol::Tcp, Kind::Plain).await;
    assert_eq!(outcome, Outcome::TimedOut);
}

#[tokio::test]
async fn the_source_address_is_the_one_that_was_asked_for() {
    let (told, mut heard) = tokio::sync::mpsc::channel(1);
    let address = server::raw(move |stream| {
        let told = told.clone();
        async move {
            told.send(stream.peer_addr().unwrap().ip()).await.unwrap();
        }
    })
    .await;
    let from = "127.8.9.10".parse().unwrap();
    let sockets = Sockets {
        from: Some(from),
        entrance: None,
    };
    let planned = planned(address, Protocol::Tcp, Kind::Plain, PATIENCE);
    assert_eq!(dial(&planned, &sockets).await.unwrap(), Outcome::Connected);
    assert_eq!(heard.recv().await, Some(from));
}

#[tokio::test]
async fn a_source_address_that_is_not_here_blames_nobody() {
    let address = server::raw(|stream| server::says(stream, b"")).await;
    let sockets = Sockets {
        from: "203.0.113.9".parse().ok(),
        entrance: None,
    };
    let planned = planned(address, Protocol::Tcp, Kind::Plain, PATIENCE);
    assert!(matches!(
        dial(&planned, &sockets).await,
        Err(Unable::Socket(_))
    ));
}

#[tokio::test]
async fn no_pod_is_entered_without_permission() {
    let (_socket, address) = server::nobody();
    let mut planned = planned(address, Protocol::Tcp, Kind::Plain, PATIENCE);
    planned.from = Some(reach::PodName {
        namespace: "sre-demo".to_owned(),
        name: "frontend-1".to_owned(),
        uid: "0d1e".to_owned(),
    });
    let made = dial(&planned, &Sockets::default()).await;
    assert!(matches!(made, Err(Unable::NoEntrance(_))));
}
