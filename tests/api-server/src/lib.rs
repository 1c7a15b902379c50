//! A stand-in for a Kubernetes API server: lists in pages, watches that stream what the test says, failures to order.
//!
//! Plain HTTP on loopback. It knows no kinds: a path is answered as the test says, and one that it does not name is not there.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};

type Reply = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// An API server that does what the test says.
pub struct Server {
    address: SocketAddr,
    /// Never listens: it keeps the port while the server is stopped. Another test's server on it would be taken for this one.
    _port: TcpSocket,
    desk: Arc<Desk>,
    opened: tokio::sync::Mutex<mpsc::UnboundedReceiver<Watch>>,
    task: Option<JoinHandle<()>>,
}

/// How every request of a sort is answered from now on.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A watch that the test feeds.
    Stream,
    /// A failure: the code and the message of a `Status`.
    Status(u16, &'static str),
    /// This text, whatever it is.
    Body(Cow<'static, str>),
    /// None, ever.
    Silence,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    path: String,
    parameters: BTreeMap<String, String>,
}

/// A watch that somebody opened; ends cleanly when dropped or told to.
pub struct Watch {
    asked: Asked,
    lines: mpsc::UnboundedSender<std::io::Result<Bytes>>,
    desk: Arc<Desk>,
}

/// What the server knows; shared with its connections.
#[derive(Default)]
struct Desk {
    lists: Mutex<BTreeMap<String, (Vec<Value>, u32)>>,
    list_answers: Mutex<BTreeMap<String, Answer>>,
    watch_answers: Mutex<BTreeMap<String, Answer>>,
    expire_next_page: Mutex<bool>,
    listed: Mutex<Vec<Asked>>,
    watched: Mutex<usize>,
    kept: Mutex<Vec<mpsc::UnboundedSender<std::io::Result<Bytes>>>>,
    requested: Notify,
}

impl Server {
    /// Starts on a port that was free; within a runtime.
    pub fn start() -> Self {
        let (opening, opened) = mpsc::unbounded_channel();
        let port = bound((Ipv4Addr::LOCALHOST, 0).into());
        let address = port.local_addr().unwrap();
        let listener = listening(address);
        let desk = Arc::new(Desk::default());
        let task = Some(tokio::spawn(serve(listener, Arc::clone(&desk), opening)));
        Self {
            address,
            _port: port,
            desk,
            opened: tokio::sync::Mutex::new(opened),
            task,
        }
    }

    /// Closes the port and every connection.
    pub async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
        self.desk.kept.lock().clear();
    }

    /// Comes back on the same port.
    pub fn restart(&mut self) {
        let (opening, opened) = mpsc::unbounded_channel();
        let listener = listening(self.address);
        self.opened = tokio::sync::Mutex::new(opened);
        self.task = Some(tokio::spawn(serve(
            listener,
            Arc::clone(&self.desk),
            opening,
        )));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `KUBECONFIG` has to name for this server to be the cluster.
    pub fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "it", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "it", "user": {}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "current-context": "it",
        })
        .to_string()
    }

    /// What lists of this path hold from now on.
    pub fn list(&self, path: &str, objects: &[Value], version: u32) {
        self.desk.list_answers.lock().remove(path);
        self.desk
            .lists
            .lock()
            .insert(path.to_owned(), (objects.to_vec(), version));
    }

    /// How everything but watches of this path is answered from now on.
    pub fn answer_lists(&self, path: &str, answer: Answer) {
        self.desk
            .list_answers
            .lock()
            .insert(path.to_owned(), answer);
    }

    /// How watches of this path are answered from now on.
    pub fn answer_watches(&self, path: &str, answer: Answer) {
        self.desk
            .watch_answers
            .lock()
            .insert(path.to_owned(), answer);
    }

    /// The next continued page finds its token expired.
    pub fn expire_next_page(&self) {
        *self.desk.expire_next_page.lock() = true;
    }

    /// The next watch that is opened.
    pub async fn next_watch(&self) -> Watch {
        self.opened.lock().await.recv().await.unwrap()
    }

    /// Waits for any request.
    pub async fn expect_request(&self) {
        self.desk.requested.notified().await;
    }

    /// Everything but watches that was asked for, in order.
    pub fn lists(&self) -> Vec<Asked> {
        self.desk.listed.lock().clone()
    }

    /// How many watches were asked for.
    pub fn watches(&self) -> usize {
        *self.desk.watched.lock()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Watch {
    /// Something happened to an object: `ADDED`, `MODIFIED`, `DELETED` and so on.
    pub fn event(&self, event: &str, object: &Value) {
        self.raw(&format!("{}\n", json!({"type": event, "object": object})));
    }

    /// Whatever this is.
    pub fn raw(&self, text: &str) {
        let _ = self.lines.send(Ok(Bytes::copy_from_slice(text.as_bytes())));
    }

    /// As a server does when the time is over.
    pub fn end(self) {
        drop(self);
    }

    /// As a server does that dies.
    pub fn cut(self) {
        let _ = self
            .lines
            .send(Err(std::io::Error::other("cut by the test")));
    }

    /// Leaves it open until the server stops.
    pub fn keep(self) {
        self.desk.kept.lock().push(self.lines.clone());
    }

    /// What was asked.
    pub fn request(&self) -> &Asked {
        &self.asked
    }

    /// A parameter of the query, or nothing.
    pub fn parameter(&self, name: &str) -> &str {
        self.asked.parameter(name)
    }

    /// What is watched.
    pub fn path(&self) -> &str {
        self.asked.path()
    }
}

impl Asked {
    fn of(request: &Request<Incoming>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
        Self {
            path: request.uri().path().to_owned(),
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), decode(value)))
                .collect(),
        }
    }

    /// The path, without its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A parameter of the query, or nothing.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}

