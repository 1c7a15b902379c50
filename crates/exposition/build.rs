//! Hands what only the build knows to `build_info.rs`: compiler, target and revision.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SIDELIGHTS_REVISION");
    // The revision is given, not asked of git: a build that follows the repository's head is rebuilt with every commit.
    let revision = env::var("SIDELIGHTS_REVISION").unwrap_or_default();
    println!(
        "cargo::rustc-env=EXPOSITION_REVISION={}",
        or_unknown(revision)
    );
    println!(
        "cargo::rustc-env=EXPOSITION_TARGET={}",
        or_unknown(env::var("TARGET").unwrap_or_default())
    );
    println!(
        "cargo::rustc-env=EXPOSITION_RUSTC={}",
        or_unknown(compiler_version())
    );
}

/// `rustc 1.95.0 (0123abc 2026-04-14)` -> `1.95.0`.
fn compiler_version() -> String {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(compiler)
        .arg("--version")
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8_lossy(&printed)
        .split_whitespace()
        .nth(1)
        .unwrap_or_default()
        .to_owned()
}

fn or_unknown(text: String) -> String {
    if text.is_empty() {
        "unknown".to_owned()
    } else {
        text
    }
}
