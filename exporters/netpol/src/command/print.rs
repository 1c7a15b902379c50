//! Standard output and standard error, and the exit code that goes with them.

use std::io::Write as _;
use std::process::ExitCode;

use super::read::Scene;

/// Something was found.
const FOUND: u8 = 1;
/// Something could not be read.
const UNREAD: u8 = 2;

/// Writes an answer.
pub(super) fn answer(text: &str) {
    // A reader that has seen enough is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Writes what could not be read, and says which exit code that makes, given whether something was found.
pub(super) fn exit<'a>(scenes: impl IntoIterator<Item = &'a Scene>, found: bool) -> ExitCode {
    let mut complete = true;
    for scene in scenes {
        for note in &scene.notes {
            complain(note);
        }
        for problem in &scene.unread {
            complete = false;
            complain(problem);
        }
    }
    match (complete, found) {
        (false, _) => ExitCode::from(UNREAD),
        (true, true) => ExitCode::from(FOUND),
        (true, false) => ExitCode::SUCCESS,
    }
}

/// Writes why there is no answer.
pub(super) fn refuse(error: &str) -> ExitCode {
    complain(error);
    ExitCode::from(UNREAD)
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
