//! The program under test, running.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Program {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

/// How it ended.
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
}

impl Program {
    /// Starts it on a free port and waits until it listens.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut all = vec!["--web.listen-address=127.0.0.1:0"];
        all.extend(flags);
        let program = Self::launch(&all, &[]);
        program.await_line("msg=listening");
        program
    }

    pub(crate) fn launch(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chassis-test-exporter"))
            .args(flags)
            .env_clear()
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let sink = Arc::clone(&log);
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sink.lock().push(line);
            }
        });
        Self {
            child,
            log,
            reader: Some(reader),
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(flags: &[&str]) -> End {
        Self::launch(flags, &[]).end()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listening("health_only=false")
    }

    pub(crate) fn health_address(&self) -> SocketAddr {
        self.listening("health_only=true")
    }

    fn listening(&self, which: &str) -> SocketAddr {
        let line = self.await_line(which);
        let (_, rest) = line.split_once(" address=").unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    }

    /// The first line of the log with this in it, as soon as it is there.
    pub(crate) fn await_line(&self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.log.lock().iter().find(|line| line.contains(part)) {
                return line.clone();
            }
            assert!(
                Instant::now() < deadline,
                "`{part}` is not in the log:\n{}",
                self.log.lock().join("\n")
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn count_lines(&self, part: &str) -> usize {
        self.log
            .lock()
            .iter()
            .filter(|line| line.contains(part))
            .count()
    }

    /// The niceness of its first thread, and those of all others.
    pub(crate) fn niceness(&self) -> (i32, Vec<i32>) {
        let id = self.child.id();
        let of = |thread: &str| -> i32 {
            let path = format!("/proc/{id}/task/{thread}/stat");
            let stat = std::fs::read_to_string(path).unwrap();
            // The 19th field of proc(5); the second is the name, which may hold spaces.
            let (_, behind_name) = stat.rsplit_once(") ").unwrap();
            behind_name.split(' ').nth(16).unwrap().parse().unwrap()
        };
        let first = id.to_string();
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let names = threads.map(|thread| thread.unwrap().file_name().into_string().unwrap());
        let others = names.filter(|name| *name != first).map(|name| of(&name));
        (of(&first), others.collect())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn end(mut self) -> End {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    panic!("still running:\n{}", self.log.lock().join("\n"))
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        self.reader.take().unwrap().join().unwrap();
        End {
            code: status.code(),
            log: self.log.lock().join("\n"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
