//! The answer as a table of what changed, and a few lines that sum it up.

use std::fmt::Write;
use std::time::Duration;

use hpa_engine::{
    Format, Limiter, Measure, MetricFailure, MetricSource, Moment, Proposal, Quantity, ResourceName,
};

use super::play::{Row, Setting};

/// Columns of the table are this far apart.
const GUTTER: &str = "  ";

pub(super) fn table(setting: &Setting, rows: &[Row]) -> String {
    let mut head: Vec<String> = ["time", "ready", "replicas"].map(str::to_owned).into();
    head.extend(setting.columns.iter().map(|it| it.name.clone()));
    head.extend(["wish", "stabilized", "decided", "limited by"].map(str::to_owned));
    let mut cells = vec![head];
    let mut last = None;
    for row in rows {
        let decision = &row.decision;
        let seen = (
            decision.wish,
            decision.desired,
            row.limiter,
            stabilized(row),
        );
        if last.replace(seen) != Some(seen) {
            cells.push(line(setting, row));
        }
    }
    let mut text = aligned(&cells);
    text.push('\n');
    text.push_str(&summary(setting, rows));
    text
}

/// After the limits of a sync that looked at metrics.
fn stabilized(row: &Row) -> Option<i32> {
    row.decision.stabilization.map(|it| it.replicas)
}

fn line(setting: &Setting, row: &Row) -> Vec<String> {
    let number = |number: Option<i32>| number.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let decision = &row.decision;
    let mut cells = vec![
        clock(row.at, setting.trace.start),
        row.ready.to_string(),
        decision.current().to_string(),
    ];
    for index in 0..setting.columns.len() {
        cells.push(measured(setting, row, index));
    }
    cells.push(number(decision.wish));
    cells.push(number(stabilized(row)));
    cells.push(decision.desired.to_string());
    let mut limiter = match row.limiter {
        Limiter::None => "-".to_owned(),
        limiter => limiter.as_str().to_owned(),
    };
    if let Some(until) = row.until {
        let _ = write!(limiter, " until {}", clock(until, setting.trace.start));
    }
    cells.push(limiter);
    cells
}

/// What the metric measured, of what it is to be.
fn measured(setting: &Setting, row: &Row, index: usize) -> String {
    match row.decision.proposals.get(index) {
        None => "-".to_owned(),
        Some(Err(MetricFailure { .. })) => "no value".to_owned(),
        Some(Ok(Proposal { calculation, .. })) => {
            let format = match &setting.autoscaler.spec.metrics[index].source {
                MetricSource::Resource { name } | MetricSource::ContainerResource { name, .. }
                    if *name == ResourceName::Memory =>
                {
                    Format::BinarySi
                }
                _ => Format::DecimalSi,
            };
            match calculation.measure {
                Measure::Utilization => {
                    format!("{}% of {}%", calculation.usage, calculation.target)
                }
                _ => format!(
                    "{} of {}",
                    Quantity::from_milli(calculation.usage, format),
                    Quantity::from_milli(calculation.target, format)
                ),
            }
        }
    }
}

/// Numbers to the right, words to the left: the last column is of words.
fn aligned(cells: &[Vec<String>]) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let widest = |column: usize| {
        let lengths = cells.iter().map(|line| line[column].chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let mut text = String::new();
    for line in cells {
        let mut written = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            if column > 0 {
                written.push_str(GUTTER);
            }
            // Writing into a String does not fail.
            let _ = if column + 1 == columns {
                write!(written, "{cell}")
            } else {
                write!(written, "{cell:>width$}")
            };
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

fn summary(setting: &Setting, rows: &[Row]) -> String {
    let period = setting.controller.settings.sync_period;
    let time = |rows: usize| span(period * u32::try_from(rows).unwrap_or(u32::MAX));
    let decided = || rows.iter().map(|row| row.decision.desired);
    let count = |wanted: fn(&Row) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let ups = count(|row| row.decision.desired > row.decision.current());
    let downs = count(|row| row.decision.desired < row.decision.current());
    let total: f64 = decided().map(f64::from).sum();
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} syncs over {}: {} to {} replicas, {:.1} on average; scaled up {ups} times, down {downs} times",
        rows.len(),
        span(setting.trace.end.since(setting.trace.start)),
        decided().min().unwrap_or_default(),
        decided().max().unwrap_or_default(),
        total / f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX).max(1)),
    );
    let missing = |row: &Row| {
        let cut = row.limiter == Limiter::MaxReplicas;
        let wish = row.decision.wish.filter(|_| cut)?;
        Some(wish - row.decision.desired).filter(|missing| *missing > 0)
    };
    let cut: Vec<i32> = rows.iter().filter_map(missing).collect();
    if let Some(most) = cut.iter().max() {
        let _ = writeln!(
            text,
            "at maxReplicas {} for {} while more were wanted: {most} at the most",
            setting.autoscaler.spec.maximum,
            time(cut.len())
        );
    }
    let held = count(|row| row.limiter == Limiter::StabilizationDown);
    if held > 0 {
        let _ = writeln!(text, "held up by stabilization for {}", time(held));
    }
    let controller = &setting.controller;
    let _ = writeln!(
        text,
        "decided as Kubernetes 1.{} does; pods are a model: see --help",
        u32::from(controller.profile.minor)
    );
    text
}

/// `1:02:03` after the start.
pub(super) fn clock(at: Moment, start: Moment) -> String {
    let seconds = at.since(start).as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}", seconds % 60)
}

/// `2h 5m`, in two units at the most.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let told: Vec<_> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if told.is_empty() {
        "0s".to_owned()
    } else {
        told.join(" ")
    }
}
