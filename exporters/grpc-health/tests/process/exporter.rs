//! The binary, running or run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use shop::{Load, Place, Role, Running};
use socket2::{Domain, Socket, Type};

/// How long anything may take that is waited for; a busy machine is no finding.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

const BINARY: &str = env!("CARGO_BIN_EXE_grpc-health-exporter");

/// An exporter on a folder of its own. It is killed when this goes.
pub(crate) struct Exporter {
    pub(crate) address: SocketAddr,
    pub(crate) pods: PathBuf,
    child: Child,
    _folder: tempfile::TempDir,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    run_on("", arguments)
}

/// Runs the binary to its end, with this to read.
pub(crate) fn run_on(input: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(BINARY)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub(crate) fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Starts a healthy cartservice on a free port.
pub(crate) async fn cartservice() -> Running {
    let anywhere = Place::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    let settings = shop::Settings {
        role: Role::CartService,
        listen: Some(anywhere),
        admin: anywhere,
        callees: std::collections::BTreeMap::default(),
        load: Load::default(),
        redis_server: None,
    };
    Running::start(settings).await.unwrap()
}

/// Where a role listens.
pub(crate) fn address(running: &Running) -> SocketAddr {
    running.listen().unwrap().actual
}

/// A server that completes connections and never says a word.
pub(crate) fn silent() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Where nobody listens. The socket keeps others from listening there.
pub(crate) fn nobody() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A pod with a liveness probe at this address, each second.
pub(crate) fn pod(name: &str, address: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  containers:\n  - name: server\n    \
         livenessProbe: {{periodSeconds: 1, grpc: {{port: {}}}}}\nstatus: {{phase: Running, podIP: {}}}\n",
        address.port(),
        address.ip()
    )
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
    /// Starts it on a folder with these files, and waits until it is ready.
    pub(crate) fn start(files: &[(&str, &str)], flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut child = Command::new(BINARY)
            .arg("--web.listen-address=127.0.0.1:0")
            .arg(format!("--source=files:{}", folder.path().display()))
            .args(flags)
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = log
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once(" address=")?
                    .1
                    .split(' ')
                    .next()?
                    .parse()
                    .ok()
            })
            .expect("it says where it listens");
        // Nobody reads on, and it must not wait for that.
        thread::spawn(move || log.for_each(drop));
        let exporter = Self {
            address,
            pods: folder.path().to_owned(),
            child,
            _folder: folder,
        };
        until("the first list", || {
            (exporter.get("/readyz").status == 200).then_some(())
        });
        exporter
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(path, &[])
    }

    pub(crate) fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(self.address, path, headers)
    }

    /// The page's lines that hold all these parts.
    pub(crate) fn series(&self, parts: &[&str]) -> Vec<String> {
        let page = self.get("/metrics").text();
        let wanted = |line: &&str| parts.iter().all(|part| line.contains(part));
        page.lines()
            .filter(|line| !line.starts_with('#'))
            .filter(wanted)
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Gone already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = |line: &&str| {
            line.split_once(':')
                .is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
        };
        let line = self.head.lines().find(found)?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    /// The value of a series without labels.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        let text = self.text();
        let line = text.lines().find(|line| {
            line.split_once(' ')
                .is_some_and(|(series, _)| series == name)
        })?;
        line.split_once(' ')?.1.parse().ok()
    }
}

/// A GET of HTTP/1.0: the body ends with the connection.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let headers: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let headers = headers.concat();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let head = words(&answer[..end]);
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: answer[end + 4..].to_vec(),
        head,
    }
}

/// A path for an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}
