//! What is said on a connection, and what comes back: each kind against its own server, another's, and one that breaks off.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Response;
use reach::{Kind, Outcome, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{impatient, server, tcp};

const SPEAKING: [Kind; 4] = [Kind::Grpc, Kind::Http, Kind::Redis, Kind::Dns];

async fn saying(bytes: &'static [u8]) -> SocketAddr {
    server::raw(move |stream| server::says(stream, bytes)).await
}

/// A gRPC server that answers each call by `answer`.
async fn grpc(answer: fn(h2::server::SendResponse<Bytes>)) -> SocketAddr {
    server::raw(move |stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((_, respond))) = connection.accept().await {
            answer(respond);
        }
    })
    .await
}

#[tokio::test]
async fn whoever_never_speaks_is_reached_and_unanswered() {
    let address = saying(b"").await;
    for kind in SPEAKING {
        let outcome = impatient(address, Protocol::Tcp, kind).await;
        assert_eq!(outcome, Outcome::Unanswered, "{kind:?}");
    }
}

#[tokio::test]
async fn a_reset_is_told_from_a_good_end() {
    let resetting = server::raw(|stream| server::ends(stream, true)).await;
    let closing = server::raw(|stream| server::ends(stream, false)).await;
    for kind in SPEAKING {
        assert_eq!(tcp(resetting, kind).await, Outcome::Reset, "{kind:?}");
        // Closing with bytes unread, as of HTTP/2's opening, is a reset to Linux.
        if kind != Kind::Grpc {
            assert_eq!(tcp(closing, kind).await, Outcome::Closed, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn any_grpc_status_is_an_answer() {
    let unimplemented = grpc(|mut respond| {
        let head = Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", "12")
            .body(())
            .unwrap();
        respond.send_response(head, true).unwrap();
    });
    assert_eq!(
        tcp(unimplemented.await, Kind::Grpc).await,
        Outcome::Answered
    );
    let refusing = grpc(|mut respond| respond.send_reset(h2::Reason::REFUSED_STREAM));
    assert_eq!(tcp(refusing.await, Kind::Grpc).await, Outcome::Answered);
}

#[tokio::test]
async fn whoever_speaks_something_else_than_http2_is_reached_and_garbled() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-x\r\n\r\n\r\n",
    ] {
        let address = saying(bytes).await;
        assert_eq!(tcp(address, Kind::Grpc).await, Outcome::Garbled);
    }
}

#[tokio::test]
async fn any_http_status_is_an_answer_and_nothing_is_asked_of_the_application() {
    let (told, mut heard) = tokio::sync::mpsc::channel(1);
    let address = server::raw(move |mut stream| {
        let told = told.clone();
        async move {
            let mut request = vec![0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            request.truncate(length);
            let _ = told.send(String::from_utf8(request).unwrap()).await;
            let _ = stream.write_all(b"HTTP/1.0 405 Not Allowed\r\n\r\n").await;
        }
    })
    .await;
    assert_eq!(tcp(address, Kind::Http).await, Outcome::Answered);
    assert!(
        heard
            .recv()
            .await
            .unwrap()
            .starts_with("OPTIONS * HTTP/1.1\r\n")
    );
    let redis = saying(b"-ERR unknown command 'OPTIONS'\r\n").await;
    assert_eq!(tcp(redis, Kind::Http).await, Outcome::Garbled);
}

#[tokio::test]
async fn redis_answers_also_those_that_it_does_not_let_in() {
    for bytes in [&b"+PONG\r\n"[..], b"-NOAUTH Authentication required.\r\n"] {
        assert_eq!(
            tcp(saying(bytes).await, Kind::Redis).await,
            Outcome::Answered
        );
    }
    let web = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(tcp(web, Kind::Redis).await, Outcome::Garbled);
}

#[tokio::test]
async fn dns_is_asked_over_a_connection_too() {
    let honest = server::raw(|mut stream| async move {
        let mut query = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut query).await.unwrap();
        query[2] |= 0x80;
        let length = u16::try_from(query.len()).unwrap();
        stream.write_u16(length).await.unwrap();
        stream.write_all(&query).await.unwrap();
    })
    .await;
    assert_eq!(tcp(honest, Kind::Dns).await, Outcome::Answered);
    let web = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(tcp(web, Kind::Dns).await, Outcome::Garbled);
}
