//! The format of a recording: what syncs saw, kept to be decided anew.
//!
//! Lines of JSON. The first is the [`Head`], with the rules that the exporter took the controller to follow; then comes a line for each
//! sync, of any number of autoscalers, each autoscaler's in the order of time. `/recording` writes it, a mismatch is kept in it, and
//! `hpa-exporter upgrade` reads it.

use std::collections::BTreeMap;

use hpa_engine::{Before, Controller, Profile, Recorded, Settings, Status};
use serde::{Deserialize, Serialize};

/// What the first line calls the format.
const FORMAT: &str = "hpa-exporter";
/// Its version: a reader takes no other.
const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    recording: String,
    version: u32,
    settings: Settings,
    profile: Profile,
}

/// A sync's line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What the sync saw.
    #[serde(flatten)]
    pub sync: Recorded,
    /// What was remembered before it: on an autoscaler's first line, if at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// The status that the controller wrote after it, where it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Status>,
}

/// A recording, taken apart by autoscalers.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The rules that the controller was taken to follow.
    pub controller: Controller,
    /// Each autoscaler's syncs, by `NAMESPACE/NAME`.
    pub autoscalers: BTreeMap<String, Film>,
}

/// One autoscaler's syncs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Film {
    /// What was remembered before the first.
    pub before: Before,
    /// What each saw, in the order of time.
    pub syncs: Vec<Recorded>,
}

/// Text that is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Not JSON, or not of this shape.
    #[error("line {line}: {source}")]
    Json {
        /// Counted from 1.
        line: usize,
        /// What is wrong, with its field.
        source: serde_path_to_error::Error<serde_json::Error>,
    },
    /// Something else, or of another version.
    #[error("line 1: not the head of a recording that this version reads")]
    Head,
    /// Syncs in the wrong order.
    #[error("line {line}: {autoscaler} is synced before the time of the line before")]
    Order {
        /// Counted from 1.
        line: usize,
        /// `NAMESPACE/NAME`.
        autoscaler: String,
    },
    /// A memory amid the film.
    #[error("line {line}: `before` stands on the first line of an autoscaler alone")]
    Before {
        /// Counted from 1.
        line: usize,
    },
    /// Nothing to replay.
    #[error("no syncs in it")]
    Empty,
}

/// Writes a recording.
pub fn write<'a>(
    controller: &Controller,
    lines: impl IntoIterator<Item = &'a Line>,
) -> Result<String, serde_json::Error> {
    let head = Head {
        recording: FORMAT.to_owned(),
        version: VERSION,
        settings: controller.settings,
        profile: controller.profile,
    };
    let mut text = serde_json::to_string(&head)? + "\n";
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    Ok(text)
}

/// Reads a recording.
pub fn read(text: &str) -> Result<Recording, RecordingError> {
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, text)| !text.trim().is_empty());
    let (number, head) = lines.next().ok_or(RecordingError::Empty)?;
    let head: Head = parse(number, head)?;
    if head.recording != FORMAT || head.version != VERSION {
        return Err(RecordingError::Head);
    }
    let mut autoscalers: BTreeMap<String, Film> = BTreeMap::new();
    for (number, text) in lines {
        let line: Line = parse(number, text)?;
        let autoscaler = &line.sync.autoscaler;
        let key = format!("{}/{}", autoscaler.namespace, autoscaler.name);
        let film = autoscalers.entry(key.clone()).or_default();
        if let Some(last) = film.syncs.last() {
            if line.sync.now < last.now {
                return Err(RecordingError::Order {
                    line: number,
                    autoscaler: key,
                });
            }
            if line.before.is_some() {
                return Err(RecordingError::Before { line: number });
            }
        }
        film.before = line
            .before
            .unwrap_or_else(|| std::mem::take(&mut film.before));
        film.syncs.push(line.sync);
    }
    if autoscalers.is_empty() {
        return Err(RecordingError::Empty);
    }
    Ok(Recording {
        controller: Controller {
            settings: head.settings,
            profile: head.profile,
        },
        autoscalers,
    })
}

fn parse<'de, T: Deserialize<'de>>(line: usize, text: &'de str) -> Result<T, RecordingError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|source| RecordingError::Json { line, source })
}
