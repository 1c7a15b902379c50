//! The format of a recording: a line of JSON for each attempt.

use std::collections::BTreeMap;
use std::time::Duration;

use probe_engine::{Ending, Phase, Reason, Sample, ServingStatus, Window};
use serde::{Deserialize, Serialize};

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Whose: `NAMESPACE/POD/CONTAINER:PORT/SERVICE`. Lines of one target are replayed together.
    #[serde(default)]
    pub target: String,
    /// When it began, in seconds since the epoch.
    pub at: f64,
    /// Seconds until the server's SETTINGS: what the kubelet calls connecting.
    pub establishment: f64,
    /// Seconds in all.
    pub total: f64,
    /// The answer, if one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ServingStatus>,
    /// Where it failed or was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Why it failed; none if it was given up, when the total is a lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A line that is no attempt.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Not JSON, or not of this shape.
    #[error("line {line}: {source}")]
    Json {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A time that is none.
    #[error("line {line}: `{field}` is {value}, not a time in seconds")]
    Time {
        /// Counted from 1.
        line: usize,
        /// Which.
        field: &'static str,
        /// As written.
        value: f64,
    },
    /// Neither an answer nor a phase in which it ended.
    #[error("line {line}: neither `status` nor `phase` says how the attempt ended")]
    Ending {
        /// Counted from 1.
        line: usize,
    },
    /// Nothing to replay.
    #[error("no attempts in it")]
    Empty,
}

impl Line {
    /// A recorded attempt as a line.
    pub fn new(target: String, sample: Sample) -> Self {
        let (status, phase, reason) = match sample.ending() {
            Ending::Answered(status) => (Some(status), None, None),
            Ending::Failed { phase, reason } => (None, Some(phase), Some(reason)),
            Ending::Cut { phase } => (None, Some(phase), None),
        };
        Self {
            target,
            at: sample.started_at().as_secs_f64(),
            establishment: sample.establishment().as_secs_f64(),
            total: sample.total().as_secs_f64(),
            status,
            phase,
            reason,
        }
    }

    fn sample(&self, line: usize) -> Result<Sample, RecordingError> {
        let time = |field, value| {
            Duration::try_from_secs_f64(value).map_err(|_| RecordingError::Time {
                line,
                field,
                value,
            })
        };
        let ending = match (self.status, self.phase, self.reason) {
            (Some(status), _, _) => Ending::Answered(status),
            (None, Some(phase), Some(reason)) => Ending::Failed { phase, reason },
            (None, Some(phase), None) => Ending::Cut { phase },
            (None, None, _) => return Err(RecordingError::Ending { line }),
        };
        let establishment = time("establishment", self.establishment)?;
        let total = time("total", self.total)?;
        Ok(Sample::new(
            time("at", self.at)?,
            establishment,
            total,
            ending,
        ))
    }
}

/// Reads a recording: the attempts of each target, in the order in which they began.
pub fn read(text: &str) -> Result<BTreeMap<String, Window>, RecordingError> {
    let count = text.lines().count();
    let mut targets: BTreeMap<String, Window> = BTreeMap::new();
    for (number, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(text).map_err(|source| RecordingError::Json {
            line: number,
            source,
        })?;
        let sample = line.sample(number)?;
        targets
            .entry(line.target)
            .or_insert_with(|| Window::new(count))
            .push(sample);
    }
    if targets.is_empty() {
        return Err(RecordingError::Empty);
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ending: Ending) -> Sample {
        let millis = Duration::from_millis;
        Sample::new(
            Duration::from_millis(1_795_000_000_123),
            millis(12),
            millis(345),
            ending,
        )
    }

    #[test]
    fn what_is_written_is_read_back() {
        let endings = [
            Ending::Answered(ServingStatus::Serving),
            Ending::Answered(ServingStatus::NotServing),
            Ending::Failed {
                phase: Phase::Connect,
                reason: Reason::Refused,
            },
            Ending::Failed {
                phase: Phase::Rpc,
                reason: Reason::Grpc(14),
            },
            Ending::Cut {
                phase: Phase::Http2,
            },
        ];
        for ending in endings {
            let line = Line::new("a/b/c:1/".to_owned(), sample(ending));
            let text = serde_json::to_string(&line).expect("JSON");
            let read = read(&text).expect("reads back");
            let samples: Vec<Sample> = read["a/b/c:1/"].iter().collect();
            assert_eq!(samples, [sample(ending)], "{text}");
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        let good = r#"{"at":1,"establishment":0,"total":0.5,"status":"SERVING"}"#;
        for (bad, message) in [
            ("{", "line 2: "),
            (
                r#"{"at":1,"establishment":0,"total":-1,"status":"SERVING"}"#,
                "line 2: `total` is -1",
            ),
            (
                r#"{"at":1e300,"establishment":0,"total":1,"status":"SERVING"}"#,
                "line 2: `at` is",
            ),
            (r#"{"at":1,"establishment":0,"total":1}"#, "line 2: neither"),
            (
                r#"{"at":1,"establishment":0,"total":1,"status":"FINE"}"#,
                "line 2: unknown variant `FINE`",
            ),
        ] {
            let error = read(&format!("{good}\n{bad}\n"))
                .expect_err(bad)
                .to_string();
            assert!(error.starts_with(message), "{error}");
        }
        assert!(matches!(read("\n\n"), Err(RecordingError::Empty)));
    }
}
