//! Finds the programs of others that a test wants; says which is missing.
//!
//! `cargo test --workspace` needs nothing but the Rust toolchain. A test that wants more asks here, and returns early on `None`:
//!
//! ```no_run
//! let Some(promtool) = tools::program("promtool") else { return };
//! ```

use std::collections::BTreeSet;
use std::env;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// Programs that `tests/tools/build` makes; all others are asked of the machine.
const BUILT_HERE: [&str; 3] = ["prometheus", "promtool", "kustomize"];

/// Programs whose absence has been told already: one line each, however many tests want them.
static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Where the program lies: in `$SIDELIGHTS_TOOLS`, in the workspace's `target/tools/bin`, or on the `PATH`, the first that has it.
///
/// `None` when it is nowhere; the reason is then printed once, past the capture of the test harness, as `skipped: needs NAME (how to get it)`.
/// What the `PATH` holds may be older than what `tests/tools` pins: a caller that minds asks the program for its version.
///
/// # Panics
///
/// When the program is nowhere and `CI=true`: what a developer may skip, CI may not.
pub fn program(name: &str) -> Option<PathBuf> {
    if let Some(found) = find(name, &places()) {
        return Some(found);
    }
    let needed = format!("needs {name} ({})", how_to_get(name));
    assert!(!is_ci(env::var("CI").ok().as_deref()), "{needed}");
    if TOLD.lock().insert(name.to_owned()) {
        // Not eprintln!: the harness would swallow it, as the test passes. With stderr closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "skipped: {needed}");
    }
    None
}

/// The folders to search, in order.
fn places() -> Vec<PathBuf> {
    let own = env::var_os("SIDELIGHTS_TOOLS").map(PathBuf::from);
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    own.into_iter()
        .chain([built])
        .chain(env::split_paths(&path))
        .collect()
}

/// The first of the folders that holds an executable file of that name.
fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|candidate| {
            candidate
                .metadata()
                .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
        })
}

fn is_ci(value: Option<&str>) -> bool {
    value == Some("true")
}

fn how_to_get(name: &str) -> String {
    if BUILT_HERE.contains(&name) {
        format!("tests/tools/build {name}")
    } else {
        format!("install it, or put it into $SIDELIGHTS_TOOLS; .ci/run gets {name} where it can")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(name: &str, mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[test]
    fn the_first_folder_that_has_the_program_wins() {
        let (first, second) = (
            folder_with("promtool", 0o755),
            folder_with("promtool", 0o755),
        );
        let folders = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(
            find("promtool", &folders),
            Some(first.path().join("promtool"))
        );
        assert_eq!(
            find("promtool", &folders[1..]),
            Some(second.path().join("promtool"))
        );
    }

    #[test]
    fn a_file_that_cannot_be_run_is_passed_over() {
        let (plain, runnable) = (
            folder_with("promtool", 0o644),
            folder_with("promtool", 0o755),
        );
        let folders = [plain.path().to_owned(), runnable.path().to_owned()];
        assert_eq!(
            find("promtool", &folders),
            Some(runnable.path().join("promtool"))
        );
    }

    #[test]
    fn a_program_that_is_nowhere_is_none() {
        assert_eq!(find("promtool", &[PathBuf::from("/nonexistent")]), None);
    }

    #[test]
    fn only_ci_true_makes_absence_an_error() {
        assert!(is_ci(Some("true")));
        assert!(!is_ci(Some("")));
        assert!(!is_ci(None));
    }

    #[test]
    fn the_note_for_a_pinned_program_names_the_command_that_builds_it() {
        for name in BUILT_HERE {
            assert_eq!(how_to_get(name), format!("tests/tools/build {name}"));
        }
    }

    #[test]
    fn every_program_said_to_be_built_here_is_in_the_script() {
        let script =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("build")).unwrap();
        for name in BUILT_HERE {
            assert!(
                script.lines().any(|line| line
                    .split_whitespace()
                    .next()
                    .is_some_and(|word| word == name)),
                "{name} has no line in tests/tools/build"
            );
        }
    }
}
