//! What a newcomer looks for is there.

use crate::workspace::{files_of, root};

/// What a newcomer looks for.
const EXPECTED: [&str; 7] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "deny.toml",
    "rust-toolchain.toml",
];

#[test]
fn what_a_reader_looks_for_is_there() {
    for name in EXPECTED {
        assert!(root().join(name).is_file(), "{name} is missing");
    }
}

#[test]
fn every_binary_that_ships_has_a_readme() {
    for folder in ["exporters", "sidecars"] {
        for path in files_of(folder, "toml") {
            if path.ends_with("Cargo.toml") {
                let readme = path.with_file_name("README.md");
                assert!(
                    root().join(&readme).is_file(),
                    "{} is missing",
                    readme.display()
                );
            }
        }
    }
}
