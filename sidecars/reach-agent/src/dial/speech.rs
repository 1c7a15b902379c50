//! What is said on a connection to hear whether anybody is there: as little as gets an answer, and nothing that does anything.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Version};
use reach::{Kind, Outcome};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::socket::of_stream;

/// A request for the health of the whole server: an empty message behind its gRPC prefix.
const HEALTH_CHECK: Bytes = Bytes::from_static(&[0; 5]);
/// `PING` as RESP has it.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
/// What each HTTP/1 answer begins with.
const HTTP: &[u8] = b"HTTP/1.";
/// Header of a DNS message, RFC 1035 section 4.1.1.
const DNS_HEADER: usize = 12;
/// What a query asks: `id.server`, class CHAOS, type TXT (RFC 4892). Any server answers it by itself, be it with a refusal.
const DNS_QUESTION: &[u8] = b"\x02id\x06server\x00\x00\x10\x00\x03";

/// Says what this kind says, on a connection just made, and waits for the first sign of an answer.
pub(super) async fn speak<S>(kind: Kind, mut stream: S, address: SocketAddr) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let spoken = match kind {
        Kind::Plain | Kind::Unknown => Ok(Outcome::Connected),
        Kind::Grpc => return grpc(stream, address).await,
        Kind::Http => http(&mut stream, address).await,
        Kind::Redis => redis(&mut stream).await,
        Kind::Dns => dns(&mut stream).await,
    };
    spoken.unwrap_or_else(|error| of_stream(&error))
}

/// `grpc.health.v1.Health/Check`. The head of any answer will do: a server without health service says UNIMPLEMENTED.
async fn grpc<S>(stream: S, address: SocketAddr) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = async {
        let (mut client, connection) = h2::client::handshake(stream).await?;
        let request = Request::post(format!("http://{address}/grpc.health.v1.Health/Check"))
            .version(Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(());
        // An address is always a good authority.
        let Ok(request) = request else {
            return Ok(Outcome::Unable);
        };
        let (answer, mut body) = client.send_request(request, false)?;
        body.send_data(HEALTH_CHECK, true)?;
        tokio::select! {
            answer = answer => answer.map(|_| Outcome::Answered),
            ended = connection => ended.map(|()| Outcome::Closed),
        }
    };
    asked.await.unwrap_or_else(|error| of_http2(&error))
}

/// Whoever resets a stream or says goodbye in HTTP/2 has spoken.
fn of_http2(error: &h2::Error) -> Outcome {
    match error.get_io() {
        Some(error) => of_stream(error),
        None if error.is_remote() => Outcome::Answered,
        None => Outcome::Garbled,
    }
}

/// `OPTIONS *`, which asks for nothing of any application (RFC 9110 section 9.3.7).
async fn http<S>(stream: &mut S, address: SocketAddr) -> io::Result<Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!(
        "OPTIONS * HTTP/1.1\r\nHost: {address}\r\nUser-Agent: reach-agent\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut heard = [0; HTTP.len()];
    stream.read_exact(&mut heard).await?;
    Ok(heard_or_garbled(heard == HTTP))
}

/// `PING`: a simple string, or an error such as NOAUTH, both are Redis.
async fn redis<S>(stream: &mut S) -> io::Result<Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(PING).await?;
    let first = stream.read_u8().await?;
    Ok(heard_or_garbled(matches!(first, b'+' | b'-')))
}

/// A query behind its length, RFC 1035 section 4.2.2.
async fn dns<S>(stream: &mut S) -> io::Result<Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let query = DnsQuery::new();
    let length = u16::try_from(query.bytes().len()).unwrap_or(u16::MAX);
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(query.bytes());
    stream.write_all(&message).await?;
    let mut heard = [0; 2 + DNS_HEADER];
    stream.read_exact(&mut heard).await?;
    Ok(heard_or_garbled(query.is_answered_by(&heard[2..])))
}

fn heard_or_garbled(understood: bool) -> Outcome {
    if understood {
        Outcome::Answered
    } else {
        Outcome::Garbled
    }
}

/// A question to a DNS server, with a number that the answer has to repeat.
#[derive(Debug)]
pub(super) struct DnsQuery(Vec<u8>);

// === impl DnsQuery ===

impl DnsQuery {
    pub(super) fn new() -> Self {
        let mut message = fastrand::u16(..).to_be_bytes().to_vec();
        // No flags; one question, and nothing else.
        message.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        message.extend_from_slice(DNS_QUESTION);
        Self(message)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is a response (the QR bit) with our number.
    pub(super) fn is_answered_by(&self, message: &[u8]) -> bool {
        message.len() >= DNS_HEADER && message[..2] == self.0[..2] && message[2] & 0x80 != 0
    }
}
