//! A frame as an SVG, for the README.

use std::fmt::Write;

use crate::frame::{Ink, Line};

const LINE_HEIGHT: usize = 18;
const CHARACTER_WIDTH: f64 = 7.9;
const MARGIN: usize = 16;

/// The frame as it looks on a dark terminal. Only text and colours: nothing in it runs.
pub(crate) fn svg(lines: &[Line]) -> String {
    let columns = lines
        .iter()
        .map(|line| {
            line.iter()
                .map(|(_, text)| text.chars().count())
                .sum::<usize>()
        })
        .max()
        .unwrap_or_default();
    let columns = u32::try_from(columns).unwrap_or(u32::MAX);
    let width = f64::from(columns) * CHARACTER_WIDTH;
    let margin = 2 * MARGIN;
    let height = lines.len() * LINE_HEIGHT + margin;
    let mut svg = String::new();
    // Writing into a String does not fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{height}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>",
        width + f64::from(u32::try_from(margin).unwrap_or_default())
    );
    for (index, line) in lines.iter().enumerate() {
        let y = MARGIN + (index + 1) * LINE_HEIGHT - 5;
        let mut column = 0_u32;
        for (ink, text) in line {
            let count = u32::try_from(text.chars().count()).unwrap_or_default();
            let blank =
                u32::try_from(text.chars().take_while(|c| *c == ' ').count()).unwrap_or_default();
            let shown = text.trim();
            if !shown.is_empty() {
                let x = f64::from(column + blank) * CHARACTER_WIDTH + 16.0;
                let length = f64::from(u32::try_from(shown.chars().count()).unwrap_or_default())
                    * CHARACTER_WIDTH;
                let _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y}\" textLength=\"{length:.1}\" xml:space=\"preserve\" {}>{}</text>",
                    style(*ink),
                    escape(shown)
                );
            }
            column += count;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn style(ink: Ink) -> &'static str {
    match ink {
        Ink::Plain => "fill=\"#c9d1d9\"",
        Ink::Strong => "fill=\"#f0f6fc\" font-weight=\"bold\"",
        Ink::Faint => "fill=\"#8b949e\"",
        Ink::Good => "fill=\"#3fb950\"",
        Ink::Warning => "fill=\"#d29922\"",
        Ink::Bad => "fill=\"#f85149\" font-weight=\"bold\"",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_placed_by_its_column_and_escaped() {
        let svg = svg(&[vec![
            (Ink::Plain, "ab ".to_owned()),
            (Ink::Bad, " <c>".to_owned()),
        ]]);
        assert!(svg.contains(">ab</text>"), "{svg}");
        assert!(
            svg.contains("x=\"47.6\"") && svg.contains("&lt;c&gt;"),
            "{svg}"
        );
    }
}
