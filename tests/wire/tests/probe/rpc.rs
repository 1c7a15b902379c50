//! The health check itself: what servers answer, and how they fail to.

use std::time::Duration;

use h2::Reason as Code;
use http::StatusCode;
use probe_engine::{Ending, Phase, Reason, ServingStatus};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::server::{self, Call, GRPC, SERVING as MESSAGE, SETTINGS, says};
use crate::{BUDGET, SERVING, endpoint, failed, look, phases, probe, probe_within};

/// HEADERS of stream 1 that are not the last: `:status 200` from the static table.
const HEADERS: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];

fn cut() -> Ending {
    Ending::Cut { phase: Phase::Rpc }
}

#[tokio::test]
async fn answers_are_told_apart() {
    for (number, status) in (0..).zip(ServingStatus::ALL) {
        let address = server::grpc(move |call| async move {
            call.message(&[0, 0, 0, 0, 2, 8, number]);
        })
        .await;
        let attempt = probe(address).await;
        assert_eq!(attempt.ending, Ending::Answered(status));
    }
}

#[tokio::test]
async fn status_codes_are_told_apart_wherever_they_stand() {
    for (code, reason) in [
        ("5", Reason::NotFound),
        ("12", Reason::Unimplemented),
        ("4", Reason::Grpc(4)),
        ("14", Reason::Grpc(14)),
        ("4711", Reason::Grpc(2)),
    ] {
        let address = server::grpc(move |call| async move { call.trailers_only(code) }).await;
        let observation = look(&endpoint(address)).await;
        assert_eq!(
            observation.attempt.ending,
            failed(Phase::Rpc, reason),
            "{code}"
        );
        let failure = observation.failure.unwrap();
        assert!(failure.detail.contains("said so"), "{failure}");

        let address = server::grpc(move |call| async move {
            call.answer(StatusCode::OK, GRPC, None, Some(&[("grpc-status", code)]));
        })
        .await;
        let attempt = probe(address).await;
        assert_eq!(attempt.ending, failed(Phase::Rpc, reason), "{code}");
    }
}

#[tokio::test]
async fn a_late_answer_shows_in_the_rpc_and_in_no_other_phase() {
    let late = Duration::from_millis(300);
    let address = server::grpc(move |call| async move {
        sleep(late).await;
        call.message(MESSAGE);
    })
    .await;
    let attempt = probe_within(address, Duration::from_secs(5)).await;
    assert_eq!(attempt.ending, SERVING);
    assert!(attempt.phases.rpc.unwrap() >= late, "{attempt:?}");
    assert!(attempt.phases.connect.unwrap() < late, "{attempt:?}");
    assert!(attempt.phases.http2.unwrap() < late, "{attempt:?}");
}

#[tokio::test]
async fn the_rpc_ends_at_the_trailers_and_not_at_the_message() {
    let address = server::raw(|mut stream| async move {
        server::hear_request(&mut stream).await;
        let _ = stream.write_all(&message_without_trailers()).await;
        server::listen(&mut stream).await;
    })
    .await;
    let attempt = probe_within(address, Duration::from_millis(300)).await;
    assert_eq!(attempt.ending, cut());
}

/// HEADERS with `content-type: application/grpc` (spelt out, not indexed) and DATA; no `END_STREAM`.
fn message_without_trailers() -> Vec<u8> {
    let mut block = vec![0x88, 0x0f, 0x10, 16];
    block.extend_from_slice(b"application/grpc");
    let mut bytes = vec![0, 0, u8::try_from(block.len()).unwrap(), 1, 4, 0, 0, 0, 1];
    bytes.extend_from_slice(&block);
    bytes.extend_from_slice(&[0, 0, 7, 0, 0, 0, 0, 0, 1]);
    bytes.extend_from_slice(MESSAGE);
    bytes
}

#[tokio::test]
async fn a_server_that_says_settings_and_nothing_more_is_cut_in_the_rpc() {
    let address = server::raw(|stream| says(stream, SETTINGS)).await;
    let attempt = probe_within(address, Duration::from_millis(300)).await;
    assert_eq!(attempt.ending, cut());
    assert_eq!(phases(&attempt), [Phase::Connect, Phase::Http2, Phase::Rpc]);
    assert!(attempt.phases.http2.unwrap() < Duration::from_millis(150));
}

#[tokio::test]
async fn a_server_that_allows_no_streams_is_obeyed_and_cut_in_the_rpc() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let address = server::raw(move |mut stream| {
        let told = told.clone();
        async move {
            server::hear_opening(&mut stream).await;
            let none = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00";
            let _ = stream.write_all(none).await;
            let mut rest = Vec::new();
            let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
            let _ = told.send(rest);
        }
    })
    .await;
    let attempt = probe_within(address, Duration::from_millis(300)).await;
    assert_eq!(attempt.ending, cut());
    let rest = heard.recv().await.unwrap();
    assert_eq!(
        rest,
        [0, 0, 0, 4, 1, 0, 0, 0, 0],
        "an acknowledgement and no request"
    );
}

