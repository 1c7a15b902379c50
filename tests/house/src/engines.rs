//! Invariant 1: an engine has no I/O, no async, no clock, no Kubernetes types.

use std::collections::BTreeSet;

use crate::rust_text::{shipped_code, words};
use crate::workspace::{members, read, sources};

/// What an engine may be built from: data and its errors.
const ALLOWED: [&str; 5] = ["ipnet", "promql-parser", "serde", "smallvec", "thiserror"];

/// Words that only a program with a clock, a runtime or a cluster needs.
const FORBIDDEN_WORDS: [&str; 9] = [
    "Instant",
    "SystemTime",
    "async",
    "await",
    "chrono",
    "k8s_openapi",
    "kube",
    "rand",
    "tokio",
];

/// Modules of the standard library that reach outside. Addresses are in `core::net`.
const FORBIDDEN_MODULES: [&str; 7] = ["env", "fs", "io", "net", "os", "process", "thread"];

/// The forbidden things that a source names outside its tests.
fn forbidden(source: &str) -> BTreeSet<String> {
    let code = shipped_code(source);
    let mut found: BTreeSet<String> = words(&code)
        .filter(|(word, _)| FORBIDDEN_WORDS.contains(word))
        .map(|(word, _)| word.to_owned())
        .collect();
    // `std::fs`, also as a part of `use std::{collections::BTreeMap, fs}`.
    for (at, _) in code.match_indices("std::") {
        let statement = &code[at + 5..];
        let end = if statement.starts_with('{') {
            statement.find(';')
        } else {
            statement.find(|it: char| !it.is_alphanumeric() && it != '_')
        };
        let named = words(&statement[..end.unwrap_or(statement.len())]);
        found.extend(
            named
                .filter(|(word, _)| FORBIDDEN_MODULES.contains(word))
                .map(|(word, _)| format!("std::{word}")),
        );
    }
    found
}

#[test]
fn an_engine_is_built_from_data_and_errors_only() {
    let engines: Vec<_> = members()
        .into_iter()
        .filter(|member| member.name.ends_with("-engine"))
        .collect();
    assert!(!engines.is_empty());
    for engine in engines {
        let others: Vec<_> = engine
            .shipped()
            .into_iter()
            .filter(|name| !ALLOWED.contains(name))
            .collect();
        assert!(
            others.is_empty(),
            "{} is to be pure, and depends on {others:?}",
            engine.name
        );
    }
}

#[test]
fn an_engine_names_no_clock_no_socket_no_file_and_nothing_async() {
    for path in sources("crates") {
        if path
            .iter()
            .any(|part| part.to_string_lossy().ends_with("-engine"))
        {
            let found = forbidden(&read(&path));
            assert!(
                found.is_empty(),
                "{} is of an engine, and names {found:?}",
                path.display()
            );
        }
    }
}

#[test]
fn every_way_out_of_an_engine_is_seen() {
    for source in [
        "use std::time::Instant;",
        "use std::time::{Duration, SystemTime};",
        "use std::{collections::BTreeMap, fs};",
        "fn now() -> u8 { std::env::args().count() as u8 }",
        "pub async fn probe() {}",
        "use k8s_openapi::api::core::v1::Pod;",
    ] {
        assert!(!forbidden(source).is_empty(), "{source}");
    }
    for source in [
        "use std::time::Duration;",
        "/// Not tokio's `Instant`.\nfn a() {}",
        "#[cfg(test)]\nmod tests { use std::fs; }",
    ] {
        assert!(forbidden(source).is_empty(), "{source}");
    }
}
