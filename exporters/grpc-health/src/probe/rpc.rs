//! `grpc.health.v1.Health/Check` over an opened connection, as grpc-go sends it, until its trailers.

mod call;
mod hpack;
mod reply;

use std::time::Duration;

use probe_engine::{Phase, Reason, ServingStatus};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::endpoint::Endpoint;
use super::failure::Failure;
use super::http2;
use call::Call;

/// Largest number that `grpc-timeout` can carry: eight digits.
const LARGEST_TIMEOUT: u128 = 99_999_999;

/// Names and whole fields of HPACK's static table (RFC 7541 appendix A).
const METHOD_POST: u8 = 0x80 | 3;
const SCHEME_HTTP: u8 = 0x80 | 6;
const SCHEME_HTTPS: u8 = 0x80 | 7;
const AUTHORITY: u8 = 1;
const PATH: u8 = 4;
const CONTENT_TYPE: u8 = 31;
const USER_AGENT: u8 = 58;

/// Asks for the health and waits for the whole answer. `received` is what came with the server's SETTINGS, and they.
///
/// `patience` is how long we would wait at most, and goes into `grpc-timeout`. The kubelet sends what is left of the
/// budget; a server that honours that (grpc-go and tonic do) would answer `DEADLINE_EXCEEDED` at the budget, and the
/// true latency, which is what we are here for, would never be known.
pub(super) async fn check<S>(
    mut stream: S,
    mut received: Vec<u8>,
    endpoint: &Endpoint,
    patience: Duration,
) -> Result<ServingStatus, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broke = |error: std::io::Error| Failure::of_stream(Phase::Rpc, &error);
    let mut call = Call::new(head(endpoint, patience), endpoint.request.clone());
    loop {
        if let Some(status) = call.hear(&received)? {
            return Ok(status);
        }
        let said = call.say();
        if !said.is_empty() {
            stream.write_all(&said).await.map_err(broke)?;
            stream.flush().await.map_err(broke)?;
        }
        received.clear();
        let (count, _) = http2::read(&mut stream, &mut received)
            .await
            .map_err(broke)?;
        if count == 0 {
            return Err(Failure::new(
                Phase::Rpc,
                Reason::Closed,
                "the server closed the connection before its answer",
            ));
        }
    }
}

/// The fields of grpc-go's `createHeaderFields` (`internal/transport/http2_client.go`), in its order.
fn head(endpoint: &Endpoint, patience: Duration) -> Vec<u8> {
    let scheme = if endpoint.tls.is_some() {
        SCHEME_HTTPS
    } else {
        SCHEME_HTTP
    };
    let mut block = Vec::with_capacity(256);
    block.extend([METHOD_POST, scheme]);
    hpack::write_known(&mut block, PATH, Endpoint::CHECK.as_bytes());
    hpack::write_known(
        &mut block,
        AUTHORITY,
        endpoint.authority.as_str().as_bytes(),
    );
    hpack::write_known(&mut block, CONTENT_TYPE, b"application/grpc");
    hpack::write_known(&mut block, USER_AGENT, endpoint.user_agent.as_bytes());
    hpack::write(&mut block, b"te", b"trailers");
    hpack::write(&mut block, b"grpc-timeout", timeout(patience).as_bytes());
    for (name, value) in &endpoint.metadata {
        hpack::write(&mut block, name.as_str().as_bytes(), value.as_bytes());
    }
    block
}

/// A duration as `grpc-timeout` writes it: at most eight digits and a unit.
fn timeout(patience: Duration) -> String {
    let milliseconds = patience.as_millis().clamp(1, LARGEST_TIMEOUT);
    format!("{milliseconds}m")
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
}
