//! A load over time, from files.

mod prometheus;
mod spreadsheet;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use hpa_engine::{Moment, Quantity};

use super::column::Column;

/// More than that in thousandths is beyond what the controller counts.
const LARGEST: f64 = 9e15;

/// A file, and the metric whose load it holds if it does not say so itself.
#[derive(Clone, Debug)]
pub(super) struct TraceFile {
    metric: Option<String>,
    path: PathBuf,
}

/// What each metric's column holds, from `start` to `end`, which all of them cover.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) start: Moment,
    pub(super) end: Moment,
    /// In the order of the metrics; each in the order of time.
    series: Vec<Series>,
}

/// Values, each from its time on.
type Series = Vec<(Moment, Quantity)>;

/// A sample as it stands in a file.
struct Sample {
    /// Where, for whoever has to look.
    place: Place,
    seconds: f64,
    value: String,
}

/// A place in a file.
#[derive(Clone, Copy)]
enum Place {
    Line(u64),
    Sample(usize),
}

/// Columns as a file has them.
type Columns = BTreeMap<String, Vec<Sample>>;

/// Reads all files. Each metric is in exactly one of them.
pub(super) fn read(
    files: &[TraceFile],
    columns: &[Column],
    longest_gap: Duration,
) -> Result<Trace> {
    let mut series: Vec<Option<Series>> = vec![None; columns.len()];
    for file in files {
        let name = file.path.display();
        let text = std::fs::read_to_string(&file.path).with_context(|| name.to_string())?;
        let found = file
            .columns(&text, columns)
            .with_context(|| name.to_string())?;
        for (metric, samples) in found {
            let index = columns.iter().position(|column| column.name == metric);
            let Some(index) = index else {
                bail!(
                    "{name}: the autoscaler has no metric `{metric}`; it has {}",
                    names(columns)
                )
            };
            ensure!(
                series[index].is_none(),
                "{name}: `{metric}` is in another file already"
            );
            let checked =
                check(&samples, &columns[index], longest_gap).with_context(|| name.to_string())?;
            series[index] = Some(checked);
        }
    }
    let missing: Vec<&Column> = columns
        .iter()
        .zip(&series)
        .filter_map(|(column, series)| series.is_none().then_some(column))
        .collect();
    if let Some(column) = missing.first() {
        bail!(
            "no file has a column `{}`, which the autoscaler scales by",
            column.name
        );
    }
    let series: Vec<_> = series.into_iter().flatten().collect();
    let starts = series.iter().filter_map(|it| it.first());
    let ends = series.iter().filter_map(|it| it.last());
    let start = starts.map(|it| it.0).max().context("the trace is empty")?;
    let end = ends.map(|it| it.0).min().context("the trace is empty")?;
    ensure!(
        start <= end,
        "the metrics' traces do not overlap: one ends before another begins"
    );
    Ok(Trace { start, end, series })
}

/// Times that rise, without gaps, and values that the controller can count.
fn check(samples: &[Sample], column: &Column, longest_gap: Duration) -> Result<Series> {
    let mut checked: Series = Vec::with_capacity(samples.len());
    for Sample {
        place,
        seconds,
        value,
    } in samples
    {
        ensure!(
            seconds.is_finite() && *seconds >= 0.0,
            "{place}: the time is {seconds}: seconds are counted from zero"
        );
        let at = Duration::try_from_secs_f64(*seconds).ok();
        let at = at.and_then(|at| i64::try_from(at.as_nanos()).ok());
        let at = Moment::from_nanoseconds(
            at.with_context(|| format!("{place}: the time is {seconds}: too far away"))?,
        );
        if let Some((last, _)) = checked.last() {
            ensure!(
                at > *last,
                "{place}: the time is {seconds}, not after the one before: sort the trace, and give each time once"
            );
            let gap = at.since(*last);
            ensure!(
                gap <= longest_gap,
                "{place}: {:.0} s after the sample before is a gap: fill it, or raise --longest-gap to hold the value",
                gap.as_secs_f64()
            );
        }
        let name = &column.name;
        ensure!(
            !value.is_empty(),
            "{place}: no value of `{name}`: fill the gap, or leave the line out"
        );
        let quantity: Quantity = value
            .parse()
            .map_err(|problem| anyhow::anyhow!("{place}: `{name}` is {value}: {problem}"))?;
        ensure!(
            !column.of_pods || quantity.signum() >= 0,
            "{place}: `{name}` is {value}: pods cannot use less than nothing"
        );
        ensure!(
            quantity.approximate().abs() < LARGEST,
            "{place}: `{name}` is {value}: more than the controller can count"
        );
        checked.push((at, quantity));
    }
    ensure!(!checked.is_empty(), "no samples of `{}`", column.name);
    Ok(checked)
}

fn names(columns: &[Column]) -> String {
    let names: Vec<_> = columns
        .iter()
        .map(|column| format!("`{}`", column.name))
        .collect();
    names.join(", ")
}

// === impl TraceFile ===

impl FromStr for TraceFile {
    type Err = std::convert::Infallible;

    /// `FILE` or `METRIC=FILE`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (metric, path) = match text.split_once('=') {
            Some((metric, path)) => (Some(metric.to_owned()), path),
            None => (None, text),
        };
        Ok(Self {
            metric,
            path: path.into(),
        })
    }
}

impl TraceFile {
    fn columns(&self, text: &str, columns: &[Column]) -> Result<Columns> {
        let json = text.trim_start().starts_with(['{', '[']);
        if !json {
            ensure!(
                self.metric.is_none(),
                "a CSV file names its columns itself: leave `METRIC=` out"
            );
            return spreadsheet::columns(text);
        }
        let metric = match (&self.metric, columns) {
            (Some(metric), _) => metric.clone(),
            (None, [only]) => only.name.clone(),
            (None, _) => bail!(
                "of which metric is it? Write METRIC=FILE, with one of {}",
                names(columns)
            ),
        };
        Ok(Columns::from([(metric, prometheus::samples(text)?)]))
    }
}

// === impl Trace ===

impl Trace {
    /// The value of each metric: the latest that is not after the moment.
    pub(super) fn at(&self, moment: Moment) -> Vec<Quantity> {
        let value = |series: &Series| {
            let after = series.partition_point(|(at, _)| *at <= moment);
            series.get(after.saturating_sub(1)).map(|it| it.1.clone())
        };
        self.series.iter().filter_map(value).collect()
    }
}

// === impl Place ===

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(formatter, "line {line}"),
            Self::Sample(sample) => write!(formatter, "sample {sample}"),
        }
    }
}

#[cfg(test)]
mod tests;