#[tokio::test]
async fn goaway_after_settings_is_a_goaway_in_the_rpc() {
    let address = server::raw(|stream| {
        let goaway = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
        says(stream, [SETTINGS, goaway].concat())
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Rpc, Reason::Goaway));
}

#[tokio::test]
async fn goaway_for_later_streams_does_not_disturb_this_one() {
    let address = server::raw(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, respond))) = connection.accept().await {
            connection.graceful_shutdown();
            tokio::spawn(async move {
                sleep(Duration::from_millis(50)).await;
                server::serving(Call::new(request, respond)).await;
            });
        }
    })
    .await;
    assert_eq!(probe(address).await.ending, SERVING);
}

#[tokio::test]
async fn a_reset_stream_is_a_reset_in_the_rpc() {
    for code in [
        Code::REFUSED_STREAM,
        Code::CANCEL,
        Code::INTERNAL_ERROR,
        Code::ENHANCE_YOUR_CALM,
    ] {
        let address = server::grpc(move |call| async move { call.reset(code) }).await;
        let attempt = probe(address).await;
        assert_eq!(attempt.ending, failed(Phase::Rpc, Reason::Reset), "{code}");
    }
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_frame_is_a_reset_in_the_rpc() {
    let address = server::raw(|mut stream| async move {
        server::hear_request(&mut stream).await;
        let _ = stream.write_all(&HEADERS[..7]).await;
        sleep(Duration::from_millis(50)).await;
        let _ = stream.set_zero_linger();
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Rpc, Reason::Reset));
}

#[tokio::test]
async fn an_end_in_the_middle_of_an_answer_is_closed_in_the_rpc() {
    let whole = message_without_trailers();
    for length in [0, 7, 20, whole.len()] {
        let part = whole[..length].to_vec();
        let address = server::raw(move |mut stream| {
            let part = part.clone();
            async move {
                server::hear_request(&mut stream).await;
                let _ = stream.write_all(&part).await;
                let _ = stream.shutdown().await;
                server::listen(&mut stream).await;
            }
        })
        .await;
        let attempt = probe(address).await;
        assert_eq!(
            attempt.ending,
            failed(Phase::Rpc, Reason::Closed),
            "{length}"
        );
    }
}

#[tokio::test]
async fn a_whole_answer_counts_though_its_end_arrives_with_it() {
    let mut whole = message_without_trailers();
    whole.extend_from_slice(&[0, 0, 15, 1, 5, 0, 0, 0, 1, 0, 11]);
    whole.extend_from_slice(b"grpc-status\x010");
    let address = server::raw(move |mut stream| {
        let whole = whole.clone();
        async move {
            server::hear_request(&mut stream).await;
            let _ = stream.write_all(&whole).await;
            let _ = stream.shutdown().await;
            server::listen(&mut stream).await;
        }
    })
    .await;
    assert_eq!(probe(address).await.ending, SERVING);
}

#[tokio::test]
async fn an_answer_without_trailers_is_a_matter_of_protocol() {
    let address = server::grpc(|call| async move {
        call.answer(StatusCode::OK, GRPC, Some(MESSAGE), None);
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Rpc, Reason::Protocol));
}

#[tokio::test]
async fn what_is_http2_and_not_grpc_is_told_by_its_status() {
    let html: &[(&str, &str)] = &[("content-type", "text/html")];
    for (status, headers, reason) in [
        (StatusCode::NOT_FOUND, html, Reason::Unimplemented),
        (StatusCode::FORBIDDEN, html, Reason::Grpc(7)),
        (StatusCode::SERVICE_UNAVAILABLE, html, Reason::Grpc(14)),
        (StatusCode::OK, html, Reason::Protocol),
        (StatusCode::OK, &[], Reason::Protocol),
    ] {
        let address = server::grpc(move |call| async move {
            call.answer(status, headers, Some(b"<html>"), None);
        })
        .await;
        let attempt = probe(address).await;
        assert_eq!(attempt.ending, failed(Phase::Rpc, reason), "{status}");
    }
}

#[tokio::test]
async fn a_huge_message_is_not_read() {
    let mut body = vec![0; 1 << 20];
    body[..5].copy_from_slice(&[0, 0, 0x0f, 0xff, 0xfb]);
    let address = server::grpc(move |call| {
        let body = body.clone();
        async move { call.message(&body) }
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Rpc, Reason::Protocol));
}

#[tokio::test]
async fn a_bomb_of_headers_is_not_read() {
    let bomb: &'static str = Box::leak("x".repeat(12 * 1024).into_boxed_str());
    let address = server::grpc(move |call| async move {
        call.answer(
            StatusCode::OK,
            &[
                ("content-type", "application/grpc"),
                ("a", bomb),
                ("b", bomb),
            ],
            Some(MESSAGE),
            Some(&[("grpc-status", "0")]),
        );
    })
    .await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Rpc, Reason::Protocol));
}

