//! Writes what is recorded to the end of a file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hpa_engine::Controller;

use crate::recording::{Line, Writer};

/// A file that a recording goes to.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    /// Nothing once it could not be written to.
    file: Option<File>,
    writer: Writer,
}

impl Recorder {
    /// Opens the file, or makes it; what is in it stays.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            writer: Writer::default(),
        })
    }

    /// Writes these lines. After the first that cannot be written there would be one with a piece missing, so none is written any more, and
    /// the log says so.
    pub(crate) fn record(&mut self, lines: &[(Controller, Line)]) {
        if lines.is_empty() {
            return;
        }
        let Some(file) = &mut self.file else {
            return;
        };
        let written = lines
            .iter()
            .map(|(controller, line)| self.writer.text(controller, line))
            .collect::<Result<String, _>>()
            .map_err(io::Error::from)
            .and_then(|text| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            let path = self.path.display();
            tracing::error!(%path, %error, "nothing more is recorded");
            self.file = None;
        }
    }
}
