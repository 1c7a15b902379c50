//! A grid for a terminal: a sign a pair, and below it what the signs and numbers mean.

use std::fmt::Write as _;

use netpol_engine::EdgeEnd;

use crate::grid::{Cell, Grid, Shade};

const LEGEND: &str = "\
● required and allowed   ○ allowed, and nobody requires it
✗ required and not allowed   · denied   ◐ some ports or replicas   ? undefined
";

/// Sources downwards, destinations across, by their numbers.
pub(super) fn render(grid: &Grid) -> String {
    let names: Vec<String> = grid.sources.iter().map(ToString::to_string).collect();
    let width = names.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    let number = |end: &EdgeEnd| {
        grid.sources
            .iter()
            .position(|it| it == end)
            .map_or(0, |at| at + 1)
    };
    let columns: Vec<usize> = grid
        .destinations
        .iter()
        .map(|it| number(&EdgeEnd::Workload(it.workload.clone())))
        .collect();
    let mut text = format!("{:width$}    ", "");
    for column in &columns {
        let _ = write!(text, "{column:>3}");
    }
    text.push('\n');
    for (at, (name, row)) in names.iter().zip(&grid.rows).enumerate() {
        let _ = write!(text, "{:>3} {name:width$}", at + 1);
        for cell in row {
            let _ = write!(text, "  {}", sign(cell));
        }
        text.push('\n');
    }
    text.push_str(LEGEND);
    text
}

fn sign(cell: &Cell) -> char {
    match (cell.shade(), cell.is_required()) {
        _ if cell.is_broken() => '✗',
        (_, true) => '●',
        (Some(Shade::Allowed), false) => '○',
        (Some(Shade::Mixed), false) => '◐',
        (Some(Shade::Undefined), false) => '?',
        (Some(Shade::Denied) | None, false) => '·',
    }
}
