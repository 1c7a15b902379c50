//! One file's bytes, only if it held still meanwhile.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The largest file that is read, in bytes: a thousand pods and more.
pub(super) const LARGEST: u64 = 64 << 20;

/// How long a file must have been left alone before its times tell all: some file systems keep whole
/// seconds, so two writes within one look alike.
const COARSEST: Duration = Duration::from_secs(2);

/// By what a file is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What reading came to.
#[derive(Debug)]
pub(super) enum Reading {
    /// The text of the file, which had this fingerprint before and after.
    Text(String, Fingerprint),
    /// It was written to meanwhile: look again at the next turn.
    Moving,
    /// It is no longer there.
    Gone,
    /// It cannot be read, and why.
    Unreadable(String, Fingerprint),
}

impl Fingerprint {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Whether a further write would show.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let last = self.modified.0.max(self.changed.0);
        now.checked_sub(COARSEST)
            .is_some_and(|then| i64::try_from(then.as_secs()).is_ok_and(|then| last < then))
    }
}

pub(super) fn read(path: &Path, seen: &Fingerprint) -> Reading {
    match try_read(path) {
        Ok(reading) => reading,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Reading::Gone,
        Err(error) => Reading::Unreadable(error.to_string(), seen.clone()),
    }
}

fn try_read(path: &Path) -> io::Result<Reading> {
    let mut file = File::open(path)?;
    let before = Fingerprint::of(&file.metadata()?);
    if before.size > LARGEST {
        let message = format!(
            "{} bytes are more than the {LARGEST} that are read",
            before.size
        );
        return Ok(Reading::Unreadable(message, before));
    }
    let mut bytes = Vec::new();
    (&mut file).take(LARGEST + 1).read_to_end(&mut bytes)?;
    if Fingerprint::of(&file.metadata()?) != before || bytes.len() as u64 != before.size {
        return Ok(Reading::Moving);
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Reading::Text(text, before),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.split(|byte| *byte == b'\n').count();
            Reading::Unreadable(format!("line {line} is not UTF-8"), before)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_trusted_only_some_seconds_after_the_last_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "a: 1\n").unwrap();
        let fingerprint = Fingerprint::of(&std::fs::metadata(&path).unwrap());
        let now = SystemTime::now();
        assert!(!fingerprint.is_settled(now));
        assert!(fingerprint.is_settled(now + Duration::from_secs(10)));
        assert!(
            !fingerprint.is_settled(SystemTime::UNIX_EPOCH),
            "a clock that is wrong settles nothing"
        );
    }

    #[test]
    fn a_file_that_vanished_is_gone_and_one_that_is_there_is_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "a: 1\n").unwrap();
        let fingerprint = Fingerprint::of(&std::fs::metadata(&path).unwrap());
        assert!(matches!(read(&path, &fingerprint), Reading::Text(text, _) if text == "a: 1\n"));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(read(&path, &fingerprint), Reading::Gone));
    }
}
