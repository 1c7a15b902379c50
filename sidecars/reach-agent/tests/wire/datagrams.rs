//! Datagrams: what comes back, and what silence proves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reach::{Evidence, Kind, Outcome, Protocol};

use crate::{impatient, server};

/// The query with the response bit set: what any DNS server makes of a question at the least.
fn response(query: &[u8]) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2] |= 0x80;
    answer
}

async fn udp(address: std::net::SocketAddr, kind: Kind) -> Outcome {
    impatient(address, Protocol::Udp, kind).await
}

#[tokio::test]
async fn an_echo_is_an_answer() {
    let address = server::datagrams(|heard| Some(heard.to_vec())).await;
    assert_eq!(udp(address, Kind::Plain).await, Outcome::Answered);
}

#[tokio::test]
async fn silence_proves_nothing_where_no_answer_is_owed() {
    let address = server::datagrams(|_| None).await;
    let outcome = udp(address, Kind::Plain).await;
    assert_eq!(outcome, Outcome::TimedOut);
    assert_eq!(
        outcome.evidence(Protocol::Udp, Kind::Plain),
        Evidence::Nothing
    );
}

#[tokio::test]
async fn icmp_port_unreachable_is_told_from_silence() {
    let (_socket, address) = server::no_receiver().await;
    assert_eq!(udp(address, Kind::Plain).await, Outcome::PortUnreachable);
    assert_eq!(udp(address, Kind::Dns).await, Outcome::PortUnreachable);
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let address = server::datagrams(move |query| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        (!first).then(|| response(query))
    })
    .await;
    assert_eq!(udp(address, Kind::Dns).await, Outcome::Answered);
    assert_eq!(heard.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_dns_server_is_known_by_its_answer_to_this_very_query() {
    let honest = server::datagrams(|query| Some(response(query))).await;
    assert_eq!(udp(honest, Kind::Dns).await, Outcome::Answered);
    let forger = server::datagrams(|query| {
        let mut answer = response(query);
        answer[0] ^= 1;
        Some(answer)
    })
    .await;
    assert_eq!(udp(forger, Kind::Dns).await, Outcome::TimedOut);
    let echo = server::datagrams(|query| Some(query.to_vec())).await;
    assert_eq!(udp(echo, Kind::Dns).await, Outcome::TimedOut);
    let short = server::datagrams(|query| Some(query[..2].to_vec())).await;
    assert_eq!(udp(short, Kind::Dns).await, Outcome::TimedOut);
}
