//! `--web.config.file` under `--config.check`: each fixture says in its first line what is wrong with it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::certificates::Authority;
use crate::program::Program;

fn fixtures(ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    found.sort();
    assert!(found.len() > 10);
    found
}

/// With true hashes, in a folder with true certificates.
fn placed(fixture: &Path, folder: &Path) -> (String, String) {
    let text = fs::read_to_string(fixture)
        .unwrap()
        .replace("$2b$04$KEEPER", &bcrypt::hash("wick", 4).unwrap())
        .replace(
            "$2y$04$OTHER",
            &bcrypt::hash("oil", 4).unwrap().replace("$2b$", "$2y$"),
        );
    let path = folder.join("web.yml");
    fs::write(&path, &text).unwrap();
    (path.to_str().unwrap().to_owned(), text)
}

#[test]
fn good_files_are_accepted() {
    let folder = Authority::new().folder();
    for fixture in fixtures(".good.yml") {
        let (path, _) = placed(&fixture, folder.path());
        let end = Program::run(&["--config.check", "--web.config.file", &path]);
        assert_eq!(end.code, Some(0), "{}: {}", fixture.display(), end.log);
    }
}

#[test]
fn bad_files_are_refused_with_their_place_and_what_is_wrong() {
    let folder = Authority::new().folder();
    let mut wrong = Vec::new();
    for fixture in fixtures(".bad.yml") {
        let (path, text) = placed(&fixture, folder.path());
        let expected = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        // With a place it follows the file's name directly.
        let expected = if expected.starts_with(|c: char| c.is_ascii_digit()) {
            format!("{path}:{expected}")
        } else {
            expected.to_owned()
        };
        let end = Program::run(&["--config.check", "--web.config.file", &path]);
        if end.code != Some(2) || !end.log.contains(&expected) || !end.log.contains(&path) {
            wrong.push(format!(
                "{}\n  expected {expected}\n  got {:?} {}",
                fixture.display(),
                end.code,
                end.log
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_is_named() {
    let end = Program::run(&["--config.check", "--web.config.file=/nowhere/web.yml"]);
    assert_eq!(end.code, Some(2));
    assert!(
        end.log
            .contains("/nowhere/web.yml: cannot be read: No such file"),
        "{}",
        end.log
    );
}
