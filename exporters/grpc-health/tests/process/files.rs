//! Files that break and are mended while the exporter runs.

use std::fs;

use crate::exporter::{Exporter, address, cartservice, pod, until};

/// Successful attempts of a pod so far.
fn successful(exporter: &Exporter, pod: &str) -> Option<f64> {
    let series = exporter.series(&[
        "grpc_probe_attempts_total{",
        &format!("pod=\"{pod}\""),
        "result=\"successful\"",
    ]);
    series.first()?.rsplit(' ').next()?.parse().ok()
}

fn problems(exporter: &Exporter) -> Option<f64> {
    let series = exporter.series(&["kube_watch_problems{", "kind=\"Pod\""]);
    series.first()?.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn a_file_that_breaks_is_named_and_the_others_go_on_until_it_is_mended() {
    let cart = cartservice().await;
    let (good, other) = (pod("good", address(&cart)), pod("other", address(&cart)));
    let exporter = Exporter::start(&[("good.yaml", &good), ("other.yaml", &other)], &[]);
    until("both are probed", || {
        let both = ["good", "other"].map(|name| successful(&exporter, name));
        both.iter().all(|count| *count >= Some(1.0)).then_some(())
    });
    assert_eq!(problems(&exporter), Some(0.0));
    let landing = exporter.get("/").text();
    assert!(!landing.contains("other.yaml"), "{landing}");

    let path = exporter.pods.join("other.yaml");
    fs::write(&path, other.replace("metadata: {name", "metadata: {{name")).unwrap();
    until("the problem is counted", || {
        (problems(&exporter) == Some(1.0)).then_some(())
    });
    let landing = exporter.get("/").text();
    let place = format!("{}:3", path.display());
    assert!(landing.contains(&place), "{place}: {landing}");
    let before = successful(&exporter, "good");
    until("the good one goes on", || {
        (successful(&exporter, "good") > before).then_some(())
    });
    assert!(
        successful(&exporter, "other") >= Some(1.0),
        "what was known of the other stays"
    );

    fs::write(&path, other.replace("name: other", "name: mended")).unwrap();
    until("the problem is over", || {
        (problems(&exporter) == Some(0.0)).then_some(())
    });
    until("the mended one is probed", || {
        (successful(&exporter, "mended") >= Some(1.0)).then_some(())
    });
    assert_eq!(successful(&exporter, "other"), None);
    assert!(!exporter.get("/").text().contains("other.yaml"));
}

#[test]
fn an_exporter_that_begins_on_a_broken_file_alone_is_ready_and_says_so() {
    let exporter = Exporter::start(&[("broken.yaml", "kind: [Pod\n")], &[]);
    assert_eq!(problems(&exporter), Some(1.0));
    let landing = exporter.get("/").text();
    assert!(landing.contains("broken.yaml"), "{landing}");
    fs::remove_file(exporter.pods.join("broken.yaml")).unwrap();
    until("nothing is wrong", || {
        (problems(&exporter) == Some(0.0)).then_some(())
    });
}

#[test]
fn names_from_a_manifest_are_text_on_the_landing_page() {
    let script = "<script>alert(1)</script>";
    let yaml = pod("odd", "127.0.0.1:1".parse().unwrap())
        .replace("name: server", &format!("name: \"{script}\""));
    let exporter = Exporter::start(&[("odd.yaml", &yaml)], &[]);
    let landing = until("it is on the page", || {
        let landing = exporter.get("/").text();
        landing.contains("alert(1)").then_some(landing)
    });
    assert!(!landing.contains(script), "{landing}");
}
