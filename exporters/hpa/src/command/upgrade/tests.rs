use hpa_engine::Architecture;
use serde_json::json;

use super::*;
use crate::recording::Line;

/// Ten pods at 55 % of their request, of which they are to use 50 %: outside of the tolerance until 1.32, for want of a bit.
fn line(second: i64) -> Line {
    let pods: Vec<_> = (0..10)
        .map(|index| {
            json!({
                "name": format!("web-{index}"), "labels": {"app": "web"}, "phase": "Running", "start_time": 1,
                "ready": {"status": "True", "since": 2},
                "containers": [{"name": "app", "requests": {"cpu": "100m"}}],
            })
        })
        .collect();
    let usage: Vec<_> = (0..10)
        .map(|index| {
            json!({
                "pod": format!("web-{index}"), "timestamp": second * 1_000_000_000, "window": {"secs": 30, "nanos": 0},
                "containers": [{"name": "app", "usage": {"cpu": "55m"}}],
            })
        })
        .collect();
    let line = json!({
        "now": second * 1_000_000_000,
        "autoscaler": {"namespace": "shop", "name": "web", "spec": {
            "target": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minimum": 1, "maximum": 20,
            "metrics": [{"source": {"Resource": {"name": "cpu"}}, "target": {"type": "Utilization", "averageUtilization": 50}}],
            "behavior": null,
        }},
        "scale": {"Ok": {"replicas": 10, "reported_replicas": 10, "selector": "app=web"}},
        "pods": pods,
        "samples": {"resource": {"Ok": usage}},
        "put": {"Done": second * 1_000_000_000},
    });
    serde_json::from_value(line).expect("a line")
}

fn recorded(lines: &[Line]) -> String {
    let minor = Minor::try_from(32).expect("known");
    let controller = Controller {
        profile: Profile::new(minor, Architecture::Amd64, hpa_engine::Gates::default()),
        ..Controller::default()
    };
    recording::write(lines.iter().map(|line| (&controller, line))).expect("JSON")
}

fn args(to: &str) -> UpgradeArgs {
    UpgradeArgs {
        recording: "-".into(),
        from: None,
        to: to.parse().expect("known"),
        gates: Vec::new(),
        json: false,
    }
}

fn answered(to: &str) -> Vec<Answer> {
    let text = recorded(&[line(1_764_063_600), line(1_764_063_615)]);
    let recording = recording::read(&text).expect("reads back");
    answers(&args(to), &recording).expect("flags in order")
}

#[test]
fn an_upgrade_tells_where_versions_part_and_why() {
    let answers = answered("1.36");
    assert_eq!((answers[0].syncs, answers[0].changes.len()), (2, 2));
    let text = words(Minor::V36, &answers);
    assert!(
        text.starts_with("shop/web: 2 of 2 syncs come out otherwise under 1.36 than under 1.32\n"),
        "{text}"
    );
    assert!(
        text.contains("2025-11-25T09:40:00Z  10 replicas, 1.32: 11; 1.36: 10, tolerance"),
        "{text}"
    );
    let answer: serde_json::Value =
        serde_json::from_str(&json(Minor::V36, &answers)).expect("JSON");
    assert_eq!(
        answer["autoscalers"][0]["changes"][0]["after"]["desired"],
        10
    );
    assert!(answered("1.32")[0].changes.is_empty());
}

/// Recordings are kept by people: what one version wrote, the next has to read. `UPDATE_RECORDING=1` writes it anew.
#[test]
fn the_format_of_a_recording_stays() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/upgrade/recording.jsonl"
    );
    let text = recorded(&[line(1_764_063_600), line(1_764_063_615)]);
    if std::env::var_os("UPDATE_RECORDING").is_some() {
        std::fs::write(path, &text).expect("a file");
    }
    assert_eq!(std::fs::read_to_string(path).expect("a file"), text);
}

#[test]
fn what_is_written_is_read_back_by_autoscaler() {
    let other = |second| {
        let mut line = line(second);
        line.sync.autoscaler.name = "api".to_owned();
        line
    };
    let mut first = line(30);
    first.before = Some(hpa_engine::Before::default());
    let lines = [first, other(10), line(45), other(25)];
    let recording = recording::read(&recorded(&lines)).expect("reads back");
    assert_eq!(
        lengths(&recording),
        [("shop/api", 0, 2), ("shop/web", 0, 2)]
    );
    let web = &recording.autoscalers["shop/web"][0];
    assert_eq!(web.syncs[1], lines[2].sync);
}

/// How many syncs each film has.
fn lengths(recording: &Recording) -> Vec<(&str, usize, usize)> {
    let all = recording.autoscalers.iter().flat_map(|(name, films)| {
        let films = films.iter().enumerate();
        films.map(move |(place, film)| (name.as_str(), place, film.syncs.len()))
    });
    all.collect()
}

#[test]
fn what_was_remembered_begins_anew_and_so_does_another_head() {
    const BEGIN: i64 = 1_764_063_600;
    let mut apart = line(BEGIN - 15);
    apart.before = Some(hpa_engine::Before::default());
    let one = recorded(&[line(BEGIN), apart, line(BEGIN + 15)]);
    let read = recording::read(&one).expect("reads back");
    assert_eq!(lengths(&read), [("shop/web", 0, 1), ("shop/web", 1, 2)]);

    // As a controller of 1.36 would have been recorded, behind the other.
    let other = one.replacen("\"minor\":32", "\"minor\":36", 1);
    let both = recording::read(&format!("{one}{other}")).expect("reads back");
    assert_eq!(both.autoscalers["shop/web"].len(), 4);
    let answers = answers(&args("1.36"), &both).expect("flags in order");
    let told: Vec<_> = answers
        .iter()
        .map(|it| (u32::from(it.from), it.syncs, it.changes.len()))
        .collect();
    assert_eq!(told, [(32, 3, 3), (36, 3, 0)]);
}

#[test]
fn a_wrong_line_is_named() {
    let good = recorded(&[line(30)]);
    for (text, expected) in [
        (String::new(), "no syncs in it"),
        (
            good.lines().next().unwrap_or_default().to_owned(),
            "no syncs in it",
        ),
        ("{}".to_owned(), "line 1: missing field `recording`"),
        (
            good.replacen("\"version\":1", "\"version\":2", 1),
            "line 1: not the head",
        ),
        (
            good.replacen("\"minor\":32", "\"minor\":12", 1),
            "line 1: profile.minor: Kubernetes 1.12 is not known",
        ),
        (format!("{good}{{\n"), "line 3: EOF"),
        (
            good.replacen("\"maximum\":20", "\"maximum\":\"x\"", 1),
            "line 2: ",
        ),
        (
            recorded(&[line(30), line(15)]),
            "line 3: shop/web is synced before",
        ),
        (
            format!(
                "{good}{}",
                good.replacen("\"version\":1", "\"version\":2", 1)
            ),
            "line 3: not the head",
        ),
    ] {
        let error = recording::read(&text).expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
