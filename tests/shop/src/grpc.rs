//! A gRPC server and client for unary calls, straight on h2: the shop has to decide itself when each byte leaves.
//!
//! Mirrors gRPC's PROTOCOL-HTTP2.md: length-prefixed messages, `grpc-status` in the trailers, or in the headers when there is no message.

use std::fmt::{self, Write as _};
use std::future::poll_fn;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use tokio::net::TcpStream;

use crate::boutique;
use crate::service::Service;

pub(crate) mod client;

/// The longest message taken.
const LONGEST_MESSAGE: usize = 1 << 20;
/// A compression flag and the length in four bytes.
const PREFIX: usize = 5;

/// gRPC's status codes, those used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

/// Why a call has no answer.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Status {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.code, self.message)
    }
}

/// Serves one connection until the peer ends it.
pub(crate) async fn serve(
    service: Arc<Service>,
    stream: TcpStream,
    reset_in_rpc: bool,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        if reset_in_rpc {
            return Ok(());
        }
        tokio::spawn(answer(service.clone(), request, respond));
    }
    Ok(())
}

async fn answer(
    service: Arc<Service>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let (parts, mut body) = request.into_parts();
    let is_grpc = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if !is_grpc {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let _ = respond.send_response(response, true);
        return;
    }
    let path = parts.uri.path();
    let outcome = tokio::select! {
        outcome = async { boutique::answer(&service, path, read_message(&mut body).await?).await } => outcome,
        // The caller has given up: what it waited for is not worked on any more.
        _ = poll_fn(|context| respond.poll_reset(context)) => return,
    };
    service.stats.answered(path, outcome.is_ok());
    // A peer that is gone by now is no failure of ours.
    let _ = match outcome {
        Ok(message) => send_message(&mut respond, &message),
        Err(status) => send_status(&mut respond, &status),
    };
}

fn send_message(respond: &mut SendResponse<Bytes>, message: &[u8]) -> Result<(), h2::Error> {
    let mut response = Response::new(());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    let mut stream = respond.send_response(response, false)?;
    stream.send_data(framed(message), false)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers)
}

fn send_status(respond: &mut SendResponse<Bytes>, status: &Status) -> Result<(), h2::Error> {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    headers.insert("grpc-status", HeaderValue::from(status.code as u16));
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(&status.message)) {
        headers.insert("grpc-message", message);
    }
    respond
        .send_response(response, true)
        .map(drop::<SendStream<Bytes>>)
}

/// The bytes before the message proper, and the message.
fn framed(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(PREFIX + message.len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    bytes.put_slice(message);
    bytes.freeze()
}

/// Reads a body that holds exactly one message.
async fn read_message(body: &mut RecvStream) -> Result<Bytes, Status> {
    let mut bytes = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part.map_err(|error| {
            Status::new(
                Code::Unavailable,
                format!("the message was cut off: {error}"),
            )
        })?;
        let _ = body.flow_control().release_capacity(part.len());
        if bytes.len() + part.len() > PREFIX + LONGEST_MESSAGE {
            return Err(Status::new(
                Code::ResourceExhausted,
                format!("a message is longer than {LONGEST_MESSAGE} bytes"),
            ));
        }
        bytes.extend_from_slice(&part);
    }
    let [compressed, a, b, c, d, ..] = bytes[..] else {
        return Err(Status::new(Code::Internal, "the body holds no message"));
    };
    if compressed != 0 {
        return Err(Status::new(
            Code::Unimplemented,
            "compressed messages are not taken",
        ));
    }
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if bytes.len() != PREFIX + length {
        return Err(Status::new(
            Code::Internal,
            "the body is not exactly one message",
        ));
    }
    Ok(bytes.freeze().slice(PREFIX..))
}

/// As `grpc-message` wants it: everything but printable ASCII, and the percent sign, as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
