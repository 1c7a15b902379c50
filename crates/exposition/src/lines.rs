//! Both text formats, from the text that prometheus-client's encoder writes.
//!
//! The encoder streams, so a page never lies in memory as a model: one of 100 MB of text is made, compressed, in 12 MB.
//! Its lines are looked at on their way. What the encoder leaves open is done here: HELP is escaped (it is written raw
//! there), names are claimed, unwanted families are left out, and a line that belongs to no family costs its collector
//! instead of the page.

use std::fmt::{self, Write as _};
use std::mem;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;

use crate::names::Kind;
use crate::section::{Fault, Section};
use crate::{openmetrics, text};

/// Bytes of text collected before the lines are looked at.
const CHUNK: usize = 16 * 1024;

/// Which text to make of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenMetrics,
    Text,
}

/// A text with backslashes, newlines and, where they matter, quotes escaped.
pub(crate) struct Escaped<'t> {
    pub(crate) text: &'t str,
    pub(crate) quotes_too: bool,
}

/// Takes the encoder's text and hands on lines.
struct Lines<'s, 'p> {
    section: &'s mut Section<'p>,
    dialect: Dialect,
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
pub(crate) fn write(
    registry: &Registry,
    dialect: Dialect,
    section: &mut Section<'_>,
) -> Result<(), Fault> {
    let mut lines = Lines {
        section,
        dialect,
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
            return self.open(descriptor.trim_end());
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
        let unit = line.strip_prefix("# UNIT ");
        if self.family.is_empty() || !unit.unwrap_or(line).starts_with(&self.family) {
            return Err(Fault::Stray {
                family: self.family.clone(),
                line: line.trim_end().to_owned(),
            });
        }
        if !self.wanted {
            return Ok(());
        }
        match self.dialect {
            Dialect::OpenMetrics => self.section.body.write(line.as_bytes()),
            Dialect::Text if unit.is_some() => {}
            Dialect::Text => {
                let sample = text::sample(line);
                self.section.body.write(sample.as_bytes());
                if sample.len() < line.len() {
                    self.section.body.write(b"\n");
                }
            }
        }
        Ok(())
    }

    /// Begins the family of a `name type`.
    fn open(&mut self, descriptor: &str) -> Result<(), Fault> {
        let (family, kind) = descriptor.split_once(' ').unwrap_or((descriptor, ""));
        family.clone_into(&mut self.family);
        self.wanted = self.section.open(family, Kind::from_open_metrics(kind))?;
        let help = self.help.take().unwrap_or_default();
        if self.wanted {
            let help = help
                .split_once(' ')
                .map_or("", |(_name, text)| text)
                .trim_end_matches('\n');
            let head = match self.dialect {
                Dialect::OpenMetrics => openmetrics::head(family, kind, help),
                Dialect::Text => text::head(family, kind, help),
            };
            self.section.body.write(head.as_bytes());
        }
        Ok(())
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.text.chars() {
            match character {
                '\\' => formatter.write_str("\\\\")?,
                '\n' => formatter.write_str("\\n")?,
                '"' if self.quotes_too => formatter.write_str("\\\"")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}
