//! The format of a recording: a line of JSON for each attempt.

use std::collections::BTreeMap;
use std::time::Duration;

use probe_engine::{Ending, Phase, Reason, Sample, ServingStatus, Window};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// One attempt as `probe --json` prints it, as far as a replay needs it.
#[derive(Debug, Deserialize)]
struct Printed {
    target: String,
    started_at: f64,
    phases_seconds: BTreeMap<String, f64>,
    status: Option<ServingStatus>,
    phase: Option<Phase>,
    reason: Option<String>,
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

    /// Reads either form.
    fn read(text: &str) -> Result<Self, serde_json::Error> {
        let written: Value = serde_json::from_str(text)?;
        if written.get("exit_code").is_none() {
            return serde_json::from_value(written);
        }
        let printed: Printed = serde_json::from_value(written)?;
        // The kubelet dials an address, so that `resolve` is no part of it.
        let sum = |phases: &[Phase]| {
            let times = phases
                .iter()
                .filter_map(|phase| printed.phases_seconds.get(phase.as_str()));
            times.sum()
        };
        // What it gave up on it tells as a timeout.
        let reason = printed.reason.filter(|reason| reason != "timeout");
        Ok(Self {
            at: printed.started_at,
            establishment: sum(&[Phase::Connect, Phase::Tls, Phase::Http2]),
            total: sum(&Phase::ALL),
            status: printed.status,
            phase: printed.phase,
            reason: reason.map(|reason| reason_named(&reason)).transpose()?,
            target: printed.target,
        })
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
            whole_milliseconds(time("at", self.at)?),
            establishment,
            total,
            ending,
        ))
    }
}

/// The nearest millisecond, which is what a sample holds: a float of this size is a fraction of a microsecond off.
fn whole_milliseconds(time: Duration) -> Duration {
    let rounded = time.saturating_add(Duration::from_micros(500));
    Duration::new(rounded.as_secs(), rounded.subsec_millis() * 1_000_000)
}

/// The reason with this label value.
fn reason_named(name: &str) -> Result<Reason, serde_json::Error> {
    let code = name
        .strip_prefix("grpc_")
        .and_then(|code| code.parse().ok());
    code.map_or_else(
        || serde_json::from_value(Value::from(name)),
        |code| Ok(Reason::Grpc(code)),
    )
}

/// Reads a recording: the attempts of each target, in the order in which they began.
pub fn read(text: &str) -> Result<BTreeMap<String, Window>, RecordingError> {
    let count = text.lines().count();
    let mut targets: BTreeMap<String, Window> = BTreeMap::new();
    for (number, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let line = Line::read(text).map_err(|source| RecordingError::Json {
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

    #[test]
    fn what_probe_prints_is_read_by_its_phases_and_its_ending() {
        let printed = |ending: &str| {
            let text = format!(
                r#"{{"target":"a:1","service":"","address":"127.0.0.1:1","exit_code":0,"message":"","started_at":7,"total_seconds":9,
                "phases_seconds":{{"resolve":5,"connect":0.25,"http2":0.5,"rpc":1.25}},{ending}}}"#
            );
            let text = text.replace('\n', "");
            read(&text).map(|targets| targets["a:1"].latest().expect("one"))
        };
        let failed = |reason| Ending::Failed {
            phase: Phase::Rpc,
            reason,
        };
        for (ending, expected) in [
            (
                r#""status":"SERVING""#,
                Ending::Answered(ServingStatus::Serving),
            ),
            (
                r#""phase":"rpc","reason":"timeout""#,
                Ending::Cut { phase: Phase::Rpc },
            ),
            (
                r#""phase":"rpc","reason":"unimplemented""#,
                failed(Reason::Unimplemented),
            ),
            (
                r#""phase":"rpc","reason":"grpc_14""#,
                failed(Reason::Grpc(14)),
            ),
        ] {
            let sample = printed(ending).expect("reads");
            assert_eq!(sample.ending(), expected);
            assert_eq!(sample.establishment(), Duration::from_millis(750));
            assert_eq!(sample.total(), Duration::from_secs(2));
        }
        let unknown = printed(r#""phase":"rpc","reason":"moon""#).expect_err("no such reason");
        assert!(unknown.to_string().contains("moon"), "{unknown}");
        let unresolved = r#"{"target":"a:1","exit_code":2,"phases_seconds":{}}"#;
        let unresolved = read(unresolved).expect_err("no attempt").to_string();
        assert_eq!(unresolved, "line 1: missing field `started_at`");
    }
}
