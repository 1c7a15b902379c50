//! `replay FILE`, and `/recording`, which it reads.

use std::fmt::Write as _;

use serde_json::Value;

use crate::exporter::{
    Exporter, address, argument, cartservice, nobody, pod, run, run_on, until, words,
};

/// Attempts ten seconds apart, of so many seconds each.
fn recording(totals: &[f64]) -> String {
    let mut text = String::new();
    for (at, total) in (1_795_000_000_u64..).step_by(10).zip(totals) {
        writeln!(
            text,
            r#"{{"target":"a/b/c:1/","at":{at},"establishment":0.001,"total":{total},"status":"SERVING"}}"#
        )
        .unwrap();
    }
    text
}

/// A day on which one second was too little, three times in a row.
fn slow() -> String {
    let mut totals = vec![0.2; 30];
    totals[10..13].fill(1.4);
    recording(&totals)
}

fn replay(input: &str, flags: &[&str]) -> std::process::Output {
    run_on(input, &[&["replay", "-"], flags].concat())
}

#[test]
fn a_budget_that_would_have_killed_is_exit_1_and_one_that_holds_is_exit_0() {
    let output = replay(
        &slow(),
        &["--timeout=1s", "--period=10s", "--failure-threshold=3"],
    );
    let text = words(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("a/b/c:1/: 30 attempts, 10.0 s apart\n"),
        "{text}"
    );
    assert!(
        text.contains("1 to 1 kills over 1 tick phase(s), 3 failures"),
        "{text}"
    );
    assert!(
        text.contains("a hang is noticed after 31 s at worst"),
        "{text}"
    );
    assert!(text.contains("nothing recommended"), "{text}");

    for holds in [
        &["--timeout=2s"][..],
        &["--failure-threshold=4"],
        &[
            "--timeout",
            "5s",
            "--period",
            "15s",
            "--failure-threshold",
            "5",
        ],
    ] {
        let output = replay(&slow(), holds);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{holds:?}: {}",
            words(&output.stdout)
        );
    }
}

#[test]
fn a_recommendation_comes_with_enough_attempts() {
    let output = replay(&slow(), &["--min-samples=20"]);
    let text = words(&output.stdout);
    assert!(text.contains("  recommended: timeout 3 s"), "{text}");
}

#[test]
fn the_answer_as_json_has_the_figures_of_the_words() {
    let output = replay(&slow(), &["--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answer = &answer[0];
    assert_eq!(answer["target"], "a/b/c:1/");
    assert_eq!(answer["probe_type"], "Liveness");
    assert_eq!(answer["samples"], 30);
    assert_eq!(answer["failures"], 3);
    assert_eq!(answer["kills"]["max"], 1);
    assert_eq!(answer["spec"]["timeoutSeconds"], 1);
    assert_eq!(answer["recommended_timeout_seconds"], Value::Null);
    assert!(answer["refusal"].as_str().is_some(), "{answer}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn readiness_counts_times_unready() {
    let output = replay(
        &slow(),
        &["--probe-type=readiness", "--success-threshold=2"],
    );
    assert_eq!(output.status.code(), Some(1));
    let text = words(&output.stdout);
    assert!(text.contains("1 to 1 times unready"), "{text}");
}

#[test]
fn targets_are_replayed_apart() {
    let other = recording(&[0.1; 30]).replace("a/b/c:1/", "x/y/z:1/");
    let output = replay(&(slow() + &other), &["--json"]);
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers[0]["kills"]["max"], 1);
    assert_eq!(answers[1]["target"], "x/y/z:1/");
    assert_eq!(answers[1]["kills"]["max"], 0);
    assert_eq!(output.status.code(), Some(1), "one is enough");
}

#[test]
fn what_is_no_recording_is_named_with_its_line_and_exit_2() {
    let good = recording(&[0.1]);
    for (text, said) in [
        (String::new(), "-: no attempts in it"),
        (format!("{good}not json\n"), "-: line 2: "),
        (format!("{good}{good}{{\"at\":1}}\n"), "-: line 3: "),
        (good.replace("0.1", "-0.1"), "-: line 1: `total` is -0.1"),
        (good.replace("\"SERVING\"", "\"FINE\""), "-: line 1: "),
    ] {
        let output = replay(&text, &[]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        let stderr = words(&output.stderr);
        assert!(stderr.starts_with(said), "{stderr}");
        assert_eq!(words(&output.stdout), "", "half an answer is none");
    }
    let output = run(&["replay", "/no/such/recording"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output.stderr).starts_with("/no/such/recording: "));
}

#[test]
fn a_budget_that_kubernetes_does_not_know_is_exit_2() {
    for (flags, said) in [
        (&["--timeout=1500ms"][..], "--timeout must be whole seconds"),
        (&["--timeout=0s"], "--timeout must be whole seconds"),
        (&["--period=0s"], "--period must be whole seconds"),
        (&["--failure-threshold=0"], "--failure-threshold"),
        (
            &["--success-threshold=2"],
            "--success-threshold must be 1 for Liveness",
        ),
        (&["--probe-type=lively"], "lively"),
        (&["--timeout=soon"], "--timeout"),
    ] {
        let output = replay(&slow(), flags);
        let stderr = words(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
        assert!(stderr.contains(said), "{flags:?}: {stderr}");
    }
}

#[tokio::test]
async fn what_the_exporter_recorded_can_be_replayed() {
    let cart = cartservice().await;
    let exporter = Exporter::start(
        &[("cart.yaml", &pod("cart", address(&cart)))],
        &["--probe.interval=200ms", "--probe.max-rate-per-pod=20"],
    );
    let recorded = until("five attempts", || {
        let answer = exporter.get("/recording?namespace=shop&pod=cart&container=server");
        (answer.text().lines().count() >= 5).then_some(answer)
    });
    assert_eq!(recorded.status, 200);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &recorded.body).unwrap();
    let output = run(&["replay", "--json", "--timeout=5s", argument(file.path())]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    let target = format!("shop/cart/server:{}/", address(&cart).port());
    assert_eq!(answers[0]["target"], target);
    assert_eq!(answers[0]["samples"], recorded.text().lines().count());
    assert_eq!(answers[0]["failures"], 0);

    assert_eq!(exporter.get("/recording?pod=other").text(), "");
    let unknown = exporter.get("/recording?node=a");
    assert_eq!(unknown.status, 400);
    assert!(unknown.text().contains("`node`"), "{unknown:?}");
}

#[tokio::test]
async fn what_probe_printed_as_json_can_be_replayed() {
    let cart = cartservice().await;
    let target = address(&cart).to_string();
    let mut printed = String::new();
    for _ in 0..3 {
        printed += &words(&run(&["probe", &target, "--json"]).stdout);
    }
    let (_socket, closed) = nobody();
    let closed = closed.to_string();
    printed += &words(&run(&["probe", &closed, "--json"]).stdout);
    let output = replay(&printed, &["--json", "--timeout=5s"]);
    let answers: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let samples = |name: &str| {
        let answers = answers.as_array().unwrap();
        let answer = answers.iter().find(|answer| answer["target"] == name);
        answer.map(|answer| (answer["samples"].clone(), answer["failures"].clone()))
    };
    assert_eq!(samples(&target), Some((3.into(), 0.into())), "{answers}");
    assert_eq!(samples(&closed), Some((1.into(), 1.into())), "refused");
}
