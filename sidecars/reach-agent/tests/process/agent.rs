//! The program under test, running.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts it as frontend-1's agent, which may dial on loopback, and waits until it listens.
    pub(crate) fn start(flags: &[String]) -> Self {
        let mut all = flags.to_vec();
        all.push("--dial.allow=127.0.0.0/8".to_owned());
        Self::without_loopback(&all)
    }

    /// The same, and it may dial what the flags say.
    pub(crate) fn without_loopback(flags: &[String]) -> Self {
        let mut child = command()
            .args(["--pod.namespace=sre-demo", "--pod.name=frontend-1"])
            .arg("--web.listen-address=127.0.0.1:0")
            .args(flags)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = log.find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("msg=listening address=")?;
            rest.split(' ').next()?.parse().ok()
        });
        thread::spawn(move || log.for_each(drop));
        let address = address.expect("it listens");
        Self { child, address }
    }

    pub(crate) fn page(&self) -> String {
        self.get("/metrics")
    }

    pub(crate) fn status(&self, path: &str) -> u16 {
        self.get(path).split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Waits for a page with this in it.
    pub(crate) fn await_page(&self, part: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = self.page();
            if page.contains(part) {
                return;
            }
            assert!(Instant::now() < deadline, "{part} is not in\n{page}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it to its end: its exit code and what it said.
pub(crate) fn run(flags: &[&str]) -> (Option<i32>, String) {
    let output = command().args(flags).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reach-agent"));
    command
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}
