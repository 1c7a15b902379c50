//! The demo as a newcomer runs it: with and without its fault, on taken ports, and killed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The day itself takes 90 s at most; a machine that does other things takes its time to start and to stop.
const WITHIN: Duration = Duration::from_secs(150);

/// The programs that there are claims about.
const COMPONENTS: [&str; 3] = ["grpc-health-exporter", "hpa-exporter", "netpol-exporter"];

/// Ends a demo that a failed test leaves behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The exit code, the rows as (claim, status), and all that was printed, for a failure's message.
fn played(arguments: &[&str]) -> (Option<i32>, Vec<(String, String)>, String) {
    let begun = Instant::now();
    let Output {
        status,
        stdout,
        stderr,
    } = demo(arguments).output().unwrap();
    let output = String::from_utf8(stdout).unwrap();
    let shown = format!("{output}\n{}", String::from_utf8_lossy(&stderr));
    assert!(begun.elapsed() < WITHIN, "{:?}\n{shown}", begun.elapsed());
    let rows: Vec<Value> = serde_json::from_str(&output).unwrap_or_else(|error| {
        panic!("{error}: {shown}");
    });
    let rows = rows.iter().map(|row| {
        let keys: Vec<_> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["claim", "component", "evidence", "status"]);
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        assert!(COMPONENTS.contains(&text("component").as_str()), "{row}");
        assert!(!text("evidence").is_empty());
        (text("claim"), text("status"))
    });
    (status.code(), rows.collect(), shown)
}

#[test]
fn every_claim_holds_on_the_day_as_it_is_told() {
    let (code, rows, shown) = played(&["--once", "--json"]);
    assert!(rows.len() >= 31, "{shown}");
    assert!(rows.iter().all(|(_, status)| status == "ok"), "{shown}");
    assert_eq!(code, Some(0), "{shown}");
}

#[test]
fn without_the_fault_the_claims_about_it_fail_and_the_others_hold() {
    let (code, rows, shown) = played(&["--once", "--json", "--without-fault"]);
    let failed: Vec<&str> = rows
        .iter()
        .filter(|(_, status)| status == "failed")
        .map(|(claim, _)| claim.as_str())
        .collect();
    assert_eq!(
        failed,
        [
            "little headroom was announced before the first probe failed",
            "an answer after the budget is a failure, as the kubelet judges it",
            "the slow phase is named: SETTINGS and rpc, not the connection",
            "attempts are measured beyond the budget, to their end",
            "failures in a row were shown before the would-be kill",
            "the kill that the kubelet would have decided on is counted",
            "the replay says which budget would have held",
            "under it the same slowness fails and kills no more",
            "the load doubles: the wish passes the maximum, and what is cut is told",
            "the day's two policies cut 15 of the 16 calls inside the shop, and the policy to blame is named",
            "agents see the same 15 cut, and no other",
            "a network that does not enforce the policies is found out: the same 15 are enforcement gaps",
            "emailservice's policy with the Service's port cuts one call alone, and the hint names the right port",
            "cartservice's process stops: both calls to it are app_down, and no policy is blamed",
            "how long the network took to follow is measured",
        ],
        "{shown}"
    );
    assert_eq!(code, Some(1), "{shown}");
}

#[test]
fn taken_ports_are_named_and_replaced_and_nothing_outlives_the_demo() {
    // Whoever has them: these listeners, or the demo of another test.
    let _taken = ["127.0.0.1:9601", "127.0.1.2:7070", "127.0.1.9:8080"].map(TcpListener::bind);
    let mut demo = Running(demo(&[]).spawn().unwrap());
    let output = BufReader::new(demo.0.stdout.take().unwrap());
    let mut notes = Vec::new();
    let mut address = None;
    for line in output.lines() {
        let line = line.unwrap();
        if let Some((_, rest)) = line.split_once("metrics http://") {
            address = rest
                .split_once("/metrics")
                .map(|(address, _)| address.to_owned());
            break;
        }
        notes.push(line);
    }
    let notes = notes.join("\n");
    for part in [
        "127.0.0.1:9601 is taken: grpc-health-exporter is at 127.0.0.1:",
        "127.0.1.2:7070 is taken: cartservice is at 127.0.1.2:",
        "127.0.1.9:8080 is taken: emailservice is at 127.0.1.9:",
    ] {
        assert!(notes.contains(part), "{part}\n{notes}");
    }
    let address = address.unwrap();
    assert_ne!(address, "127.0.0.1:9601");
    assert!(TcpStream::connect(&address).is_ok(), "{address}");

    // Killed, it has no say in what becomes of its processes.
    demo.0.kill().unwrap();
    demo.0.wait().unwrap();
    let (_, rest) = notes.split_once("cartservice is at ").unwrap();
    let (cartservice, _) = rest.split_once(" instead").unwrap();
    let begun = Instant::now();
    for address in [&address, cartservice] {
        while TcpStream::connect(address).is_ok() {
            let patience = Duration::from_secs(20);
            assert!(begun.elapsed() < patience, "{address} lives on");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn flags_that_contradict_are_refused_before_anything_starts() {
    let output = demo(&["--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--once"));
}
