//! OpenMetrics 1.0.0: prometheus-client's own text, looked at line by line on its way to the page.
//!
//! The encoder streams, so the page never lies in memory as a model. What it leaves open is done here: HELP is escaped
//! (it is written raw there), names are claimed, unwanted families are left out, and a line that belongs to no family
//! costs its collector instead of the page.

use std::fmt;
use std::mem;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;

use crate::names::Kind;
use crate::section::{Fault, Section};

/// What ends each OpenMetrics page, once.
pub(crate) const END: &[u8] = b"# EOF\n";

/// Bytes of text collected before the lines are looked at.
const CHUNK: usize = 16 * 1024;

/// Takes the encoder's text and hands on lines.
struct Lines<'s, 'p> {
    section: &'s mut Section<'p>,
    /// Text whose lines were not looked at yet.
    pending: String,
    /// `name text` of a HELP that waits for its TYPE; in it newlines are still newlines.
    help: Option<String>,
    /// The family whose lines come now.
    family: String,
    wanted: bool,
    fault: Option<Fault>,
}

/// Writes everything that the registry has and was asked for.
pub(crate) fn write(registry: &Registry, section: &mut Section<'_>) -> Result<(), Fault> {
    let mut lines = Lines {
        section,
        pending: String::with_capacity(CHUNK + 1024),
        help: None,
        family: String::new(),
        wanted: false,
        fault: None,
    };
    let encoded = encode_registry(&mut lines, registry).and_then(|()| lines.drain());
    match lines.fault {
        Some(fault) => Err(fault),
        None => Ok(encoded?),
    }
}

impl fmt::Write for Lines<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.pending.push_str(text);
        if self.pending.len() >= CHUNK && text.ends_with('\n') {
            self.drain()
        } else {
            Ok(())
        }
    }
}

impl Lines<'_, '_> {
    /// Looks at the lines collected so far. The encoder's trait knows one error without a word: the reason stays here.
    fn drain(&mut self) -> fmt::Result {
        let mut pending = mem::take(&mut self.pending);
        for line in pending.split_inclusive('\n') {
            if let Err(fault) = self.line(line) {
                self.fault = Some(fault);
                return Err(fmt::Error);
            }
        }
        pending.clear();
        self.pending = pending;
        Ok(())
    }

    /// One line, its newline with it.
    fn line(&mut self, line: &str) -> Result<(), Fault> {
        if let Some(descriptor) = line.strip_prefix("# TYPE ") {
            self.open(descriptor.trim_end())?;
            if self.wanted {
                self.section.body.write(line.as_bytes());
            }
            return Ok(());
        }
        if let Some(help) = &mut self.help {
            // Between a HELP and its TYPE all is help: the text had a newline.
            help.push_str(line);
            return Ok(());
        }
        if let Some(help) = line.strip_prefix("# HELP ") {
            self.help = Some(help.to_owned());
            return Ok(());
        }
        let own = line.strip_prefix("# UNIT ").unwrap_or(line);
        if self.family.is_empty() || !own.starts_with(&self.family) {
            return Err(Fault::Stray {
                family: self.family.clone(),
                line: line.trim_end().to_owned(),
            });
        }
        if self.wanted {
            self.section.body.write(line.as_bytes());
        }
        Ok(())
    }

    /// Begins the family of a `name type`.
    fn open(&mut self, descriptor: &str) -> Result<(), Fault> {
        let (family, kind) = descriptor.split_once(' ').unwrap_or((descriptor, ""));
        family.clone_into(&mut self.family);
        self.wanted = self.section.open(family, Kind::from_open_metrics(kind))?;
        let help = self.help.take().unwrap_or_default();
        if self.wanted && !help.is_empty() {
            self.section
                .body
                .write(format!("# HELP {}\n", Help(help.trim_end_matches('\n'))).as_bytes());
        }
        Ok(())
    }
}

/// A HELP with backslash, newline and quote escaped, as the OpenMetrics grammar has it.
struct Help<'t>(&'t str);

impl fmt::Display for Help<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['\\', '\n', '"']) {
            match part.as_bytes().last() {
                Some(b'\\') => write!(formatter, "{part}\\")?,
                Some(b'\n') => write!(formatter, "{}\\n", &part[..part.len() - 1])?,
                Some(b'"') => write!(formatter, "{}\\\"", &part[..part.len() - 1])?,
                _ => formatter.write_str(part)?,
            }
        }
        Ok(())
    }
}
