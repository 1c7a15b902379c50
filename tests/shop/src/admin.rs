//! The admin server of a role: faults, figures and load, over HTTP. It runs apart from the role, so a starved role can still be reached.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::fault::Faults;
use crate::load::Load;
use crate::role::Role;
use crate::service::Service;

/// The longest body taken.
const LONGEST_BODY: usize = 64 * 1024;
/// How long the role may take to follow new faults.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(5);

/// What the admin server can reach.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) service: Arc<Service>,
    pub(crate) load: watch::Sender<Load>,
}

/// A status and why.
type Refusal = (StatusCode, String);

/// Serves until the task is aborted.
pub(crate) async fn serve(admin: Admin, listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let admin = admin.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let admin = admin.clone();
                async move { Ok::<_, Infallible>(admin.respond(request).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            if let Err(error) = connection.await {
                tracing::debug!(role = %admin.service.role, %error, "admin connection ended");
            }
        });
    }
}

impl Admin {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, kind, body) = match self.answer(request).await {
            Ok(json) => (StatusCode::OK, "application/json", json),
            Err((status, message)) => (status, "text/plain; charset=utf-8", message + "\n"),
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<String, Refusal> {
        let path = request.uri().path().to_owned();
        match (request.method().clone(), path.as_str()) {
            (Method::GET, "/faults") => json(&self.service.switch.now().faults),
            (Method::PUT, "/faults") => {
                let faults = Faults::from_json(&body(request).await?)
                    .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
                self.set(faults).await
            }
            (Method::DELETE, "/faults") => self.set(Faults::default()).await,
            (Method::GET, "/stats") => json(&self.service.stats.snapshot()),
            (Method::GET, "/load") if self.makes_load() => json(&*self.load.borrow()),
            (Method::PUT, "/load") if self.makes_load() => {
                let load = Load::from_json(&body(request).await?)
                    .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
                self.load.send_replace(load);
                json(&load)
            }
            (_, "/faults") => Err((
                StatusCode::METHOD_NOT_ALLOWED,
                "GET, PUT or DELETE".to_owned(),
            )),
            (_, "/stats") => Err((StatusCode::METHOD_NOT_ALLOWED, "GET".to_owned())),
            (_, "/load") if self.makes_load() => {
                Err((StatusCode::METHOD_NOT_ALLOWED, "GET or PUT".to_owned()))
            }
            (_, "/load") => Err((
                StatusCode::NOT_FOUND,
                format!("{} makes no load", self.service.role),
            )),
            _ => Err((
                StatusCode::NOT_FOUND,
                "there are /faults, /stats and /load".to_owned(),
            )),
        }
    }

    async fn set(&self, faults: Faults) -> Result<String, Refusal> {
        if !self.service.takes_faults {
            return Err((
                StatusCode::BAD_REQUEST,
                format!(
                    "{} has no listener of the shop's own and takes no faults",
                    self.service.role
                ),
            ));
        }
        let shown = json(&faults)?;
        timeout(FOLLOWS_WITHIN, self.service.switch.set(faults))
            .await
            .map_err(|_| {
                let seconds = FOLLOWS_WITHIN.as_secs();
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!(
                        "set, but {} does not follow within {seconds} s",
                        self.service.role
                    ),
                )
            })?;
        Ok(shown)
    }

    fn makes_load(&self) -> bool {
        self.service.role == Role::LoadGenerator
    }
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Refusal> {
    match Limited::new(request.into_body(), LONGEST_BODY)
        .collect()
        .await
    {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err((
            StatusCode::BAD_REQUEST,
            format!("the body cannot be read: {error}"),
        )),
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, Refusal> {
    serde_json::to_string(value)
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
