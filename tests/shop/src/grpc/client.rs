//! Calls to another role over one connection that is kept, and made anew when it breaks.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderValue, Method, Request, header};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{Code, Status, framed, read_message};

/// How long a caller waits, connecting included. Upstream's callers wait for ever; here a hung callee must not hold memory for ever.
const DEADLINE: Duration = Duration::from_secs(10);

/// Another role, as its callers see it.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    sender: Mutex<Option<SendRequest<Bytes>>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            sender: Mutex::new(None),
        }
    }

    /// One unary call.
    pub(crate) async fn call(&self, path: &str, message: &[u8]) -> Result<Bytes, Status> {
        match timeout(DEADLINE, self.call_without_deadline(path, message)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Status::new(
                Code::DeadlineExceeded,
                format!(
                    "{} has not answered {path} within {} s",
                    self.address,
                    DEADLINE.as_secs()
                ),
            )),
        }
    }

    async fn call_without_deadline(&self, path: &str, message: &[u8]) -> Result<Bytes, Status> {
        let unavailable =
            |error: h2::Error| Status::new(Code::Unavailable, format!("{}: {error}", self.address));
        let mut sender = self.connected().await?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}{path}", self.address))
            .header(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/grpc"),
            )
            .header(header::TE, HeaderValue::from_static("trailers"))
            .body(())
            .map_err(|error| Status::new(Code::Internal, error.to_string()))?;
        let (response, mut body) = sender.send_request(request, false).map_err(unavailable)?;
        body.send_data(framed(message), true).map_err(unavailable)?;
        let (parts, mut body) = response.await.map_err(unavailable)?.into_parts();
        // A call that fails before its message has its status in the headers.
        if let Some(status) = parts.headers.get("grpc-status") {
            return Err(self.failed(path, status));
        }
        let message = read_message(&mut body).await?;
        match body
            .trailers()
            .await
            .map_err(unavailable)?
            .as_ref()
            .and_then(|trailers| trailers.get("grpc-status"))
        {
            Some(status) if status == "0" => Ok(message),
            Some(status) => Err(self.failed(path, status)),
            None => Err(Status::new(
                Code::Internal,
                format!("{} answered {path} without a status", self.address),
            )),
        }
    }

    fn failed(&self, path: &str, status: &HeaderValue) -> Status {
        Status::new(
            Code::Unavailable,
            format!("{} answered {path} with status {status:?}", self.address),
        )
    }

    async fn connected(&self) -> Result<SendRequest<Bytes>, Status> {
        let mut kept = self.sender.lock().await;
        if let Some(sender) = kept.clone()
            && let Ok(ready) = sender.ready().await
        {
            return Ok(ready);
        }
        *kept = None;
        let unavailable =
            |error: String| Status::new(Code::Unavailable, format!("{}: {error}", self.address));
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        stream
            .set_nodelay(true)
            .map_err(|error| unavailable(error.to_string()))?;
        let (sender, connection) = h2::client::handshake(stream)
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        tokio::spawn(connection);
        let ready = sender
            .ready()
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        *kept = Some(ready.clone());
        Ok(ready)
    }
}
