//! CSV: a first line with names, `time` and the metrics', and then numbers.

use anyhow::{Context as _, Result, bail, ensure};
use csv::{ReaderBuilder, Trim};

use super::{Columns, Place, Sample};

/// How the first column is called.
const TIME: &str = "time";

pub(super) fn columns(text: &str) -> Result<Columns> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = ReaderBuilder::new()
        .trim(Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let head = reader.headers().context("line 1")?.clone();
    ensure!(
        head.get(0) == Some(TIME),
        "line 1: the first column is `{}`, not `{TIME}`",
        head.get(0).unwrap_or_default()
    );
    ensure!(head.len() > 1, "line 1: no column beside `{TIME}`");
    let names: Vec<&str> = head.iter().skip(1).collect();
    let mut columns = Columns::new();
    for name in &names {
        if columns.insert((*name).to_owned(), Vec::new()).is_some() {
            bail!("line 1: two columns are called `{name}`");
        }
    }
    for record in reader.records() {
        // It tells the line itself.
        let record = record?;
        let line = record.position().map_or(0, |position| line(text, position));
        let time = record.get(0).unwrap_or_default();
        let seconds: f64 = time
            .parse()
            .with_context(|| format!("line {line}: the time is `{time}`, not seconds"))?;
        for (name, value) in names.iter().zip(record.iter().skip(1)) {
            let sample = Sample {
                place: Place::Line(line),
                seconds,
                value: value.to_owned(),
            };
            columns.entry((*name).to_owned()).or_default().push(sample);
        }
    }
    Ok(columns)
}

/// The line on which a record stands: its position is that of what is passed over before it.
fn line(text: &str, position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.get(start..).unwrap_or_default();
    let passed = rest
        .lines()
        .take_while(|line| line.trim().is_empty() || line.starts_with('#'));
    position.line() + u64::try_from(passed.count()).unwrap_or_default()
}
