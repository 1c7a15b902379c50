//! The shop's manifests, and how to ask about them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs the binary from the top of the repository, where a newcomer stands.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_netpol-exporter"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

/// What was printed, and with which exit code.
pub(crate) fn said(arguments: &[&str]) -> (String, Option<i32>) {
    let output = run(arguments);
    (words(&output.stdout), output.status.code())
}

pub(crate) fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) const FLOWS: &str = "--flows=manifests/platform/flows.yaml";
pub(crate) const SHOP: &str = "manifests/platform/shop-base";
pub(crate) const DAY_ONE: &str = "manifests/platform/policies/day-one";
pub(crate) const RIGHT: &str = "manifests/platform/policies/shop";

/// The right policies, with the Service's port of emailservice in the place of its pods'.
pub(crate) fn with_the_services_port() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join(RIGHT)).unwrap() {
        let path = entry.unwrap().path();
        let mut text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap();
        if name == "checkoutservice-to-emailservice.yaml" {
            let (egress, ingress) = text.split_once("\n---\n").unwrap();
            text = format!(
                "{egress}\n---\n{}",
                ingress.replace("port: 8080", "port: 5000")
            );
        }
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}
