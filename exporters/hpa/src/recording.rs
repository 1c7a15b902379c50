//! The format of a recording: what syncs saw, kept to be decided anew.
//!
//! Lines of JSON. The first is the [`Head`], with the rules that the exporter took the controller to follow; then comes a line for each
//! sync, of any number of autoscalers, each autoscaler's in the order of time. A line that says what was remembered before it begins
//! anew, and so does another head: recordings can be put one behind the other. `--recording.file` and `/mismatches` write it, and
//! `hpa-exporter upgrade` and `hpa-oracle recording` read it.

use std::collections::BTreeMap;

use hpa_engine::{Before, Controller, Profile, Recorded, Settings, Status};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::decide::check::Difference;

/// What the first line calls the format.
const FORMAT: &str = "hpa-exporter";
/// Its version: a reader takes no other.
const VERSION: u32 = 1;

/// The first line, and every one from which on the controller was taken to be another.
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
    /// What was remembered before it, where that does not follow from the line before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// The status that the controller wrote after it, where it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Status>,
    /// In what that is not the one that we would have written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// A recording, taken apart by autoscalers.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Each autoscaler's films, by `NAMESPACE/NAME`.
    pub autoscalers: BTreeMap<String, Vec<Film>>,
}

/// Syncs of one autoscaler of which each follows from the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Film {
    /// The rules that the controller was taken to follow.
    pub controller: Controller,
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
    #[error("line {line}: not the head of a recording that this version reads")]
    Head {
        /// Counted from 1.
        line: usize,
    },
    /// Syncs in the wrong order.
    #[error("line {line}: {autoscaler} is synced before the time of the line before")]
    Order {
        /// Counted from 1.
        line: usize,
        /// `NAMESPACE/NAME`.
        autoscaler: String,
    },
    /// Nothing to replay.
    #[error("no syncs in it")]
    Empty,
}

/// Writes a recording of syncs of a controller, or of several one after the other.
pub fn write<'a>(
    lines: impl IntoIterator<Item = (&'a Controller, &'a Line)>,
) -> Result<String, serde_json::Error> {
    let mut writer = Writer::default();
    let lines = lines.into_iter();
    lines
        .map(|(controller, line)| writer.text(controller, line))
        .collect()
}

/// Writes a recording line by line.
#[derive(Debug, Default)]
pub struct Writer {
    /// What the controller is taken to be since the last head.
    controller: Option<Controller>,
}

impl Writer {
    /// The next line, behind a head if the controller is another one than before.
    pub fn text(
        &mut self,
        controller: &Controller,
        line: &Line,
    ) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        if self.controller.replace(*controller) != Some(*controller) {
            text.push_str(&serde_json::to_string(&Head::of(controller))?);
            text.push('\n');
        }
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
        Ok(text)
    }
}

/// Reads a recording.
pub fn read(text: &str) -> Result<Recording, RecordingError> {
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, text)| !text.trim().is_empty());
    let (number, head) = lines.next().ok_or(RecordingError::Empty)?;
    let mut controller = Head::read(number, head)?;
    let mut autoscalers: BTreeMap<String, Vec<Film>> = BTreeMap::new();
    for (number, text) in lines {
        if is_head(text) {
            controller = Head::read(number, text)?;
            continue;
        }
        let Line { sync, before, .. } = parse(number, text)?;
        let autoscaler = &sync.autoscaler;
        let key = format!("{}/{}", autoscaler.namespace, autoscaler.name);
        let films = autoscalers.entry(key.clone()).or_default();
        match films.last_mut() {
            Some(film) if before.is_none() && film.controller == controller => {
                if film.syncs.last().is_some_and(|last| sync.now < last.now) {
                    return Err(RecordingError::Order {
                        line: number,
                        autoscaler: key,
                    });
                }
                film.syncs.push(sync);
            }
            _ => films.push(Film {
                controller,
                before: before.unwrap_or_default(),
                syncs: vec![sync],
            }),
        }
    }
    if autoscalers.is_empty() {
        return Err(RecordingError::Empty);
    }
    Ok(Recording { autoscalers })
}

impl Head {
    fn of(controller: &Controller) -> Self {
        Self {
            recording: FORMAT.to_owned(),
            version: VERSION,
            settings: controller.settings,
            profile: controller.profile,
        }
    }

    fn read(line: usize, text: &str) -> Result<Controller, RecordingError> {
        let head: Self = parse(line, text)?;
        if head.recording != FORMAT || head.version != VERSION {
            return Err(RecordingError::Head { line });
        }
        Ok(Controller {
            settings: head.settings,
            profile: head.profile,
        })
    }
}

/// Whether a line says of itself that it is one; a head that is broken has its error from there on.
fn is_head(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "recording")]
        _recording: IgnoredAny,
    }
    serde_json::from_str::<Named>(text).is_ok()
}

fn parse<'de, T: Deserialize<'de>>(line: usize, text: &'de str) -> Result<T, RecordingError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|source| RecordingError::Json { line, source })
}
