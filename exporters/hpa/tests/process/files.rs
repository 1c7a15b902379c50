//! On objects from files.

use crate::exporter::{Exporter, run};

#[test]
fn once_it_is_ready_the_page_has_every_autoscaler_though_no_file_changes() {
    let exporter = Exporter::on_fixture("maximum");
    exporter.once("/readyz", "HTTP/1.1 200");
    let page = exporter.get("/metrics");
    let count = "hpa_decision_exporter_autoscalers{} 1";
    assert!(page.contains(count), "{page}");
}

fn explained(arguments: &[&str]) -> (Option<i32>, String, String) {
    let source = concat!(
        "--source=files:",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/maximum"
    );
    run([&["explain", source, "-n", "sre-demo"], arguments].concat())
}

#[test]
fn explain_answers_in_words_and_as_json_and_says_whom_it_does_not_know() {
    let (code, answer, _) = explained(&["frontend"]);
    assert_eq!(code, Some(0));
    assert!(
        answer.contains("\nWants 8, gets 5: max 5; unmet 3.\n  cpu 100 % of 50 % proposes 8;"),
        "{answer}"
    );
    let (code, json, _) = explained(&["frontend", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, json["answer"].as_str()), (Some(0), Some(&*answer)));
    let (code, answer, error) = explained(&["nobody"]);
    assert_eq!((code, &*answer), (Some(1), ""));
    assert_eq!(
        error.trim_end(),
        "there is no autoscaler nobody in namespace sre-demo"
    );
}
