//! A request to a pod, from inside the lab's network.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// Longer than anything here takes to answer that answers at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The body of the answer to one request on a connection of its own; an error unless the status is 2xx.
pub fn request(method: &str, address: &str, path: &str, body: &str) -> Result<String> {
    send(method, address, path, "", body)
}

/// The same of a JSON document, sent with a token.
pub fn post_as(token: &str, address: &str, path: &str, document: &str) -> Result<String> {
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    send("POST", address, path, &headers, document)
}

/// HTTP/1.0, so that the end of the connection is the end of the body.
fn send(method: &str, address: &str, path: &str, headers: &str, body: &str) -> Result<String> {
    let socket: SocketAddr = address.parse().with_context(|| address.to_owned())?;
    let mut stream = TcpStream::connect_timeout(&socket, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no end of headers")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(
        status.starts_with('2'),
        "{method} {address}{path}: {answer}"
    );
    Ok(body.to_owned())
}