#[tokio::test]
async fn endless_continuations_are_not_read() {
    let address = server::raw(|mut stream| async move {
        server::hear_request(&mut stream).await;
        // HEADERS without END_HEADERS, then CONTINUATION for ever.
        let _ = stream.write_all(&[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88]).await;
        let frame = [&[0, 0x40, 0, 9, 0, 0, 0, 0, 1][..], &[0x88; 16_384]].concat();
        while stream.write_all(&frame).await.is_ok() {}
    })
    .await;
    let attempt = probe(address).await;
    let Ending::Failed { phase, .. } = attempt.ending else {
        panic!("{attempt:?}");
    };
    assert_eq!(phase, Phase::Rpc);
    assert!(attempt.total() < BUDGET);
}

/// An HPACK encoder that indexes, refers back and compresses, on head and trailers with all kinds of fields.
#[tokio::test]
async fn whatever_stands_beside_the_answer_is_understood() {
    const LONG: &str =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:/?#[]@!$&'()*+,;=%";
    let beside: &[&[(&str, &str)]] = &[
        &[
            ("server", "envoy"),
            ("date", "Tue, 24 Nov 2026 10:00:00 GMT"),
        ],
        &[
            ("x-request-id", LONG),
            ("x-envoy-upstream-service-time", "0"),
        ],
        &[("set-cookie", "a=1"), ("set-cookie", "a=1"), ("vary", "")],
        &[
            ("grpc-encoding", "identity"),
            ("grpc-accept-encoding", "identity, gzip"),
        ],
        &[("x-quoted", "\"\\ {}<>^`|"), ("authorization", "secret")],
    ];
    for fields in beside {
        let head: &'static [_] = [GRPC, fields].concat().leak();
        let trailers: &'static [_] = [fields, &[("grpc-status", "0"), ("grpc-message", "")][..]]
            .concat()
            .leak();
        let address = server::grpc(move |call| async move {
            call.answer(StatusCode::OK, head, Some(MESSAGE), Some(trailers));
        })
        .await;
        assert_eq!(probe(address).await.ending, SERVING, "{fields:?}");
    }
}

#[tokio::test]
async fn an_answer_byte_by_byte_is_an_answer() {
    let address = server::grpc(|call| async move {
        sleep(Duration::from_millis(10)).await;
        call.trickle(&[0, 0, 0, 0, 2, 8, 1]).await;
    })
    .await;
    assert_eq!(probe(address).await.ending, SERVING);
}

#[tokio::test]
async fn a_request_is_what_grpc_go_would_send() {
    let (told, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let address = server::grpc(move |call| {
        let told = told.clone();
        async move {
            let (head, mut body) = call.request.into_parts();
            let message = body.data().await.unwrap().unwrap();
            let _ = told.send((head, message));
        }
    })
    .await;
    let asked = endpoint(address).with_user_agent("tester/1").unwrap();
    let asked = asked.with_metadata("x-who", "me").unwrap();
    let (_, request) = tokio::join!(look(&asked), requests.recv());
    let (head, message) = request.unwrap();
    assert_eq!(head.method, "POST");
    assert_eq!(head.uri.path(), "/grpc.health.v1.Health/Check");
    assert_eq!(head.uri.authority().unwrap().as_str(), address.to_string());
    let header = |name| head.headers[name].to_str().unwrap();
    assert_eq!(header("content-type"), "application/grpc");
    assert_eq!(header("te"), "trailers");
    assert_eq!(header("user-agent"), "tester/1");
    assert_eq!(header("x-who"), "me");
    let timeout: u64 = header("grpc-timeout")
        .strip_suffix('m')
        .unwrap()
        .parse()
        .unwrap();
    assert!(timeout <= 900, "{timeout}");
    assert_eq!(&message[..], [0; 5]);
}

#[tokio::test]
async fn the_timeout_sent_is_the_cap_so_that_no_server_cuts_the_measurement_short() {
    let address = server::grpc(|call| async move {
        let asked = call.request.headers()["grpc-timeout"].to_str().unwrap();
        let asked: u64 = asked.strip_suffix('m').unwrap().parse().unwrap();
        if asked > 20_000 {
            call.message(MESSAGE);
        } else {
            call.trailers_only("4");
        }
    })
    .await;
    let limits = grpc_health_exporter::probe::Limits::of_budget(BUDGET);
    let attempt =
        grpc_health_exporter::probe::attempt(&endpoint(address), &limits, || None::<()>).await;
    assert_eq!(attempt.ending, SERVING);
}
