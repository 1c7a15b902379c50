//! A grid to look at: colours for verdicts, a frame for what is required, and the ports where one points.

use std::fmt::Write as _;

use crate::command::markup::escaped;
use crate::grid::{Cell, Destination, Grid, Port, Shade};

/// A cell's side, in pixels.
const SIDE: usize = 24;
/// A character's width, about, in this font and size.
const CHARACTER: usize = 7;
/// How far the legend is from the grid.
const MARGIN: usize = 12;
/// How wide an entry of the legend is.
const ENTRY: usize = 190;

const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
rect { stroke: #ffffff; }
.allowed { fill: #aceebb; }
.mixed { fill: #fff1a8; }
.denied { fill: #eaeef2; }
.undefined { fill: #d8c9f5; }
.required { stroke: #1f2328; stroke-width: 2; }
.broken { fill: #ff8182; }
";

/// Sources downwards, destinations across.
pub(super) fn render(grid: &Grid) -> String {
    let names: Vec<String> = grid.sources.iter().map(ToString::to_string).collect();
    let columns: Vec<String> = grid
        .destinations
        .iter()
        .map(|it| it.workload.to_string())
        .collect();
    let longest = |names: &[String]| names.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    let left = longest(&names) * CHARACTER + MARGIN;
    // Names across stand on their heads, at right angles.
    let top = longest(&columns) * CHARACTER + MARGIN;
    let legend = top + grid.sources.len() * SIDE + MARGIN;
    let width = (left + columns.len() * SIDE + MARGIN).max(MARGIN + 3 * ENTRY);
    let height = legend + 2 * SIDE + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n<style>\n{STYLE}</style>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (at, name) in columns.iter().enumerate() {
        let x = left + at * SIDE + SIDE * 2 / 3;
        let y = top - MARGIN / 2;
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" transform=\"rotate(-90 {x} {y})\">{}</text>",
            escaped(name)
        );
    }
    for (at, (name, row)) in names.iter().zip(&grid.rows).enumerate() {
        let y = top + at * SIDE;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            left - MARGIN / 2,
            y + SIDE * 2 / 3,
            escaped(name)
        );
        for (at, (cell, destination)) in row.iter().zip(&grid.destinations).enumerate() {
            square(
                &mut svg,
                left + at * SIDE,
                y,
                &class(cell),
                &title(name, destination, cell),
            );
        }
    }
    for (at, (class, meaning)) in LEGEND.iter().enumerate() {
        let (x, y) = (MARGIN + at % 3 * ENTRY, legend + at / 3 * SIDE);
        square(&mut svg, x, y, class, meaning);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\">{meaning}</text>",
            x + SIDE + MARGIN / 2,
            y + SIDE * 2 / 3
        );
    }
    svg.push_str("</svg>\n");
    svg
}

const LEGEND: [(&str, &str); 6] = [
    ("allowed required", "required and allowed"),
    ("allowed", "allowed, not required"),
    ("denied", "denied"),
    ("broken required", "required, not allowed"),
    ("mixed", "some ports or replicas"),
    ("undefined", "undefined"),
];

fn square(svg: &mut String, x: usize, y: usize, class: &str, title: &str) {
    let (x, y, side) = (x + 2, y + 2, SIDE - 4);
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" rx=\"3\" class=\"{class}\"><title>{}</title></rect>",
        escaped(title)
    );
}

fn class(cell: &Cell) -> String {
    let shade = match cell.shade() {
        _ if cell.is_broken() => "broken",
        Some(shade) => shade.as_str(),
        None => Shade::Denied.as_str(),
    };
    let required = if cell.is_required() { " required" } else { "" };
    format!("{shade}{required}")
}

fn title(source: &str, destination: &Destination, cell: &Cell) -> String {
    let mut title = format!("{source} -> {}", destination.workload);
    for Port {
        protocol,
        number,
        shade,
        required,
    } in &cell.ports
    {
        let required = if *required { ", required" } else { "" };
        let _ = write!(title, "\n{protocol} {number}: {}{required}", shade.as_str());
    }
    title
}
