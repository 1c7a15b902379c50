//! What is built in: `deny.toml` says what may be, and these tests keep it where cargo-deny is not at hand.

use std::process::Command;

use serde::Deserialize;

use crate::workspace::{locked, read, root};

/// The strings of an array in `deny.toml`, one a line: `key = [ ... ]`.
fn listed(text: &str, key: &str) -> Vec<String> {
    let start = text
        .lines()
        .skip_while(|line| *line != format!("{key} = ["));
    let lines = start.skip(1).take_while(|line| *line != "]");
    lines
        .filter_map(|line| Some(line.split('"').nth(1)?.to_owned()))
        .collect()
}

/// Whether an SPDX expression can be met with these licences. `A OR B AND C` binds as in arithmetic; `/` is the old way to write OR.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let inner = match (expression.find('('), expression.rfind(')')) {
        (Some(open), Some(close)) if open < close => Some((open, close)),
        _ => None,
    };
    if let Some((open, close)) = inner {
        // Packages in use have one pair of brackets at most: what it comes to takes its place.
        let verdict = if is_met(&expression[open + 1..close], allowed) {
            "true"
        } else {
            "false"
        };
        return is_met(
            &format!(
                "{}{verdict}{}",
                &expression[..open],
                &expression[close + 1..]
            ),
            allowed,
        );
    }
    let is_allowed = |licence: &str| licence == "true" || allowed.iter().any(|it| it == licence);
    expression
        .split(" OR ")
        .any(|choice| choice.split(" AND ").all(|part| is_allowed(part.trim())))
}

#[test]
fn nothing_is_built_in_that_deny_toml_bans() {
    let banned = listed(&read("deny.toml"), "deny");
    assert!(
        banned.iter().any(|name| name == "openssl-sys"),
        "deny.toml bans nothing that can be read here"
    );
    for package in locked() {
        assert!(
            !banned.contains(&package.name),
            "{} is banned by deny.toml",
            package.name
        );
    }
}

#[test]
fn every_package_comes_from_the_registry_or_from_here() {
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    for package in locked() {
        let source = package.source.as_deref().unwrap_or(registry);
        assert_eq!(source, registry, "{}", package.name);
    }
}

#[test]
fn every_licence_is_one_that_deny_toml_allows() {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        license: Option<String>,
    }
    let allowed = listed(&read("deny.toml"), "allow");
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--filter-platform=x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    for package in metadata.packages {
        let licence = package.license.unwrap_or_default();
        assert!(is_met(&licence, &allowed), "{}: {licence:?}", package.name);
    }
}

#[test]
fn a_licence_expression_is_met_by_one_choice_or_by_all_parts() {
    let allowed = ["MIT", "Apache-2.0"].map(str::to_owned);
    for met in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-3.0) AND Apache-2.0",
    ] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR ISC) AND MIT"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
