//! The frontend: `/` calls all of its backends, `/_healthz` none.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::boutique;
use crate::service::Service;

/// Serves one connection until the peer ends it, or until its first request when that resets it.
pub(crate) async fn serve(
    service: Arc<Service>,
    stream: TcpStream,
    reset_in_rpc: bool,
) -> io::Result<()> {
    let answer = service_fn(|request| {
        let service = service.clone();
        async move {
            if reset_in_rpc {
                // hyper closes a connection whose service fails.
                return Err(io::Error::from(io::ErrorKind::ConnectionReset));
            }
            Ok(answer(&service, &request).await)
        }
    });
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await
        .map_err(io::Error::other)
}

async fn answer(service: &Service, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let (status, body) = match (request.method(), path) {
        (&Method::GET | &Method::HEAD, "/" | "/_healthz") => page(service, path).await,
        (_, "/" | "/_healthz") => (
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET is answered\n".to_owned(),
        ),
        _ => (
            StatusCode::NOT_FOUND,
            "there are / and /_healthz\n".to_owned(),
        ),
    };
    service.stats.answered(path, status.is_success());
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}

async fn page(service: &Service, path: &str) -> (StatusCode, String) {
    let is_health_check = path == "/_healthz";
    let in_force = service.switch.now();
    if in_force
        .pass(is_health_check, &service.stats)
        .await
        .is_err()
    {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "too many requests wait\n".to_owned(),
        );
    }
    if is_health_check {
        return match in_force.faults.health {
            None => (StatusCode::OK, "ok".to_owned()),
            Some(health) => (StatusCode::SERVICE_UNAVAILABLE, format!("{health:?}\n")),
        };
    }
    match boutique::call_all(service).await {
        Ok(()) => (StatusCode::OK, "Online Boutique\n".to_owned()),
        Err(status) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{status}\n")),
    }
}
