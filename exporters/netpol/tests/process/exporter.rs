//! The binary, running.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take that is waited for; a busy machine is no finding.
const PATIENCE: Duration = Duration::from_mins(1);

/// An exporter on a folder of its own. It is killed when this goes.
pub(crate) struct Exporter {
    pub(crate) folder: tempfile::TempDir,
    address: SocketAddr,
    child: Child,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn platform(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../manifests/platform")
        .join(name)
}

/// Waits until it holds.
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come true");
        thread::sleep(Duration::from_millis(50));
    }
}

impl Exporter {
    /// Starts it on a folder with these files, with its own flags, and waits until it is ready.
    pub(crate) fn start(files: &[(&str, &str)], flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_netpol-exporter"))
            .arg("--web.listen-address=127.0.0.1:0")
            .arg(format!("--source=files:{}", folder.path().display()))
            .args(flags)
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = log.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once(" address=")?;
            rest.split(' ').next()?.parse().ok()
        });
        // Nobody reads on, and it must not wait for that.
        thread::spawn(move || log.for_each(drop));
        let exporter = Self {
            folder,
            address: address.expect("it says where it listens"),
            child,
        };
        until("readiness", || {
            (exporter.get("/readyz").status == 200).then_some(())
        });
        exporter
    }

    /// Writes a file into its folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ))
    }

    pub(crate) fn post(&self, path: &str, token: Option<&str>, body: &str) -> Answer {
        let token = token.map_or_else(String::new, |it| format!("Authorization: Bearer {it}\r\n"));
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{token}Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A server that has heard enough answers before all is said.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn flows(&self) -> Vec<Value> {
        serde_json::from_str(&self.get("/flows.json").body).unwrap()
    }

    /// How many required flows are in a state.
    pub(crate) fn in_state(&self, state: &str) -> usize {
        let flows = self.flows();
        flows.iter().filter(|it| it["state"] == state).count()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
