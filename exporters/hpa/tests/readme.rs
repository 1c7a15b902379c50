//! The README's table of metrics is what a running exporter's page says, and where dashboards and alerts show it.
//!
//! `UPDATE_README=1 cargo test -p hpa-exporter --test readme` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hpa_exporter::metrics::table::FAMILIES;

const MARK: &str = "<!-- metrics -->";

/// Why a metric of the page is in no dashboard and no alert.
const UNSEEN: &str = "the page alone";

struct Family {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page with every family on it: a file source with an autoscaler in it, and a web configuration.
fn page() -> String {
    let folder = tempfile::tempdir().unwrap();
    let objects = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/maximum/objects.yaml");
    let web = folder.path().join("web.yml");
    std::fs::write(&web, "http_server_config: {http2: false}\n").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hpa-exporter"))
        .arg("--web.listen-address=127.0.0.1:0")
        .arg(format!("--source=files:{}", objects.display()))
        .arg(format!("--web.config.file={}", web.display()))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let exporter = Exporter(child);
    let mut address = None;
    let mut line = String::new();
    while !line.contains("the first lists are in") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the exporter ended");
        if let Some((_, rest)) = line.split_once("msg=listening address=") {
            address = rest.split_whitespace().next().map(str::to_owned);
        }
    }
    // Findings follow the lists within a second.
    std::thread::sleep(Duration::from_secs(2));
    let mut stream = TcpStream::connect(address.expect("it listens")).unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    drop(exporter);
    page
}

fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut helps = BTreeMap::new();
    for line in page.lines() {
        let comment = |mark| {
            line.strip_prefix(mark)
                .and_then(|rest: &str| rest.split_once(' '))
        };
        if let Some((name, help)) = comment("# HELP ") {
            helps.insert(name, help.trim_end_matches('.'));
        } else if let Some((name, kind)) = comment("# TYPE ") {
            let help = helps.get(name).copied().unwrap_or_default().to_owned();
            let (kind, labels) = (kind.to_owned(), BTreeSet::new());
            families.insert(name.to_owned(), Family { kind, help, labels });
        } else if let Some((name, rest)) = line.split_once('{') {
            let labels = rest
                .rsplit_once('}')
                .map_or("", |(labels, _)| labels)
                .split(',');
            let labels = labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            if let Some(family) = families.get_mut(name) {
                family.labels.extend(labels);
            }
        }
    }
    families
}

/// The families of our own table have their labels from there: a page need not have a series of each.
fn with_own(mut families: BTreeMap<String, Family>) -> BTreeMap<String, Family> {
    for own in FAMILIES {
        let labels = own.labels.names().into_iter().map(str::to_owned).collect();
        let (kind, help) = (own.kind.as_str().to_owned(), own.help.to_owned());
        families.insert(own.name.to_owned(), Family { kind, help, labels });
    }
    families
}

fn mentions(path: &str, name: &str) -> bool {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    let in_a_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, rest) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(in_a_name) && !rest.starts_with(in_a_name)
    })
}

fn seen_in(name: &str) -> String {
    let places = [
        ("dashboard", "dashboards/hpa.json"),
        ("alerts", "alerts/hpa.yaml"),
    ];
    let places: Vec<&str> = places
        .into_iter()
        .filter(|(_, path)| mentions(path, name))
        .map(|(place, _)| place)
        .collect();
    if places.is_empty() {
        return UNSEEN.to_owned();
    }
    places.join(", ")
}

fn table() -> String {
    let mut table =
        String::from("\n| metric | type | labels | meaning | seen in |\n|---|---|---|---|---|\n");
    for (name, Family { kind, help, labels }) in with_own(families(&page())) {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (help, labels, seen) = (help.replace('|', "\\|"), labels.join(" "), seen_in(&name));
        let _ = writeln!(table, "| `{name}` | {kind} | {labels} | {help} | {seen} |");
    }
    table
}

#[test]
fn the_readme_lists_every_metric_of_the_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let parts: Vec<&str> = readme.split(MARK).collect();
    let [before, written, after] = parts[..] else {
        panic!("README.md has no two {MARK}")
    };
    let table = table();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, [before, MARK, &table, MARK, after].concat()).unwrap();
        return;
    }
    assert!(
        written == table,
        "README.md is not what the page says; UPDATE_README=1 writes it anew:\n{table}"
    );
}
