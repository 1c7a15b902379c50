//! A real Prometheus 3, with jobs of its own, for the length of a test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command as BlockingCommand, Stdio};
use std::time::Duration;

use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long anything may take that is waited for; a busy machine is no finding.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// What to scrape, and how.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// The value of the `job` label.
    pub name: &'static str,
    /// The target.
    pub target: SocketAddr,
    /// `metrics_path`.
    pub path: &'static str,
    /// `scrape_protocols`; none leaves Prometheus its own list.
    pub protocols: &'static [&'static str],
    /// `scrape_native_histograms`.
    pub native_histograms: bool,
}

/// A running Prometheus. It is killed, and its data removed, when this goes.
#[derive(Debug)]
pub struct Prometheus {
    /// Where its HTTP API is.
    pub address: SocketAddr,
    child: Child,
    directory: TempDir,
}

/// One element of an instant query's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// All labels, the name among them.
    pub labels: BTreeMap<String, String>,
    /// What it had at that instant.
    pub value: Value,
}

/// A sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A float.
    Float(f64),
    /// A native histogram, as the API shows it.
    Histogram(Json),
}

impl Prometheus {
    /// Prometheus 3 on this machine. An older one counts as none: it knows no `scrape_protocols`.
    #[must_use]
    pub fn program() -> Option<PathBuf> {
        let program = tools::program("prometheus")?;
        let printed = BlockingCommand::new(&program)
            .arg("--version")
            .output()
            .expect("it runs");
        let printed =
            String::from_utf8_lossy(&[printed.stdout, printed.stderr].concat()).into_owned();
        let major = printed
            .split("version ")
            .nth(1)
            .and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        if major.is_some_and(|major| major >= 3) {
            return Some(program);
        }
        let found = format!(
            "needs Prometheus 3 (tests/tools/build prometheus), found {}: {printed}",
            program.display()
        );
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{found}");
        let _told =
            io::Write::write_all(&mut io::stderr(), format!("skipped: {found}\n").as_bytes());
        None
    }

    /// Starts it with these jobs, scraping each second, and waits until it answers.
    pub async fn start(program: &Path, jobs: &[Job]) -> io::Result<Self> {
        let directory = TempDir::new()?;
        fs::write(directory.path().join("prometheus.yml"), config(jobs))?;
        // A file, not a pipe: nobody has to read on so that it can go on writing.
        let log = File::create(log_path(&directory))?;
        let child = Command::new(program)
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let mut prometheus = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            child,
            directory,
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = prometheus.log();
            if let (Some(address), true) = (
                listening(&log),
                log.contains("Server is ready to receive web requests"),
            ) {
                prometheus.address = address;
                return Ok(prometheus);
            }
            if let Some(status) = prometheus.child.try_wait()? {
                return Err(io::Error::other(format!(
                    "Prometheus ended with {status}: {log}"
                )));
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!(
                    "Prometheus does not get ready: {log}"
                )));
            }
            sleep(POLL).await;
        }
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_path(&self.directory)).unwrap_or_default()
    }

    /// The JSON `data` of an API path with its query; panics when the API calls it an error.
    pub async fn api(&self, path: &str) -> Json {
        let answer = self.get(path).await.expect("the API answers");
        let mut answer: Json = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].take()
    }

    /// An instant query.
    pub async fn query(&self, expression: &str) -> Vec<Series> {
        let data = self
            .api(&format!("/api/v1/query?query={}", escaped(expression)))
            .await;
        let result = data["result"].as_array().expect("a vector");
        result.iter().map(Series::from_json).collect()
    }

    /// The query's result once it is as wanted; panics, with what there was instead and what Prometheus logged, if it never is.
    pub async fn eventually(
        &self,
        expression: &str,
        wanted: impl Fn(&[Series]) -> bool,
    ) -> Vec<Series> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let result = self.query(expression).await;
            if wanted(&result) {
                return result;
            }
            assert!(
                Instant::now() < deadline,
                "{expression} is still {result:#?}; its log: {}",
                self.log()
            );
            sleep(POLL).await;
        }
    }

    /// Why a target is down, as Prometheus sees it; empty for one that is up. Not yet scraped targets are left out.
    pub async fn last_errors(&self) -> BTreeMap<String, String> {
        let data = self.api("/api/v1/targets?state=active").await;
        let targets = data["activeTargets"].as_array().expect("a list");
        let scraped = targets
            .iter()
            .filter(|target| target["health"] != "unknown");
        scraped
            .map(|target| (text(&target["labels"]["job"]), text(&target["lastError"])))
            .collect()
    }

    async fn get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        // HTTP/1.0: the body ends with the connection, and is not chunked.
        stream
            .write_all(format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).as_bytes())
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (_head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(body.to_owned())
    }
}

impl Series {
    /// A label's value, empty if it has none of that name.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The value, if it is a float.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self.value {
            Value::Float(value) => Some(value),
            Value::Histogram(_) => None,
        }
    }

    fn from_json(element: &Json) -> Self {
        let labels = element["metric"].as_object().expect("labels");
        let labels = labels
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        let value = match element["histogram"].get(1) {
            Some(histogram) => Value::Histogram(histogram.clone()),
            None => Value::Float(text(&element["value"][1]).parse().expect("a float")),
        };
        Self { labels, value }
    }
}

fn config(jobs: &[Job]) -> String {
    let mut config =
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n".to_owned();
    for Job {
        name,
        target,
        path,
        protocols,
        native_histograms,
    } in jobs
    {
        let protocols = if protocols.is_empty() {
            String::new()
        } else {
            format!(", scrape_protocols: {protocols:?}")
        };
        let written = writeln!(
            config,
            "- {{job_name: {name}, metrics_path: {path}, scrape_native_histograms: {native_histograms}{protocols}, \
             static_configs: [{{targets: ['{target}']}}]}}"
        );
        written.expect("a string takes everything");
    }
    config
}

/// The address in the log line that tells it: the flag had port 0.
fn listening(log: &str) -> Option<SocketAddr> {
    let line = log
        .lines()
        .find(|line| line.contains("msg=\"Listening on\""))?;
    line.split("address=")
        .nth(1)?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

fn log_path(directory: &TempDir) -> PathBuf {
    directory.path().join("prometheus.log")
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

/// Percent-encoded for a query.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() {
            escaped.push(byte.into());
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes everything");
        }
        escaped
    })
}
