//! Which files there are.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::read::Fingerprint;

/// How many files are read from one source. Meant for `files:/`, typed by mistake.
const MOST_FILES: usize = 10_000;

/// How deep folders are followed.
const DEEPEST: usize = 16;

/// Files by path, and folders that could not be read.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) files: BTreeMap<PathBuf, Fingerprint>,
    pub(super) unreadable: Vec<(PathBuf, io::Error)>,
    /// More than [`MOST_FILES`]: the rest was left out.
    pub(super) too_many: bool,
}

/// Walks a file or a folder. An error is about the root alone: it is not there, or unreadable.
///
/// Names that begin with a dot are left out: editors' files, version control, and the folders behind
/// a mounted `ConfigMap`, whose own names are links to them. Links to files are followed, links to folders
/// only at the root, so that no circle can be walked.
pub(super) fn walk(root: &Path) -> io::Result<Walk> {
    let mut walk = Walk::default();
    let metadata = fs::metadata(root)?;
    if metadata.is_dir() {
        walk.folder(fs::read_dir(root)?, DEEPEST);
    } else if metadata.is_file() {
        walk.files
            .insert(root.to_owned(), Fingerprint::of(&metadata));
    } else {
        // A pipe would be waited for, perhaps for ever.
        return Err(io::Error::other("neither a file nor a folder"));
    }
    Ok(walk)
}

/// What to say of [`Walk::too_many`].
pub(super) fn rest_not_read() -> String {
    format!("more than {MOST_FILES} files: the rest is not read")
}

impl Walk {
    fn folder(&mut self, entries: fs::ReadDir, depth: usize) {
        // One that vanishes meanwhile is gone at the next look too, or back.
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                match fs::read_dir(&path) {
                    _ if depth == 0 => {}
                    Ok(entries) => self.folder(entries, depth - 1),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => self.unreadable.push((path, error)),
                }
            } else if is_manifest(&path) {
                self.file(path);
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        match fs::metadata(&path) {
            Ok(metadata) if !metadata.is_file() => {}
            Ok(_) if self.files.len() == MOST_FILES => self.too_many = true,
            Ok(metadata) => {
                self.files.insert(path, Fingerprint::of(&metadata));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.unreadable.push((path, error)),
        }
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}
