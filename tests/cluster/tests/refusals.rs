//! What `up` says where it cannot start a lab. None of these needs one, and none gets as far as to start anything.
#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// `up` with an empty cache, and with programs of this folder before those of the machine.
fn up(folder: &Path, arguments: &[&str]) -> Output {
    let path = env::var("PATH").unwrap();
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/up"))
        .args(arguments)
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("SIDELIGHTS_CACHE", folder.join("cache"))
        .env_remove("SIDELIGHTS_TOOLS")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with a program in it that does this.
fn folder_with(program: &str, does: &str) -> TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join(program);
    fs::write(&file, format!("#!/bin/sh\n{does}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

#[test]
fn a_kernel_without_network_namespaces_is_named_or_else_the_want_of_root() {
    let folder = folder_with("unshare", "exit 1");
    let said = said(&up(folder.path(), &["--name", "refused"]));
    let expected = if is_root() {
        "tests/cluster: needs network namespaces in the kernel\n"
    } else {
        "tests/cluster: needs root"
    };
    assert!(said.contains(expected), "{said}");
    assert!(!folder.path().join("cache").exists(), "something was begun");
}

#[test]
fn a_full_disk_is_named_with_what_is_left_of_it() {
    let folder = folder_with("df", "echo Avail; echo 4096");
    let said = said(&up(folder.path(), &["--name", "refused"]));
    assert!(
        said.contains("GB free on the disk of"),
        "no word of the disk: {said}"
    );
}

#[test]
fn a_name_that_is_not_plain_is_refused_before_anything_else() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for name in ["", "Lab", "../lab", "a-name"] {
        let said = said(&up(folder.path(), &["--name", name]));
        assert!(said.starts_with("tests/cluster: --name takes"), "{said}");
    }
}

#[test]
fn an_unknown_flag_gets_the_usage() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let said = said(&up(folder.path(), &["--node", "3"]));
    assert!(said.contains("tests/cluster/up [--name NAME]"), "{said}");
}
