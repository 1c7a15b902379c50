//! `matrix`

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::shop::{DAY_ONE, FLOWS, RIGHT, SHOP, said};

fn of(format: &str, policies: &str) -> String {
    let (text, code) = said(&[
        "matrix",
        FLOWS,
        &format!("--format={format}"),
        SHOP,
        policies,
    ]);
    assert_eq!(code, Some(0));
    text
}

#[test]
fn csv_has_a_line_for_each_pair_and_port() {
    let text = of("csv", DAY_ONE);
    let mut lines = text.split("\r\n");
    assert_eq!(
        lines.next(),
        Some("source,destination,protocol,port,verdict,required")
    );
    let lines: Vec<_> = lines.filter(|it| !it.is_empty()).collect();
    // Twelve workloads and everybody outside, to the eleven that listen, each on one port.
    assert_eq!(lines.len(), 13 * 11);
    assert!(
        lines.contains(&"sre-demo/cartservice,sre-demo/redis-cart,TCP,6379,denied,true"),
        "{text}"
    );
    assert!(
        lines.contains(&"external,sre-demo/frontend,TCP,8080,allowed,true"),
        "{text}"
    );
    let required = lines.iter().filter(|it| it.ends_with(",true"));
    assert_eq!(required.count(), 17);
}

#[test]
fn the_right_policies_allow_what_is_required_and_the_open_frontend() {
    let text = of("csv", RIGHT);
    let unrequired: Vec<_> = text
        .lines()
        .filter(|it| it.ends_with(",allowed,false"))
        .collect();
    // A pod reaches itself, whatever policies say.
    let of_others = unrequired.iter().filter(|it| {
        let mut fields = it.split(',');
        fields.next() != fields.next()
    });
    assert_eq!(of_others.count(), 0, "{unrequired:?}");
    assert!(!text.contains(",denied,true"), "{text}");
}

#[test]
fn the_grid_has_a_row_for_each_source_and_a_sign_for_each_pair() {
    let text = of("text", DAY_ONE);
    assert_eq!(
        text.matches('✗').count(),
        15 + 1,
        "fifteen, and one in the legend: {text}"
    );
    assert_eq!(text.matches('●').count(), 2 + 1, "{text}");
    let rows = text
        .lines()
        .filter(|it| it.contains(" sre-demo/") || it.contains(" external "));
    assert_eq!(rows.count(), 13, "{text}");
}

#[test]
fn graphviz_takes_the_graph() {
    let graph = of("dot", DAY_ONE);
    assert_eq!(graph.matches("style=dashed").count(), 15, "{graph}");
    let Some(dot) = tools::program("dot") else {
        return;
    };
    let mut child = Command::new(dot)
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(graph.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let drawn = String::from_utf8(output.stdout).unwrap();
    assert_eq!(drawn.matches("stroke-dasharray").count(), 15, "{drawn}");
}

#[test]
fn the_picture_has_a_square_for_each_pair_and_says_what_it_is() {
    let picture = of("svg", DAY_ONE);
    assert_eq!(picture.matches("<rect ").count(), 1 + 13 * 11 + 6);
    assert_eq!(picture.matches("class=\"broken required\"").count(), 15 + 1);
    assert!(
        picture.contains(
            "sre-demo/cartservice -&gt; sre-demo/redis-cart&#10;TCP 6379: denied, required"
        ),
        "{picture}"
    );
}
