//! `explain --candidate`: another spec in an autoscaler's place, as a person tries it.

use std::path::Path;

use serde_json::Value;

use crate::exporter::run;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// Of the fixture's frontend, which has 4, wants 8 and gets 5.
fn explained(candidate: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    beside(("maximum", "frontend"), candidate, more)
}

/// Of an autoscaler in a fixture.
fn beside(
    (objects, name): (&str, &str),
    candidate: &Path,
    more: &[&str],
) -> (Option<i32>, String, String) {
    let source = format!("--source=files:{FIXTURES}/{objects}");
    let candidate = candidate.to_str().unwrap();
    let asked = ["explain", "-n", "sre-demo", name, &source];
    run([&asked[..], &["--candidate", candidate], more].concat())
}

/// The fixture's candidate with something else in the place of something.
fn changed(from: &str, to: &str) -> tempfile::TempPath {
    let text = std::fs::read_to_string(format!("{FIXTURES}/candidate/ten.yaml")).unwrap();
    assert!(text.contains(from), "{from}");
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), text.replace(from, to)).unwrap();
    file.into_temp_path()
}

#[test]
fn another_spec_is_told_beside_the_real_answer() {
    let path = format!("{FIXTURES}/candidate/ten.yaml");
    let (code, answer, _) = explained(Path::new(&path), &[]);
    assert_eq!(code, Some(0));
    assert!(
        answer.contains("\nWants 8, gets 5: max 5; unmet 3.\n"),
        "{answer}"
    );
    let told = format!(
        "\nWith {path}, between 2 and 10:\nWants 8, gets 7: at most 7 at once; unmet 1.\n  cpu 100 % of 50 % proposes 8;"
    );
    assert!(answer.contains(&told), "{answer}");

    let (_, json, _) = explained(Path::new(&path), &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["answer"], answer.as_str());
    let (real, candidate) = (&json["decision"], &json["candidate"]["finding"]["decision"]);
    assert_eq!(
        (&real["desired"], &candidate["desired"]),
        (&5.into(), &7.into())
    );
    assert_eq!(json["candidate"]["unknown"], Value::Array(Vec::new()));
}

const REQUESTS: &str = "    - type: Pods
      pods:
        metric:
          name: requests
        target:
          type: AverageValue
          averageValue: 10
";

#[test]
fn what_nobody_asks_for_today_is_not_known_and_not_guessed() {
    let too = changed("  behavior:", &format!("{REQUESTS}  behavior:"));
    let (code, answer, _) = explained(&too, &[]);
    assert_eq!(code, Some(0));
    assert!(answer.contains("Wants 8, gets 7:"), "{answer}");
    assert!(
        answer.ends_with("  requests is not known: the real autoscaler does not ask for it.\nWith all its metrics it would want so many or more.\n"),
        "{answer}"
    );

    let cpu = "    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: 50
";
    let alone = changed(cpu, REQUESTS);
    let (_, answer, _) = explained(&alone, &[]);
    assert!(
        answer.ends_with("does not ask for it.\nWhat it would want is not known.\n"),
        "{answer}"
    );
    let (_, json, _) = explained(&alone, &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["candidate"]["finding"], Value::Null);
    assert_eq!(
        json["candidate"]["unknown"],
        serde_json::json!(["requests"])
    );

    // With more replicas than its maximum no metric is asked.
    let text = std::fs::read_to_string(&alone).unwrap();
    std::fs::write(&alone, text.replace("maxReplicas: 10", "maxReplicas: 3")).unwrap();
    let (_, answer, _) = explained(&alone, &[]);
    let told = "between 2 and 3:\nGets 3: there are more replicas than the maximum, and no metric is asked.\n";
    assert!(answer.ends_with(told), "{answer}");
}

#[test]
fn a_resource_that_is_measured_is_known_though_the_real_autoscaler_does_not_ask_for_it() {
    let memory = changed("name: cpu", "name: memory");
    let text = std::fs::read_to_string(&memory).unwrap();
    std::fs::write(&memory, text.replace("frontend", "cartservice")).unwrap();
    let (_, answer, _) = beside(("measured", "cartservice"), &memory, &[]);
    let (_, told) = answer.split_once("between 2 and 10:\n").unwrap();
    assert!(
        told.contains("  memory ") && told.contains(" proposes "),
        "{answer}"
    );
    assert!(!answer.contains("not known: the real"), "{answer}");
}

#[test]
fn a_candidate_that_is_none_is_refused_with_its_field() {
    for (from, to, told) in [
        (
            "maxReplicas: 10",
            "maxReplicas: 1",
            "spec.maxReplicas must be at least minReplicas",
        ),
        (
            "averageUtilization: 50",
            "averageUtilization: lots",
            "spec.metrics[0].resource.target.averageUtilization",
        ),
        (
            "kind: Deployment",
            "kind: StatefulSet",
            "spec.scaleTargetRef: StatefulSet frontend is not what sre-demo/frontend scales",
        ),
        (
            "kind: HorizontalPodAutoscaler",
            "kind: Pod",
            "no HorizontalPodAutoscaler",
        ),
    ] {
        let path = changed(from, to);
        let (code, answer, error) = explained(&path, &[]);
        assert_eq!((code, &*answer), (Some(2), ""), "{error}");
        assert!(error.contains(told), "{told}: {error}");
    }
    let (code, _, error) = explained(Path::new("/no/such/file.yaml"), &[]);
    assert_eq!(code, Some(2));
    assert!(error.starts_with("/no/such/file.yaml: "), "{error}");
}
