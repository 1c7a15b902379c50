//! `grpc.health.v1.Health/Check` over an opened connection, as grpc-go sends it, until its trailers.

mod reply;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture};
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use probe_engine::{Phase, Reason, ServingStatus};
use tokio::io::{AsyncRead, AsyncWrite};

use super::endpoint::Endpoint;
use super::failure::Failure;
use super::http2::Resumed;
use reply::Reply;

/// Longest list of response headers or trailers that is read, in bytes. A health check needs some 100.
const LONGEST_HEADERS: u32 = 16 * 1024;
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
/// Largest number that `grpc-timeout` can carry: eight digits.
const LARGEST_TIMEOUT: u128 = 99_999_999;

/// Asks for the health and waits for the whole answer.
///
/// `patience` is how long we would wait at most, and goes into `grpc-timeout`. The kubelet sends what is left of the
/// budget; a server that honours that (grpc-go and tonic do) would answer `DEADLINE_EXCEEDED` at the budget, and the
/// true latency, which is what we are here for, would never be known.
pub(super) async fn check<S>(
    stream: Resumed<S>,
    endpoint: &Endpoint,
    patience: Duration,
) -> Result<ServingStatus, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Zero streams until the library has seen the server's SETTINGS itself, so that a server which allows none is
    // obeyed: grpc-go waits for its quota in the same way.
    let (mut requests, connection) = Builder::new()
        .enable_push(false)
        .max_header_list_size(LONGEST_HEADERS)
        .initial_max_send_streams(0)
        .handshake::<_, Bytes>(stream)
        .await
        .map_err(|error| of_library(&error))?;
    let (response, mut body) = requests
        .send_request(request(endpoint, patience), false)
        .map_err(|error| of_library(&error))?;
    body.send_data(endpoint.request.clone(), true)
        .map_err(|error| of_library(&error))?;

    let mut connection = pin!(connection);
    let mut answer = pin!(answer(response));
    poll_fn(|context| {
        let ended = connection.as_mut().poll(context);
        if let Poll::Ready(answered) = answer.as_mut().poll(context) {
            return Poll::Ready(answered);
        }
        match ended {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(of_library(&error))),
            Poll::Ready(Ok(())) => Poll::Ready(Err(Failure::new(
                Phase::Rpc,
                Reason::Closed,
                "the server closed the connection before its answer",
            ))),
        }
    })
    .await
}

/// The headers of grpc-go's `createHeaderFields` (`internal/transport/http2_client.go`), in its order.
fn request(endpoint: &Endpoint, patience: Duration) -> Request<()> {
    let mut headers = HeaderMap::with_capacity(4 + endpoint.metadata.len());
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(USER_AGENT, endpoint.user_agent.clone());
    headers.insert(TE, TRAILERS);
    headers.insert(GRPC_TIMEOUT, timeout(patience));
    for (name, value) in &endpoint.metadata {
        headers.append(name.clone(), value.clone());
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.uri.clone();
    *request.headers_mut() = headers;
    request
}

/// A duration as `grpc-timeout` writes it: at most eight digits and a unit.
fn timeout(patience: Duration) -> HeaderValue {
    let milliseconds = patience.as_millis().clamp(1, LARGEST_TIMEOUT);
    HeaderValue::try_from(format!("{milliseconds}m"))
        .unwrap_or_else(|_| HeaderValue::from_static("1H"))
}

async fn answer(response: ResponseFuture) -> Result<ServingStatus, Failure> {
    let (head, mut body) = response
        .await
        .map_err(|error| of_library(&error))?
        .into_parts();
    let mut reply = Reply::begin(head.status, &head.headers, body.is_end_stream())?;
    while let Some(chunk) = body.data().await {
        reply.read(&chunk.map_err(|error| of_library(&error))?)?;
    }
    let trailers = body.trailers().await.map_err(|error| of_library(&error))?;
    reply.end(trailers.as_ref().unwrap_or(&head.headers))
}

/// Whose fault it is that the library gave up.
fn of_library(error: &h2::Error) -> Failure {
    if let Some(error) = error.get_io() {
        return Failure::of_stream(Phase::Rpc, error);
    }
    let reason = match (error.is_remote(), error.is_go_away(), error.is_reset()) {
        (true, true, _) => Reason::Goaway,
        (true, _, true) => Reason::Reset,
        _ => Reason::Protocol,
    };
    Failure::new(Phase::Rpc, reason, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_fits_its_eight_digits() {
        for (patience, written) in [
            (Duration::from_secs(30), "30000m"),
            (Duration::ZERO, "1m"),
            (Duration::MAX, "99999999m"),
        ] {
            assert_eq!(timeout(patience), written);
        }
    }

    /// Runs into the assertion of [`Resumed`] should the library begin with anything but our opening.
    #[tokio::test]
    async fn the_library_believes_to_send_what_was_sent() {
        let (near, mut far) = tokio::io::duplex(1024);
        let settings = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
        let endpoint = Endpoint::at("127.0.0.1:1".parse().unwrap(), "", None).unwrap();
        let asked = check(
            Resumed::new(near, settings),
            &endpoint,
            Duration::from_secs(1),
        );
        let heard = async {
            let mut first = [0; 9];
            tokio::io::AsyncReadExt::read_exact(&mut far, &mut first)
                .await
                .unwrap();
            first
        };
        tokio::select! {
            asked = asked => panic!("ended early: {asked:?}"),
            // The first thing on the wire acknowledges the SETTINGS that were handed out again.
            first = heard => assert_eq!(first, [0, 0, 0, 4, 1, 0, 0, 0, 0]),
        }
    }
}
