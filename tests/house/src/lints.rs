//! Invariant 7, as far as the compiler keeps it: the lints are on, and on for every member.

use crate::workspace::{members, read};

/// The table of this name in a TOML file, line by line.
fn table<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines()
        .skip_while(|line| line.trim() != format!("[{name}]"))
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn unsafe_code_is_forbidden_and_unwrapping_denied_outside_tests() {
    let workspace = read("Cargo.toml");
    assert!(table(&workspace, "workspace.lints.rust").contains(&"unsafe_code = \"forbid\""));
    let clippy = table(&workspace, "workspace.lints.clippy");
    for lint in [
        "unwrap_used",
        "disallowed_methods",
        "disallowed_types",
        "await_holding_lock",
        "mod_module_files",
    ] {
        assert!(
            clippy.iter().any(|line| line.starts_with(lint)),
            "{lint} is off"
        );
    }
}

#[test]
fn every_member_takes_the_lints_of_the_workspace() {
    for member in members() {
        let manifest = std::fs::read_to_string(&member.manifest_path).unwrap();
        assert_eq!(
            table(&manifest, "lints"),
            ["workspace = true"],
            "{}",
            member.name
        );
    }
}

#[test]
fn every_version_is_the_workspaces() {
    for member in members() {
        let manifest = std::fs::read_to_string(&member.manifest_path).unwrap();
        for name in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for line in table(&manifest, name) {
                assert!(
                    line.contains("workspace = true"),
                    "{} names a version of its own: {line}",
                    member.name
                );
            }
        }
    }
}

#[test]
fn a_table_ends_where_the_next_begins() {
    let text = "[a]\nb = 1 # why\n\n[c]\nd = 2\n";
    assert_eq!(table(text, "a"), ["b = 1"]);
    assert!(table(text, "e").is_empty());
}
