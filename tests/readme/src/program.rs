//! A program, started to be scraped once.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Ends it, whatever comes of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an exporter of ours on these objects, and scrapes its page once its log has said `ready`. With a web configuration, so that
/// every family is on the page.
///
/// # Panics
///
/// If it cannot be started, ends before, or cannot be scraped.
pub fn scrape(exporter: &str, objects: &str, ready: &str) -> String {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("a folder: {error}"));
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path.display().to_string()
    };
    let objects = path("objects.yaml", objects);
    let web = path("web.yml", "http_server_config: {http2: false}\n");
    let mut child = Command::new(exporter)
        .arg(format!("--source=files:{objects}"))
        .arg(format!("--web.config.file={web}"))
        .arg("--web.listen-address=127.0.0.1:0")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{exporter}: {error}"));
    let log = child.stderr.take().map(BufReader::new);
    let running = Running(child);
    let mut address = None;
    for line in log
        .into_iter()
        .flat_map(|it| it.lines().map_while(Result::ok))
    {
        if let Some((_, rest)) = line.split_once("msg=listening address=") {
            address = rest.split_whitespace().next().map(str::to_owned);
        }
        if line.contains(ready) {
            break;
        }
    }
    let address = address.unwrap_or_else(|| panic!("{exporter} does not listen"));
    let page = get(&address).unwrap_or_else(|error| panic!("{address}: {error}"));
    drop(running);
    page
}

fn get(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}
