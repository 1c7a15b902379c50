//! The files that a configuration was made from, and whether they have changed since.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::web_config::Problem;

/// Files, each with what it looked like just before it was read.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    directory: PathBuf,
    seen: Vec<(PathBuf, Option<Stamp>)>,
}

/// What changes when a file does: also when it is replaced, as Kubernetes does with links when a Secret changes. `None` for a file
/// that is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

// === impl Sources ===

impl Sources {
    /// Relative paths are relative to this file's directory.
    pub(crate) fn base_on(&mut self, file: &Path) {
        self.directory = file.parent().map(Path::to_owned).unwrap_or_default();
    }

    /// Reads a file and remembers it.
    pub(crate) fn read(&mut self, path: &Path) -> Result<String, Problem> {
        self.seen.push((path.to_owned(), Stamp::of(path)));
        fs::read_to_string(path).map_err(|error| Problem::new(format!("cannot be read: {error}")))
    }

    /// Reads a file that the configuration names.
    pub(crate) fn read_named(&mut self, name: &str) -> Result<String, Problem> {
        let path = self.directory.join(name);
        self.read(&path)
            .map_err(|problem| Problem::new(format!("{} {}", path.display(), problem.what)))
    }

    pub(crate) fn changed(&self) -> bool {
        self.seen
            .iter()
            .any(|(path, stamp)| Stamp::of(path) != *stamp)
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
