//! An exporter that does as it is told: takes reports, answers what the test says.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reach::{Answer, DialId, Report, Sighting};

use crate::agent::PATIENCE;

pub(crate) struct Exporter {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    open: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    /// As bytes: not all of them are an answer.
    answer: Mutex<Vec<u8>>,
    token: Mutex<Option<String>>,
    reports: Mutex<Vec<Report>>,
}

impl Exporter {
    pub(crate) fn start(answer: &Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut exporter = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            open: Arc::default(),
        };
        exporter.answer(answer);
        exporter.listen(listener);
        exporter
    }

    pub(crate) fn flags(&self) -> Vec<String> {
        vec![format!("--exporter.url=http://{}", self.address)]
    }

    /// What it answers from now on. Told as a plan once, and then as none: so does the real one.
    pub(crate) fn answer(&self, answer: &Answer) {
        self.answer_bytes(serde_json::to_vec(answer).unwrap());
    }

    pub(crate) fn answer_bytes(&self, answer: Vec<u8>) {
        *self.state.answer.lock() = answer;
    }

    /// Only reports with this token are taken from now on.
    pub(crate) fn demand(&self, token: &str) {
        *self.state.token.lock() = Some(token.to_owned());
    }

    pub(crate) fn go_away(&mut self) {
        self.open.store(false, Ordering::SeqCst);
        // The listener only notices at the next connection.
        let _ = std::net::TcpStream::connect(self.address);
        self.state.reports.lock().clear();
    }

    pub(crate) fn come_back(&mut self) {
        self.listen(TcpListener::bind(self.address).unwrap());
    }

    /// The first report for which this holds, as soon as there is one.
    pub(crate) fn report(&self, holds: impl Fn(&Report) -> bool) -> Report {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(report) = self.state.reports.lock().iter().find(|it| holds(it)) {
                return report.clone();
            }
            let seen = self.state.reports.lock().len();
            assert!(Instant::now() < deadline, "no such report among {seen}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn sighting(&self, dial: DialId) -> Sighting {
        self.find(|sighting| sighting.dial == dial)
    }

    pub(crate) fn find(&self, holds: impl Fn(&Sighting) -> bool) -> Sighting {
        let report = self.report(|report| report.sightings.iter().any(&holds));
        report.sightings.into_iter().find(holds).unwrap()
    }

    /// Whom it was told that the application dials, and whether it was connected.
    pub(crate) fn peers(&self) -> BTreeMap<SocketAddr, bool> {
        let reports = self.state.reports.lock();
        let peers = reports.iter().flat_map(|report| &report.peers);
        peers.map(|it| (it.address, it.connected)).collect()
    }

    fn listen(&mut self, listener: TcpListener) {
        self.open = Arc::new(AtomicBool::new(true));
        let (state, open) = (Arc::clone(&self.state), Arc::clone(&self.open));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !open.load(Ordering::SeqCst) {
                    return;
                }
                let (state, open) = (Arc::clone(&state), Arc::clone(&open));
                // An agent that goes away is no error.
                thread::spawn(move || stream.and_then(|stream| serve(stream, &state, &open)));
            }
        });
    }
}

/// Requests one after the other on a connection.
pub(crate) fn serve_with<S: Read + Write>(
    mut stream: S,
    mut answer: impl FnMut(&str, &[u8]) -> Option<(u16, Vec<u8>)>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let length = stream.read(&mut chunk)?;
        if length == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&chunk[..length]);
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let body: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or_default();
            if bytes.len() < end + 4 + body {
                break;
            }
            let request: Vec<u8> = bytes.drain(..end + 4 + body).collect();
            let Some((status, said)) = answer(&head, &request[end + 4..]) else {
                return Ok(());
            };
            write!(
                stream,
                "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n",
                said.len()
            )?;
            stream.write_all(&said)?;
            stream.flush()?;
        }
    }
}

fn serve(stream: std::net::TcpStream, state: &State, open: &AtomicBool) -> io::Result<()> {
    serve_with(stream, |head, body| {
        if !open.load(Ordering::SeqCst) {
            return None;
        }
        assert!(
            head.starts_with("post /api/v1/reach http/1.1\r\n"),
            "{head}"
        );
        let token = state.token.lock().clone();
        let shown = head
            .lines()
            .find_map(|line| line.strip_prefix("authorization: bearer "));
        if token.is_some() && token.as_deref() != shown {
            return Some((401, b"this token is not known\n".to_vec()));
        }
        state
            .reports
            .lock()
            .push(serde_json::from_slice(body).unwrap());
        Some((200, state.answer.lock().clone()))
    })
}
