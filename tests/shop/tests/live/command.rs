//! Roles as processes of their own.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::client::{check, http};

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shop"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }

    /// The exit code after SIGTERM, and what was said on standard error.
    async fn terminate(mut self) -> (Option<i32>, String) {
        let id = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        self.end().await
    }

    async fn end(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .await
            .unwrap();
        (self.child.wait().await.unwrap().code(), said)
    }
}

fn address(value: &Value) -> SocketAddr {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn roles_as_processes_find_each_other_by_upstreams_variables_and_end_on_sigterm() {
    let anywhere = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut redis = Process::start(&[&["--role", "redis-cart"], &anywhere[..]].concat());
    let redis_line = redis.line().await;
    let variable = format!("REDIS_ADDR={}", address(&redis_line["listen"]));
    let mut cart = Process::start(
        &[
            &["--role", "cartservice", "--env", &variable],
            &anywhere[..],
        ]
        .concat(),
    );
    let line = cart.line().await;
    assert_eq!(line["role"], "cartservice");
    assert_eq!(check(address(&line["listen"]), "").await.unwrap(), 1);
    let (status, _) = http(
        address(&line["admin"]),
        "PUT",
        "/faults",
        r#"{"health":"not_serving"}"#,
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(check(address(&line["listen"]), "").await.unwrap(), 2);
    assert_eq!(cart.terminate().await.0, Some(0));
    assert_eq!(redis.terminate().await.0, Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_another_one_used() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let mut shop = Process::start(&[
        "--role",
        "cartservice",
        "--listen",
        &taken,
        "--admin",
        "127.0.0.1:0",
    ]);
    let line = shop.line().await;
    let actual = address(&line["listen"]);
    assert_ne!(actual.to_string(), taken);
    assert_eq!(check(actual, "").await.unwrap(), 1);
    let (code, said) = shop.terminate().await;
    assert_eq!(code, Some(0));
    assert!(
        said.contains(&format!(
            "cartservice: {taken} is taken, {actual} is used instead"
        )),
        "{said}"
    );
}

#[tokio::test]
async fn all_twelve_start_in_one_process_and_write_their_manifests() {
    let folder = tempfile::tempdir().unwrap();
    let pods = folder.path().join("pods");
    let mut shop = Process::start(&["--all", "--rate", "0", "--pods", pods.to_str().unwrap()]);
    let mut frontend = None;
    for role in shop::Role::ALL {
        let line = shop.line().await;
        assert_eq!(line["role"], role.name());
        frontend =
            frontend.or_else(|| (role == shop::Role::Frontend).then(|| address(&line["listen"])));
    }
    assert_eq!(http(frontend.unwrap(), "GET", "/", "").await.0, 200);
    assert_eq!(std::fs::read_dir(&pods).unwrap().count(), 12);
    assert_eq!(shop.terminate().await.0, Some(0));
}

#[tokio::test]
async fn many_targets_are_listed_one_a_line() {
    let mut shop = Process::start(&[
        "--many",
        "5",
        "--silent-share",
        "0.2",
        "--listen",
        "127.0.2.1:0",
    ]);
    let mut silent = 0;
    for _ in 0..5 {
        let line = shop.line().await;
        if line["silent"] == true {
            silent += 1;
        } else {
            assert_eq!(check(address(&line["target"]), "").await.unwrap(), 1);
        }
    }
    assert_eq!(silent, 1);
    assert_eq!(shop.terminate().await.0, Some(0));
}

#[tokio::test]
async fn a_callee_whose_name_is_not_known_yet_is_waited_for_and_sigterm_ends_the_wait() {
    let mut shop = Process::start(&[
        "--role",
        "cartservice",
        "--env",
        "REDIS_ADDR=redis-cart.invalid:6379",
    ]);
    let mut said = BufReader::new(shop.child.stderr.take().unwrap()).lines();
    let line = said.next_line().await.unwrap().unwrap();
    assert!(
        line.contains("REDIS_ADDR=redis-cart.invalid:6379"),
        "{line}"
    );
    let id = Pid::from_raw(shop.child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(shop.child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_says_what_is_wrong() {
    for (arguments, part) in [
        (&["--role", "cart"][..], "cartservice"),
        (&[], "--role"),
        (&["--role", "cartservice", "--all"], "--all"),
        (&["--role", "cartservice", "--env", "REDIS=1"], "REDIS_ADDR"),
        (
            &["--role", "cartservice", "--env", "REDIS_ADDR=nowhere"],
            "REDIS_ADDR=nowhere",
        ),
        (&["--many", "2", "--silent-share", "3"], "from 0 to 1"),
        (&["--many", "2", "--listen", "10.0.0.1:0"], "127.0.0.0/8"),
        (&["--all", "--rate=-1"], "rate"),
    ] {
        let (code, said) = Process::start(arguments).end().await;
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}
