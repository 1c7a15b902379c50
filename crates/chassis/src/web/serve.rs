//! Accepts connections and speaks HTTP on them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::drain::Drain;
use crate::web::body::Body;
use crate::web::connections::{Connections, HEAD_TIMEOUT, Place, Progress, Watched};
use crate::web::site::Site;

/// A request's head in bytes and in fields; 431 beyond.
const LARGEST_HEAD: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;
/// Requests at once on one HTTP/2 connection.
const MOST_STREAMS: u32 = 32;
/// How often an HTTP/2 client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_mins(1);
/// After a failed accept (most likely: no file descriptors left) a short pause instead of a spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a listener answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    /// Everything, over TLS when the web configuration says so.
    Web,
    /// Health only, always plain.
    Health,
}

/// Serves until `closing`, then finishes the open requests.
pub(crate) async fn serve(
    listener: TcpListener,
    door: Door,
    site: Arc<Site>,
    mut closing: Drain,
) -> Result<(), Infallible> {
    let connections = Connections::default();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut closing => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Some(place) = connections.admit() {
                        tasks.spawn(connection(stream, door, Arc::clone(&site), place, closing.clone()));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn connection(stream: TcpStream, door: Door, site: Arc<Site>, place: Place, closing: Drain) {
    // Answers are written whole: waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let progress = Arc::clone(&place.progress);
    tokio::select! {
        () = progress.overdue() => tracing::debug!("a connection was closed: too slow, or idle too long"),
        () = speak(stream, door, site, &place.progress, closing) => {}
    }
}

async fn speak(
    stream: TcpStream,
    door: Door,
    site: Arc<Site>,
    progress: &Arc<Progress>,
    closing: Drain,
) {
    let tls = match door {
        Door::Web => site.config.current().tls.clone(),
        Door::Health => None,
    };
    let Some(tls) = tls else {
        return http1(
            Watched::new(stream, Arc::clone(progress)),
            door,
            site,
            progress,
            closing,
        )
        .await;
    };
    let stream = match timeout(HEAD_TIMEOUT, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake took too long"),
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2(stream, door, site, progress, closing).await;
    } else {
        http1(
            Watched::new(stream, Arc::clone(progress)),
            door,
            site,
            progress,
            closing,
        )
        .await;
    }
}

async fn http1<S>(stream: S, door: Door, site: Arc<Site>, progress: &Arc<Progress>, closing: Drain)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service =
        service_fn(|request| answer(request, door, Arc::clone(&site), Arc::clone(progress)));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // `Progress` tells a slow head from an idle connection, which hyper's own timeout does not.
        .header_read_timeout(None)
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(2 * LARGEST_HEAD)
        .max_headers(MOST_FIELDS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = &mut connection => result,
        () = closing => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}

async fn http2<S>(stream: S, door: Door, site: Arc<Site>, progress: &Arc<Progress>, closing: Drain)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    progress.idle();
    let for_requests = Arc::clone(progress);
    let service = service_fn(move |request| {
        answer(request, door, Arc::clone(&site), Arc::clone(&for_requests))
    });
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_INTERVAL)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = &mut connection => result,
        () = closing => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Answers one request. Its body is not read, unless a receiver asks for it.
async fn answer(
    request: Request<Incoming>,
    door: Door,
    site: Arc<Site>,
    progress: Arc<Progress>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let _answering = progress.answering();
    let response = match door {
        Door::Web => site.answer(request.map(Body::new)).await,
        Door::Health => site.answer_health(&request),
    };
    Ok(response.map(Full::new))
}
