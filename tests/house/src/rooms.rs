//! Invariant 3: small files with telling names, and the same rooms in every exporter.

use std::path::{Path, PathBuf};

use crate::rust_text::{lines_without_tests, shipped_code};
use crate::workspace::{MEMBERS, files, read, root, sources};

const MAIN_LINES: usize = 30;
const SOURCE_LINES: usize = 400;

/// Sources that are one table of facts from end to end.
const TABLES: [&str; 1] = ["tests/shop/src/role.rs"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = [
    "common", "helper", "helpers", "misc", "mod", "util", "utils",
];

fn has_empty_name(path: &Path) -> bool {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_owned();
    path.iter()
        .any(|part| EMPTY_NAMES.contains(&stem(&part.to_string_lossy()).as_str()))
}

/// The rooms drawn as an arrow in the crate's documentation: `//! watch -> model -> decide -> metrics`.
fn drawn(library: &str) -> Vec<&str> {
    let arrow = library
        .lines()
        .find(|line| line.starts_with("//!") && line.contains(" -> "));
    arrow.map_or_else(Vec::new, |line| {
        line.trim_start_matches("//!")
            .trim_matches(|it: char| it.is_whitespace() || it == '`')
            .split(" -> ")
            .collect()
    })
}

/// The modules that a source declares, in order.
fn declared(source: &str) -> Vec<String> {
    let code = shipped_code(source);
    code.lines()
        .filter_map(|line| {
            let line = line
                .trim()
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub ");
            line.strip_prefix("mod ")?
                .strip_suffix(';')
                .map(str::to_owned)
        })
        .collect()
}

#[test]
fn main_hands_over_in_thirty_lines() {
    for path in MEMBERS.into_iter().flat_map(sources) {
        if path.ends_with("src/main.rs") {
            let lines = read(&path).lines().count();
            assert!(lines <= MAIN_LINES, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn no_source_is_longer_than_four_hundred_lines_without_its_tests() {
    let long: Vec<(PathBuf, usize)> = MEMBERS
        .into_iter()
        .flat_map(sources)
        .map(|path| (path.clone(), lines_without_tests(&read(&path))))
        .filter(|(_, lines)| *lines > SOURCE_LINES)
        .filter(|(path, _)| TABLES.iter().all(|table| path != Path::new(table)))
        .collect();
    assert!(long.is_empty(), "too long: {long:?}");
}

#[test]
fn every_name_says_what_is_inside() {
    for folder in MEMBERS {
        for path in files(folder) {
            assert!(!has_empty_name(&path), "{} says nothing", path.display());
        }
    }
    assert!(has_empty_name(Path::new("crates/chassis/src/utils.rs")));
    assert!(has_empty_name(Path::new("crates/common/src/lib.rs")));
    assert!(!has_empty_name(Path::new("crates/chassis/src/model.rs")));
}

#[test]
fn an_exporter_declares_its_rooms_in_the_order_it_draws_them() {
    let libraries = sources("exporters")
        .into_iter()
        .filter(|path| path.ends_with("src/lib.rs"));
    for path in libraries {
        let library = read(&path);
        let (drawn, declared) = (drawn(&library), declared(&library));
        assert!(
            drawn.len() > 2,
            "{} draws no arrow of its rooms",
            path.display()
        );
        let rooms: Vec<&str> = declared
            .iter()
            .map(String::as_str)
            .filter(|name| drawn.contains(name))
            .collect();
        assert_eq!(
            rooms,
            drawn,
            "{}: declared and drawn differ (rustfmt sorts neighbours: a blank line between rooms keeps their order)",
            path.display()
        );
        let folder = root().join(&path);
        for room in drawn {
            assert!(
                folder.with_file_name(format!("{room}.rs")).is_file(),
                "{room} has no file"
            );
        }
    }
}

#[test]
fn the_arrow_and_the_modules_are_read_as_written() {
    let library = "//! Objects in, verdicts out.\n//!\n//! watch -> model -> metrics\n\npub mod config;\npub mod watch;\nmod model;\n#[cfg(test)]\nmod tests;\npub mod metrics;\n";
    assert_eq!(drawn(library), ["watch", "model", "metrics"]);
    assert_eq!(declared(library), ["config", "watch", "model", "metrics"]);
}
