//! Servers that do as they are told, on a loopback port of their own, for as long as the test runs.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// `HealthCheckResponse { status: SERVING }` with its gRPC prefix.
pub(crate) const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
/// An empty SETTINGS frame.
pub(crate) const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Gives each accepted connection to `handle`.
pub(crate) async fn raw<H, F>(handle: H) -> SocketAddr
where
    H: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(raw_on(listener, handle));
    address
}

/// [`raw`] on a listener that exists already.
pub(crate) async fn raw_on<H, F>(listener: TcpListener, handle: H)
where
    H: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(handle(stream));
    }
}

/// Says `bytes` and then nothing more; holds the connection until the client closes it.
pub(crate) async fn says(mut stream: TcpStream, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref()).await;
    listen(&mut stream).await;
}

/// Reads until the client closes.
pub(crate) async fn listen<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut heard = [0; 1024];
    while matches!(stream.read(&mut heard).await, Ok(count) if count > 0) {}
}

/// Reads what a client has to say before the server's SETTINGS: the preface and one SETTINGS frame.
pub(crate) async fn hear_opening(stream: &mut TcpStream) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.unwrap();
    assert_eq!(header[3], 4, "SETTINGS come first");
    let mut payload = vec![0; usize::from(header[2])];
    stream.read_exact(&mut payload).await.unwrap();
}

/// Says SETTINGS and reads on until the request is complete.
pub(crate) async fn hear_request(stream: &mut TcpStream) {
    hear_opening(stream).await;
    stream.write_all(SETTINGS).await.unwrap();
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.unwrap();
        let length = usize::from(header[1]) << 8 | usize::from(header[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        if header[3] == 0 {
            return;
        }
    }
}

/// A gRPC server that answers each request by `answer`.
pub(crate) async fn grpc<A, F>(answer: A) -> SocketAddr
where
    A: Fn(Call) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    raw(move |stream| http2(stream, answer.clone())).await
}

/// Serves HTTP/2 on a connection.
pub(crate) async fn http2<S, A, F>(stream: S, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Call) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(Call { request, respond }));
    }
}

/// A request, and the means to answer it.
pub(crate) struct Call {
    pub(crate) request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
}

impl Call {
    pub(crate) fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>) -> Self {
        Self { request, respond }
    }

    /// As [`Call::message`], in as many frames as it has bytes.
    pub(crate) async fn trickle(mut self, body: &[u8]) {
        let mut response = Response::new(());
        *response.headers_mut() = map(GRPC);
        let Ok(mut stream) = self.respond.send_response(response, false) else {
            return;
        };
        for &byte in body {
            let _ = stream.send_data(Bytes::copy_from_slice(&[byte]), false);
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let _ = stream.send_trailers(map(&[("grpc-status", "0")]));
    }

    /// Headers, a body, trailers: whatever is given.
    pub(crate) fn answer(
        mut self,
        status: StatusCode,
        headers: &[(&'static str, &'static str)],
        body: Option<&[u8]>,
        trailers: Option<&[(&'static str, &'static str)]>,
    ) {
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = map(headers);
        let ended = body.is_none() && trailers.is_none();
        let Ok(mut stream) = self.respond.send_response(response, ended) else {
            return;
        };
        if let Some(body) = body {
            let _ = stream.send_data(Bytes::copy_from_slice(body), trailers.is_none());
        }
        if let Some(trailers) = trailers {
            let _ = stream.send_trailers(map(trailers));
        }
    }

    /// As a gRPC server answers when all is well with the call.
    pub(crate) fn message(self, body: &[u8]) {
        self.answer(
            StatusCode::OK,
            GRPC,
            Some(body),
            Some(&[("grpc-status", "0")]),
        );
    }

    /// As a gRPC server answers when it has nothing but a status to give: all of it in the headers.
    pub(crate) fn trailers_only(self, status: &'static str) {
        let headers = [
            GRPC[0],
            ("grpc-status", status),
            ("grpc-message", "said so"),
        ];
        self.answer(StatusCode::OK, &headers, None, None);
    }

    pub(crate) fn reset(mut self, reason: h2::Reason) {
        self.respond.send_reset(reason);
    }
}

/// The headers of a gRPC answer.
pub(crate) const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc")];

pub(crate) async fn serving(call: Call) {
    call.message(SERVING);
}

fn map(entries: &[(&'static str, &'static str)]) -> HeaderMap {
    entries
        .iter()
        .map(|&(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}
