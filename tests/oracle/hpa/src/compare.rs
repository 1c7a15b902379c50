//! What differs between two records. Where Go walks a map, its order is nobody's, and so is the choice of the first bad pod.

use std::fmt;

use serde_json::Value;

use crate::native::write::pruned;
use crate::scenario::Record;

/// A field that is not the same on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The step.
    pub step: usize,
    /// The field.
    pub field: &'static str,
    /// The controller's.
    pub theirs: String,
    /// The engine's.
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            field,
            theirs,
            ours,
        } = self;
        write!(
            formatter,
            "step {step}, {field}\n  controller: {theirs}\n  engine:     {ours}"
        )
    }
}

/// All differences.
pub fn differences(theirs: &[Record], ours: &[Record]) -> Vec<Difference> {
    let mut found = Vec::new();
    if theirs.len() != ours.len() {
        found.push(Difference {
            step: 0,
            field: "steps",
            theirs: theirs.len().to_string(),
            ours: ours.len().to_string(),
        });
    }
    for (step, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
        let mut theirs = fields(theirs);
        let ours = fields(ours);
        // Another rival first, or another bad pod, is another message to Go, and a reason to write the status.
        let status = theirs[STATUS].1.to_string();
        if status.contains("AmbiguousSelector") || status.contains(BAD_POD) {
            theirs[WRITTEN].1 = ours[WRITTEN].1.clone();
        }
        for ((field, theirs), (_, ours)) in theirs.into_iter().zip(ours) {
            if theirs != ours {
                found.push(Difference {
                    step,
                    field,
                    theirs: theirs.to_string(),
                    ours: ours.to_string(),
                });
            }
        }
    }
    found
}

/// Where these are among the fields.
const STATUS: usize = 6;
const WRITTEN: usize = 7;
/// Stands for whichever of the bad pods was named.
const BAD_POD: &str = "(a bad pod)";

fn fields(record: &Record) -> [(&'static str, Value); 12] {
    let json = |value: &dyn erased::Json| settled(pruned(value.json()));
    [
        ("wish", json(&record.wish)),
        ("metric", json(&record.metric)),
        ("proposals", json(&record.proposals)),
        ("put", json(&record.put)),
        ("put_at", json(&record.put_at)),
        ("events", json(&record.events)),
        ("status", json(&record.status)),
        ("written", json(&record.written)),
        ("error", json(&record.error)),
        ("recommendations", json(&record.memory.recommendations)),
        ("ups", json(&record.memory.ups)),
        ("downs", json(&record.memory.downs)),
    ]
}

/// `serde_json::to_value` behind a reference to anything.
mod erased {
    use serde::Serialize;
    use serde_json::Value;

    pub(super) trait Json {
        fn json(&self) -> Value;
    }

    impl<T: Serialize> Json for T {
        fn json(&self) -> Value {
            serde_json::to_value(self).unwrap_or_default()
        }
    }
}

/// Without what Go leaves to chance.
fn settled(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(settled_text(&text)),
        Value::Array(list) => Value::Array(list.into_iter().map(settled).collect()),
        Value::Object(map) => {
            let settled = map.into_iter().map(|(key, value)| (key, settled(value)));
            Value::Object(settled.collect())
        }
        other => other,
    }
}

fn settled_text(text: &str) -> String {
    // Which of several bad pods is named.
    for mark in ["missing request for ", "missing pod-level request for "] {
        if let Some(at) = text.find(mark) {
            return format!("{}{BAD_POD}", &text[..at]);
        }
    }
    let named = text.find(" not found in Pod ");
    if let Some(at) = named.and_then(|end| text[..end].rfind("container ")) {
        return format!("{}{BAD_POD}", &text[..at]);
    }
    // In which order rivals are named, and since 1.37 which two of them.
    for mark in [
        " are controlled by multiple HPAs: [",
        " are controlled by more than one HPA (e.g. [",
    ] {
        if let Some(at) = text.find(mark) {
            return text[..at + mark.len()].to_owned();
        }
    }
    text.to_owned()
}
