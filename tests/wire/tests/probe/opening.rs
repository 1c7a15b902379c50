//! HTTP/2 until SETTINGS: silence, other protocols, and ends before the beginning.

use std::time::Duration;

use probe_engine::{Ending, Phase, Reason};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::server::{self, SETTINGS, says};
use crate::{SERVING, failed, phases, probe, probe_within};

const SHORT: Duration = Duration::from_millis(300);
const CUT: Ending = Ending::Cut {
    phase: Phase::Http2,
};

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_cut_in_http2() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let attempt = probe_within(address, SHORT).await;
    assert_eq!(attempt.ending, CUT);
    assert_eq!(phases(&attempt), [Phase::Connect, Phase::Http2]);
    assert!(attempt.phases.connect.unwrap() < SHORT / 2, "{attempt:?}");
    assert!(attempt.total() >= SHORT, "{attempt:?}");
}

#[tokio::test]
async fn a_server_that_is_never_scheduled_is_cut_in_http2_because_its_kernel_accepts_for_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let attempt = probe_within(address, SHORT).await;
    assert_eq!(attempt.ending, CUT);
}

#[tokio::test]
async fn a_half_open_connection_is_closed_in_http2() {
    let address = server::raw(|mut stream| async move {
        let _ = stream.shutdown().await;
        server::listen(&mut stream).await;
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Closed));
}

#[tokio::test]
async fn a_reset_at_accept_is_a_reset_in_http2() {
    let address = server::raw(|mut stream| async move {
        // Not before the client has spoken: its own error would depend on who is faster.
        server::hear_opening(&mut stream).await;
        let _ = stream.set_zero_linger();
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Reset));
}

#[tokio::test]
async fn a_reset_within_settings_is_a_reset_in_http2() {
    let address = server::raw(|mut stream| async move {
        server::hear_opening(&mut stream).await;
        let _ = stream.write_all(&SETTINGS[..5]).await;
        sleep(Duration::from_millis(50)).await;
        let _ = stream.set_zero_linger();
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Reset));
}

#[tokio::test]
async fn an_http1_server_is_recognised() {
    let address = server::raw(|stream| says(stream, b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Http1));
}

#[tokio::test]
async fn an_http1_server_that_closes_after_its_answer_is_recognised() {
    let address = server::raw(|mut stream| async move {
        server::hear_opening(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n")
            .await;
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Http1));
}

#[tokio::test]
async fn a_tls_alert_is_recognised() {
    let address = server::raw(|stream| says(stream, [0x15, 3, 1, 0, 2, 2, 70])).await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::TlsOnPlaintext));
}

#[tokio::test]
async fn garbage_is_a_matter_of_protocol() {
    let address = server::raw(|stream| says(stream, b"220 mail.example ESMTP\r\n")).await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Protocol));
}

#[tokio::test]
async fn a_server_that_sends_our_own_words_back_is_a_matter_of_protocol() {
    let address = server::raw(|stream| async move {
        let (mut reading, mut writing) = stream.into_split();
        let _ = tokio::io::copy(&mut reading, &mut writing).await;
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Protocol));
}

#[tokio::test]
async fn goaway_instead_of_settings_is_a_goaway_in_http2() {
    let goaway = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0b";
    let address = server::raw(move |stream| says(stream, goaway)).await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Goaway));
}

#[tokio::test]
async fn settings_that_are_too_long_are_a_matter_of_protocol() {
    let address = server::raw(|stream| says(stream, b"\xff\xff\xfc\x04\x00\x00\x00\x00\x00")).await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::Protocol));
}

#[tokio::test]
async fn settings_byte_by_byte_are_settings() {
    let address = server::raw(|mut stream| async move {
        let _ = stream.set_nodelay(true);
        for byte in SETTINGS {
            let _ = stream.write_all(&[*byte]).await;
            sleep(Duration::from_millis(10)).await;
        }
        server::listen(&mut stream).await;
    })
    .await;
    let attempt = probe_within(address, SHORT).await;
    assert_eq!(attempt.ending, Ending::Cut { phase: Phase::Rpc });
    assert!(attempt.phases.http2.unwrap() >= Duration::from_millis(80));
}

#[tokio::test]
async fn late_settings_show_in_http2_and_in_no_other_phase() {
    let late = Duration::from_millis(300);
    let address = server::raw(move |stream| async move {
        sleep(late).await;
        server::http2(stream, server::serving).await;
    })
    .await;
    let attempt = probe_within(address, Duration::from_secs(5)).await;
    assert_eq!(attempt.ending, SERVING);
    assert!(attempt.phases.http2.unwrap() >= late, "{attempt:?}");
    assert!(attempt.phases.connect.unwrap() < late, "{attempt:?}");
    assert!(attempt.phases.rpc.unwrap() < late, "{attempt:?}");
}
