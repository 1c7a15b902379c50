//! The command line: what is wrong with it is said, and exit 2.

use crate::exporter::{run, words};

/// It ends with 2 and says this.
fn refused(flags: &[&str], said: &str) {
    let output = run(flags);
    let stderr = words(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
    assert!(stderr.contains(said), "{flags:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn an_unknown_flag_is_named_and_the_nearest_one_offered() {
    refused(&["--probe.intervall=1s"], "--probe.intervall");
    refused(&["--probe.intervall=1s"], "--probe.interval");
    refused(&["--no-such-flag"], "--no-such-flag");
    refused(&["pobe", "a:1"], "pobe");
}

#[test]
fn a_value_that_makes_no_sense_is_named_with_its_flag() {
    for (flag, said) in [
        ("--probe.interval=5", "--probe.interval"),
        ("--probe.cap=soon", "--probe.cap"),
        ("--probe.max-rate=-1", "--probe.max-rate"),
        ("--window.samples=many", "--window.samples"),
        ("--source=http://api", "files:PATH"),
        ("--source=files:", "files:PATH"),
        ("--web.listen-address=nowhere", "--web.listen-address"),
    ] {
        refused(&[flag], said);
    }
}

#[test]
fn flags_that_contradict_each_other_are_named_together() {
    let check = ["--config.check", "--source=files:/tmp"];
    for (flags, said) in [
        (
            &["--window.samples=100"][..],
            "--recommend.min-samples=1000 is more than --window.samples=100 keeps",
        ),
        (
            &["--probe.interval=10ms"],
            "--probe.interval=10ms is below 100ms",
        ),
        (
            &["--probe.max-rate=0"],
            "--probe.max-rate must be at least 1",
        ),
        (
            &["--probe.max-rate-per-pod=0"],
            "--probe.max-rate-per-pod must be at least 1",
        ),
        (
            &["--recommend.min-samples=0"],
            "--recommend.min-samples must be at least 1",
        ),
        (&["--namespaces=Not_A_Name"], "Not_A_Name"),
        (&["--selector=app in x"], "app in x"),
    ] {
        refused(&[&check[..], flags].concat(), said);
        refused(
            &[
                &["--source=files:/tmp", "--web.listen-address=127.0.0.1:0"],
                flags,
            ]
            .concat(),
            said,
        );
    }
    refused(&["--probe.cap=3s", "lint", "/tmp"], "cannot be used with");
    refused(&["lint"], "PATH");
    refused(&["replay"], "FILE");
}

#[test]
fn a_good_configuration_is_checked_and_nothing_is_started() {
    let output = run(&[
        "--config.check",
        "--source=files:/tmp",
        "--namespaces=sre-demo,shop",
        "--selector=app=cartservice",
        "--node=lab-0",
        "--probe.allow=10.0.0.0/8,*.sre-demo.svc",
    ]);
    let stderr = words(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("listening"), "{stderr}");
}

#[test]
fn the_version_and_the_help_are_answers_and_no_errors() {
    for flag in ["--version", "--help"] {
        let output = run(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            words(&output.stdout).contains("grpc-health-exporter"),
            "{output:?}"
        );
    }
}
