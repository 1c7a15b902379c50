//! `lint PATH...`

use std::path::PathBuf;

use serde_json::Value;

use crate::exporter::{argument, run, words};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/lint")
        .join(name)
}

#[test]
fn upstreams_cartservice_has_findings_each_with_its_place() {
    let path = fixture("cartservice.yaml");
    let output = run(&["lint", argument(&path)]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = words(&output.stdout);
    let place = format!(
        "{}:2: Deployment cartservice, container server: ",
        path.display()
    );
    let (findings, count) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(
        findings.lines().all(|line| line.starts_with(&place)),
        "{text}"
    );
    assert_eq!(count, format!("{} findings", findings.lines().count()));
    for finding in [
        "warning[default-timeout] spec.template.spec.containers[0].livenessProbe.timeoutSeconds",
        "[liveness-same-as-readiness] spec.template.spec.containers[0].livenessProbe",
    ] {
        assert!(text.contains(finding), "{finding}: {text}");
    }
    assert_eq!(words(&output.stderr), "");
}

#[test]
fn findings_as_json_say_the_same() {
    let path = fixture("cartservice.yaml");
    let text = words(&run(&["lint", argument(&path)]).stdout);
    let output = run(&["lint", "--json", argument(&path)]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = found.as_array().unwrap();
    assert_eq!(found.len() + 1, text.lines().count());
    for finding in found {
        assert_eq!(finding["file"], argument(&path));
        assert_eq!(finding["line"], 2);
        assert_eq!(finding["object"], "Deployment cartservice");
        assert_eq!(finding["container"], "server");
        for key in ["rule", "message", "field"] {
            assert!(
                text.contains(finding[key].as_str().unwrap()),
                "{key}: {finding}"
            );
        }
    }
}

#[test]
fn a_clean_manifest_has_none() {
    let path = fixture("clean.yaml");
    let output = run(&["lint", argument(&path)]);
    assert_eq!(words(&output.stdout), "no findings\n");
    assert_eq!(output.status.code(), Some(0));
    let output = run(&["lint", "--json", argument(&path)]);
    assert_eq!(words(&output.stdout), "[]\n");
}

#[test]
fn a_broken_file_is_named_with_its_line_and_the_others_are_still_linted() {
    let (broken, good) = (fixture("broken.yaml"), fixture("cartservice.yaml"));
    let output = run(&["lint", argument(&broken), argument(&good)]);
    assert_eq!(output.status.code(), Some(2));
    let said = words(&output.stderr);
    let place = format!("{}:", broken.display());
    let line = said
        .strip_prefix(&place)
        .and_then(|rest| rest.split(':').next());
    let line: Option<u32> = line.and_then(|line| line.parse().ok());
    assert!(line.is_some_and(|line| (6..=8).contains(&line)), "{said}");
    assert!(words(&output.stdout).contains("Deployment cartservice"));

    let folder = run(&["lint", argument(fixture("").as_path())]);
    assert_eq!(
        folder.status.code(),
        Some(2),
        "a folder with the broken one"
    );
    assert!(words(&folder.stdout).contains("Deployment cartservice"));
}

#[test]
fn a_path_that_is_not_there_is_no_clean_manifest() {
    let output = run(&["lint", "/no/such/file.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output.stderr).contains("/no/such/file.yaml"),
        "{output:?}"
    );
    assert_eq!(words(&output.stdout), "no findings in what could be read\n");
}
