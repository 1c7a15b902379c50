//! `promtool check metrics`: Prometheus' own reading of a text page, and its advice on names.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What promtool has to say about a page in text 0.0.4; nothing, if it is clean.
pub fn check_metrics(promtool: &Path, page: &[u8]) -> Result<(), String> {
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", promtool.display()))?;
    let mut stdin = child.stdin.take().expect("it was piped");
    let written = stdin.write_all(page);
    drop(stdin);
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
        .trim()
        .to_owned();
    if output.status.success() && said.is_empty() {
        written.map_err(|error| format!("it did not read the whole page: {error}"))
    } else {
        Err(format!("{}: {said}", output.status))
    }
}
