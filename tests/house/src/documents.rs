//! Documents: links lead somewhere, and nothing tells of the machine it was written on.

use std::path::{Path, PathBuf};

use crate::workspace::{files, files_of, read, root};

/// Traces of a machine; put together here so that this file does not have them.
const TRACES: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("../sha", "red/"),
    concat!("proxy.gol", "ang.org"),
    concat!("index.crates", ".io"),
];

/// The targets of a Markdown text's links, without those to elsewhere.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("](") {
        let target = text[at + 2..].split([')', ' ']).next().unwrap_or_default();
        let path = target.split('#').next().unwrap_or_default();
        if !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:") {
            found.push(path.to_owned());
        }
    }
    found
}

fn traces(text: &str) -> Vec<&'static str> {
    TRACES
        .into_iter()
        .filter(|trace| text.contains(trace))
        .collect()
}

/// Everything that could be committed, and is text.
fn texts() -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| {
        Some((
            path.clone(),
            std::fs::read_to_string(root().join(&path)).ok()?,
        ))
    };
    files("").into_iter().filter_map(read).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    for path in files_of("", "md") {
        for link in links(&read(&path)) {
            let target = root().join(&path).with_file_name("").join(&link);
            assert!(target.exists(), "{} links to {link}", path.display());
        }
    }
}

#[test]
fn nothing_tells_of_the_machine_it_was_written_on() {
    for (path, text) in texts() {
        assert_eq!(traces(&text), [""; 0], "{}", path.display());
    }
}

#[test]
fn links_and_traces_are_seen() {
    let text =
        "See [a](docs/a.md#part), [b](https://example.org/b) and ![c](c.svg \"C\"); [d](#here).";
    assert_eq!(links(text), ["docs/a.md", "c.svg"]);
    assert_eq!(traces(concat!("cd /wo", "rk/main")), [TRACES[0]]);
    assert!(
        texts()
            .iter()
            .any(|(path, _)| path == Path::new("Cargo.toml"))
    );
}
