//! The client of a role's admin server.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::fault::Faults;
use crate::load::Load;
use crate::stats::Stats;

/// A role in another process, by its admin address.
#[derive(Debug, Clone, Copy)]
pub struct Remote {
    admin: SocketAddr,
}

/// The role was not reached, or said no.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No connection.
    #[error("no connection to the admin server: {0}")]
    Connect(#[from] io::Error),
    /// The exchange broke off.
    #[error("the admin server does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// The admin server's refusal and its reason.
    #[error("{status}: {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The body.
        message: String,
    },
    /// The answer is not what was asked for.
    #[error("an answer that cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl Remote {
    /// Reaches the role whose admin server is at this address, when it is asked something.
    pub const fn new(admin: SocketAddr) -> Self {
        Self { admin }
    }

    /// The faults in force.
    pub async fn faults(&self) -> Result<Faults, RemoteError> {
        self.ask(Method::GET, "/faults", "").await
    }

    /// Puts other faults in the place of those in force. On return every new connection meets them.
    pub async fn set_faults(&self, faults: &Faults) -> Result<Faults, RemoteError> {
        self.ask(Method::PUT, "/faults", faults).await
    }

    /// Takes all faults away.
    pub async fn clear_faults(&self) -> Result<Faults, RemoteError> {
        self.ask(Method::DELETE, "/faults", "").await
    }

    /// What the role has done so far.
    pub async fn stats(&self) -> Result<Stats, RemoteError> {
        self.ask(Method::GET, "/stats", "").await
    }

    /// The load that the load generator makes.
    pub async fn load(&self) -> Result<Load, RemoteError> {
        self.ask(Method::GET, "/load", "").await
    }

    /// Changes the load.
    pub async fn set_load(&self, load: &Load) -> Result<Load, RemoteError> {
        self.ask(Method::PUT, "/load", load).await
    }

    async fn ask<B, A>(&self, method: Method, path: &str, body: B) -> Result<A, RemoteError>
    where
        B: Serialize,
        A: DeserializeOwned,
    {
        let stream = TcpStream::connect(self.admin).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.admin.to_string())
            .body(Full::new(Bytes::from(serde_json::to_vec(&body)?)))
            .map_err(io::Error::other)?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let bytes = response.into_body().collect().await?.to_bytes();
        connection.abort();
        if status.is_success() {
            Ok(serde_json::from_slice(&bytes)?)
        } else {
            Err(RemoteError::Refused {
                status,
                message: String::from_utf8_lossy(&bytes).trim_end().to_owned(),
            })
        }
    }
}
