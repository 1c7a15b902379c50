//! Scraping: one GET over a connection of its own, as short-lived as a newcomer's curl.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Prometheus would wait for 10 s; a page that takes longer than this is not what is promised.
const PATIENCE: Duration = Duration::from_secs(5);

/// The formats that a page is to be had in: a name, the Accept header, and the start of the Content-Type that answers it.
pub(crate) const FORMATS: [Format; 3] = [
    Format {
        name: "text 0.0.4",
        accept: "text/plain;version=0.0.4",
        content_type: "text/plain; version=0.0.4",
    },
    Format {
        name: "OpenMetrics 1.0.0",
        accept: "application/openmetrics-text;version=1.0.0",
        content_type: "application/openmetrics-text; version=1.0.0",
    },
    Format {
        name: "protobuf",
        accept: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        content_type: "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    },
];

/// A format to ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) content_type: &'static str,
}

/// An answer with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// Asks for the metrics page.
pub(crate) async fn scrape(address: SocketAddr, accept: &str) -> Result<Answer> {
    fetch(address, "/metrics", accept).await
}

/// Asks for any page.
pub(crate) async fn fetch(address: SocketAddr, path: &str, accept: &str) -> Result<Answer> {
    timeout(PATIENCE, get(address, path, accept))
        .await
        .with_context(|| format!("no answer within {} s", PATIENCE.as_secs()))?
        .with_context(|| format!("http://{address}{path}"))
}

async fn get(address: SocketAddr, path: &str, accept: &str) -> Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::ACCEPT, accept)
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    });
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    ensure!(status.is_success(), "{status}");
    Ok(Answer { content_type, body })
}
