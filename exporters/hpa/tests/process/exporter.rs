//! An exporter, and what it says over HTTP.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take that is waited for; a busy machine is no finding.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// What one of the exporter's commands came to: its exit code, its answer and what it complained of.
pub(crate) fn run<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hpa-exporter"))
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A running exporter. It is killed when this goes.
pub(crate) struct Exporter {
    address: String,
    child: Child,
}

impl Exporter {
    pub(crate) fn on_fixture(fixture: &str) -> Self {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        Self::on_files(&Path::new(fixtures).join(fixture))
    }

    pub(crate) fn on_files(path: &Path) -> Self {
        Self::start(
            Command::new(env!("CARGO_BIN_EXE_hpa-exporter"))
                .env_clear()
                .arg(format!("--source=files:{}", path.display())),
        )
    }

    /// On the cluster that this file names.
    pub(crate) fn on_cluster(kubeconfig: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hpa-exporter"));
        Self::start(
            command
                .env_clear()
                .env("KUBECONFIG", kubeconfig)
                .args(flags),
        )
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = log
            .find(|line| line.as_ref().unwrap().contains("msg=listening"))
            .unwrap()
            .unwrap();
        let address = line.split_once("address=").unwrap().1;
        let address = address.split(' ').next().unwrap().to_owned();
        // Nobody else reads it, and a full pipe would stop the program.
        std::thread::spawn(move || log.for_each(drop));
        Self { address, child }
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// What it answers to a path, once that holds this.
    pub(crate) fn once(&self, path: &str, holds: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path);
            if answer.contains(holds) {
                return answer;
            }
            assert!(Instant::now() < until, "{path}: {answer}");
            sleep(POLL);
        }
    }

    /// The value of the one series of this name with all of these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let page = self.get("/metrics");
        let mut series = page.lines().filter(|line| {
            line.split('{').next() == Some(name)
                && labels
                    .iter()
                    .all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
        });
        let found = series.next()?;
        assert_eq!(series.next(), None, "beside {found}");
        found.rsplit(' ').next()?.parse().ok()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
