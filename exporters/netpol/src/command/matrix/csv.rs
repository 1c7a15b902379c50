//! RFC 4180, with a head line.

use std::fmt::Write as _;

use crate::grid::Grid;

/// A line for each pair and port.
pub(super) fn render(grid: &Grid) -> String {
    let mut text = String::from("source,destination,protocol,port,verdict,required\r\n");
    for (source, destination, cell) in grid.cells() {
        let (source, destination) = (
            field(&source.to_string()),
            field(&destination.workload.to_string()),
        );
        for port in &cell.ports {
            let _ = write!(
                text,
                "{source},{destination},{},{},{},{}\r\n",
                port.protocol,
                port.number,
                port.shade.as_str(),
                port.required
            );
        }
    }
    text
}

fn field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_with_a_comma_stays_one_field() {
        assert_eq!(field(r#"a,"b""#), r#""a,""b""""#);
        assert_eq!(field("sre-demo/frontend"), "sre-demo/frontend");
    }
}
