//! netpol-exporter over HTTP: one connection, kept as long as it works.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use reach::{Answer, LARGEST_ANSWER, PATH, Report};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config;

/// For a whole exchange, from the look-up of the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// A token of a `ServiceAccount` has some 1,200 bytes.
const LONGEST_TOKEN: usize = 16 * 1024;
/// Of a refusal's text, so much is worth telling.
const LONGEST_REFUSAL: usize = 200;

/// The exporter.
pub struct Exporter {
    at: config::Exporter,
    host: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

/// What the flags name and cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The authorities.
    #[error("--exporter.ca-file={}: {why}", file.display())]
    Authorities {
        /// Where they should be.
        file: PathBuf,
        /// What is wrong with them.
        why: String,
    },
    /// The host.
    #[error("--exporter.url: {0}")]
    Host(#[from] InvalidDnsNameError),
}

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection, or it broke, or no answer in time.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No token, or one that the exporter does not accept.
    #[error("unauthorized: {0}")]
    Unauthorized(String),
    /// An answer of another kind.
    #[error("refused with {status}: {text}")]
    Refused {
        /// HTTP's status.
        status: StatusCode,
        /// What it says.
        text: String,
    },
    /// An answer that is none.
    #[error("garbled: {0}")]
    Garbled(String),
}

// === impl ExchangeError ===

impl ExchangeError {
    /// As a label's value.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Unauthorized(_) => "unauthorized",
            Self::Refused { .. } => "refused",
            Self::Garbled(_) => "garbled",
        }
    }
}

// === impl Exporter ===

impl Exporter {
    /// Reads the authorities; connects to nobody yet.
    pub fn open(at: config::Exporter) -> Result<Self, OpenError> {
        let tls = match &at.ca_file {
            None => None,
            Some(file) => {
                let name = ServerName::try_from(at.host().to_owned())?;
                Some((TlsConnector::from(Arc::new(client(file)?)), name))
            }
        };
        let host = HeaderValue::from_str(at.authority.as_str());
        Ok(Self {
            // An authority is made of characters that a header may have.
            host: host.unwrap_or_else(|_| HeaderValue::from_static("netpol-exporter")),
            at,
            tls,
            connection: None,
        })
    }

    /// Sends a report and takes the answer. A connection that broke since the last time is made anew once: nothing is lost by a
    /// report that comes twice.
    pub async fn exchange(&mut self, report: &Report) -> Result<Answer, ExchangeError> {
        let body = serde_json::to_vec(report).map_err(|error| garbled(&error))?;
        let token = self.token().await?;
        let exchanging = self.send(body.into(), token);
        let exchanged = timeout(PATIENCE, exchanging).await.unwrap_or_else(|_| {
            Err(ExchangeError::Unreachable(format!(
                "no answer within {PATIENCE:?}"
            )))
        });
        if exchanged.is_err() {
            self.connection = None;
        }
        exchanged
    }

    async fn send(
        &mut self,
        body: Bytes,
        token: Option<HeaderValue>,
    ) -> Result<Answer, ExchangeError> {
        let mut request = Request::post(PATH)
            .header(HOST, &self.host)
            .header(
                USER_AGENT,
                concat!("reach-agent/", env!("CARGO_PKG_VERSION")),
            )
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| garbled(&error))?;
        let used = self.connection.take();
        let response = match used.filter(|connection| !connection.sender.is_closed()) {
            Some(mut connection) => match connection.sender.send_request(request.clone()).await {
                Ok(response) => {
                    self.connection = Some(connection);
                    response
                }
                Err(_) => self.send_anew(request).await?,
            },
            None => self.send_anew(request).await?,
        };
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER)
            .collect()
            .await;
        let body = body
            .map_err(|error| ExchangeError::Garbled(error.to_string()))?
            .to_bytes();
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| garbled(&error)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(ExchangeError::Unauthorized(beginning(&body)))
            }
            status => Err(ExchangeError::Refused {
                status,
                text: beginning(&body),
            }),
        }
    }

    async fn send_anew(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<http::Response<hyper::body::Incoming>, ExchangeError> {
        let mut connection = self.connect().await.map_err(|error| unreachable(&error))?;
        let sent = connection.sender.send_request(request).await;
        self.connection = Some(connection);
        sent.map_err(|error| unreachable(&error))
    }

    async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.at.host(), self.at.port())).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => converse(stream).await,
            Some((tls, name)) => converse(tls.connect(name.clone(), stream).await?).await,
        }
    }

    /// Read each time: the kubelet writes a new one long before the old one ends.
    async fn token(&self) -> Result<Option<HeaderValue>, ExchangeError> {
        let Some(file) = &self.at.token_file else {
            return Ok(None);
        };
        let wrong = |why: String| {
            ExchangeError::Unauthorized(format!("--exporter.token-file={}: {why}", file.display()))
        };
        let text = tokio::task::spawn_blocking({
            let file = file.clone();
            move || read_token(&file)
        });
        let text = text.await.map_err(|error| wrong(error.to_string()))?;
        let text = text.map_err(|error| wrong(error.to_string()))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
            .map_err(|_| wrong("not a token: a header cannot carry it".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn read_token(file: &Path) -> io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let most = u64::try_from(LONGEST_TOKEN).unwrap_or(u64::MAX);
    std::fs::File::open(file)?
        .take(most)
        .read_to_string(&mut text)?;
    if text.trim().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty"));
    }
    Ok(text)
}

async fn converse<S>(stream: S) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the exporter broke");
        }
    });
    Ok(Connection { sender, driver })
}

// === impl Connection ===

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn client(file: &Path) -> Result<ClientConfig, OpenError> {
    let wrong = |why: String| OpenError::Authorities {
        file: file.to_owned(),
        why,
    };
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("no certificate in it".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn garbled(error: &impl std::fmt::Display) -> ExchangeError {
    ExchangeError::Garbled(error.to_string())
}

fn unreachable(error: &impl std::fmt::Display) -> ExchangeError {
    ExchangeError::Unreachable(error.to_string())
}

/// The first words of a refusal, fit for a log.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST_REFUSAL)]);
    text.trim().escape_debug().to_string()
}
