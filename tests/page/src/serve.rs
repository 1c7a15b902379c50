//! A server with one answer: as much HTTP/1.1 as a scraper needs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The path, with its query.
    pub path: String,
    /// The headers as they came.
    pub headers: Vec<(String, String)>,
}

/// What it is told, with 200.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For `Content-Type`.
    pub content_type: String,
    /// For `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A server on a loopback port of its own, for as long as this lives.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Asked {
    /// A header's value; those of several headers of that name are joined.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(","))
    }
}

impl Server {
    /// Answers each request, whatever its method and path, with what `answer` makes of it.
    pub async fn start(
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let answer = Arc::new(answer);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                // A client that hangs up is its own affair.
                tokio::spawn(async move { respond(stream, &*answer).await });
            }
        });
        Ok(Self { address, accepting })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn respond(stream: TcpStream, answer: &(impl Fn(&Asked) -> Answer + Sync)) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let asked = read_head(&mut stream).await?;
    let Answer {
        content_type,
        content_encoding,
        body,
    } = answer(&asked);
    let encoding = content_encoding.map_or_else(String::new, |coding| {
        format!("Content-Encoding: {coding}\r\n")
    });
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{encoding}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> io::Result<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line
        .split_whitespace()
        .nth(1)
        .ok_or(io::ErrorKind::InvalidData)?
        .to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        match line.trim_end().split_once(':') {
            Some((key, value)) => headers.push((key.to_owned(), value.trim().to_owned())),
            None => return Ok(Asked { path, headers }),
        }
    }
}
