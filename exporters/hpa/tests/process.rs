//! The binary, running.

#![expect(
    clippy::unwrap_used,
    reason = "a binary that does not start is a failed test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take that is waited for; a busy machine is no finding.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);

/// An exporter on a fixture. It is killed when this goes.
struct Exporter {
    address: String,
    child: Child,
}

impl Exporter {
    fn on(fixture: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hpa-exporter"))
            .arg(format!(
                "--source=files:{}/tests/fixtures/{fixture}",
                env!("CARGO_MANIFEST_DIR")
            ))
            .arg("--web.listen-address=127.0.0.1:0")
            .env_clear()
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

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn once_it_is_ready_the_page_has_every_autoscaler_though_no_file_changes() {
    let exporter = Exporter::on("maximum");
    let until = Instant::now() + PATIENCE;
    while !exporter.get("/readyz").starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < until, "{}", exporter.get("/readyz"));
        sleep(POLL);
    }
    let page = exporter.get("/metrics");
    let count = "hpa_decision_exporter_autoscalers{} 1";
    assert!(page.contains(count), "{page}");
}

fn explained(arguments: &[&str]) -> (Option<i32>, String, String) {
    let source = concat!(
        "files:",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/maximum"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_hpa-exporter"))
        .args(["explain", "--source", source, "-n", "sre-demo"])
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

#[test]
fn explain_answers_in_words_and_as_json_and_says_whom_it_does_not_know() {
    let (code, answer, _) = explained(&["frontend"]);
    assert_eq!(code, Some(0));
    assert!(
        answer.contains("\nWants 8, gets 5: max 5; unmet 3.\n  cpu 100 % of 50 % proposes 8;"),
        "{answer}"
    );
    let (code, json, _) = explained(&["frontend", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, json["answer"].as_str()), (Some(0), Some(&*answer)));
    let (code, answer, error) = explained(&["nobody"]);
    assert_eq!((code, &*answer), (Some(1), ""));
    assert_eq!(
        error.trim_end(),
        "there is no autoscaler nobody in namespace sre-demo"
    );
}
