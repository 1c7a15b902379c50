//! What the README says that the commands print is what they print.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::shop::{root, with_the_services_port, words};

/// Lines that the README leaves out after the first command: it says so.
const LEFT_OUT: [&str; 2] = ["odd ", "absent "];

/// A command of the README, and what it says comes of it.
struct Shown {
    command: String,
    output: Vec<String>,
}

fn shown() -> Vec<Shown> {
    let readme = fs::read_to_string(root().join("exporters/netpol/README.md")).unwrap();
    let blocks = readme.split("```console\n").skip(1);
    let lines = blocks.flat_map(|it| it.split("```").next().unwrap().lines());
    let mut shown: Vec<Shown> = Vec::new();
    for line in lines {
        match (line.strip_prefix("$ "), shown.last_mut()) {
            (Some(command), _) => shown.push(Shown {
                command: command.to_owned(),
                output: Vec::new(),
            }),
            (None, Some(last)) => last.output.push(line.to_owned()),
            (None, None) => panic!("output of no command: {line}"),
        }
    }
    shown.retain(|it| it.command.starts_with("netpol-exporter "));
    shown
}

/// Whether all lines are there, one after the other; `...` stands for any number of others.
fn holds(shown: &[String], said: &[&str]) -> bool {
    match shown.split_first() {
        None => said.is_empty(),
        Some((dots, rest)) if dots == "..." => (0..=said.len()).any(|at| holds(rest, &said[at..])),
        Some((line, rest)) => said.first() == Some(&line.as_str()) && holds(rest, &said[1..]),
    }
}

#[test]
fn the_readmes_commands_print_what_it_says() {
    // As a newcomer stands at the top of the repository, with a broken copy of the right policies.
    let top = tempfile::tempdir().unwrap();
    symlink(root().join("manifests"), top.path().join("manifests")).unwrap();
    let broken = with_the_services_port();
    symlink(broken.path(), top.path().join("broken")).unwrap();
    let shown = shown();
    let names = shown.iter().map(|it| it.command.split(' ').nth(1).unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["check", "check", "explain", "suggest", "diff", "matrix"]
    );
    for Shown { command, output } in shown {
        let output_of = Command::new(env!("CARGO_BIN_EXE_netpol-exporter"))
            .args(command.split(' ').skip(1))
            .current_dir(top.path())
            .output()
            .unwrap();
        let text = words(&output_of.stdout);
        let said: Vec<&str> = text.lines().collect();
        let without: Vec<&str> = said
            .iter()
            .copied()
            .filter(|line| !LEFT_OUT.iter().any(|it| line.starts_with(it)))
            .collect();
        assert!(
            holds(&output, &said) || holds(&output, &without),
            "{command} prints\n{text}"
        );
    }
}