/// What a form encodes: `+` and `%xx`.
fn decode(value: &str) -> String {
    let value = value.replace('+', " ");
    let mut parts = value.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        decoded.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
        decoded.push_str(&part[2..]);
    }
    decoded
}

/// A socket with this address, which it shares with sockets of this user that say so as well.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

fn listening(address: SocketAddr) -> TcpListener {
    bound(address).listen(1024).unwrap()
}

async fn serve(listener: TcpListener, desk: Arc<Desk>, opening: mpsc::UnboundedSender<Watch>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (desk, opening) = (Arc::clone(&desk), opening.clone());
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let (desk, opening) = (Arc::clone(&desk), opening.clone());
                async move { Ok::<_, Infallible>(answer(Asked::of(&request), desk, &opening).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(asked: Asked, desk: Arc<Desk>, opening: &mpsc::UnboundedSender<Watch>) -> Reply {
    desk.requested.notify_waiters();
    if asked.parameter("watch") == "true" {
        *desk.watched.lock() += 1;
        let answer = desk.watch_answers.lock().get(&asked.path).cloned();
        return match answer.unwrap_or(Answer::Stream) {
            Answer::Stream => {
                let (lines, stream) = mpsc::unbounded_channel();
                let _ = opening.send(Watch { asked, lines, desk });
                Response::new(Stream(stream).boxed_unsync())
            }
            other => fixed(other).await,
        };
    }
    desk.listed.lock().push(asked.clone());
    let answer = desk.list_answers.lock().get(&asked.path).cloned();
    match answer {
        Some(answer) => fixed(answer).await,
        None => page(&asked, &desk),
    }
}

async fn fixed(answer: Answer) -> Reply {
    match answer {
        Answer::Status(code, message) => reply(
            code,
            json!({"kind": "Status", "status": "Failure", "code": code, "message": message})
                .to_string(),
        ),
        Answer::Body(text) => reply(200, text.into_owned()),
        Answer::Stream | Answer::Silence => std::future::pending().await,
    }
}

fn page(asked: &Asked, desk: &Desk) -> Reply {
    let lists = desk.lists.lock();
    let Some((objects, version)) = lists.get(&asked.path) else {
        return reply(404, "404 page not found\n".to_owned());
    };
    let start: usize = asked.parameter("continue").parse().unwrap_or_default();
    if start > 0 && std::mem::take(&mut *desk.expire_next_page.lock()) {
        return reply(
            410,
            json!({"kind": "Status", "code": 410, "reason": "Expired"}).to_string(),
        );
    }
    let limit: usize = asked.parameter("limit").parse().unwrap_or(usize::MAX);
    let end = objects.len().min(start.saturating_add(limit));
    let more = if end < objects.len() {
        end.to_string()
    } else {
        String::new()
    };
    let metadata = json!({"resourceVersion": version.to_string(), "continue": more});
    reply(
        200,
        json!({"kind": "List", "metadata": metadata, "items": objects[start..end]}).to_string(),
    )
}

fn reply(code: u16, text: String) -> Reply {
    let body = http_body_util::Full::new(Bytes::from(text)).map_err(|never| match never {});
    let mut reply = Response::new(body.boxed_unsync());
    *reply.status_mut() = StatusCode::from_u16(code).unwrap();
    reply
}

/// Lines as the test sends them.
struct Stream(mpsc::UnboundedReceiver<std::io::Result<Bytes>>);

impl Body for Stream {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        self.0
            .poll_recv(context)
            .map(|line| line.map(|line| line.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn the_port_of_a_stopped_server_is_nobody_elses() {
        let mut server = Server::start();
        server.stop().await;
        let refused = TcpStream::connect(server.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let taken = TcpListener::bind(server.address()).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        server.restart();
        TcpStream::connect(server.address()).await.unwrap();
    }
}
