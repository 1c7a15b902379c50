//! The day, in a folder: policies come, are put right, break, and go.

use crate::exporter::{Exporter, platform, until};

fn read(name: &str) -> String {
    std::fs::read_to_string(platform(name)).unwrap()
}

/// The shop's manifests, in its namespace.
fn shop() -> String {
    let manifests = read("shop-base/shop.yaml");
    manifests.replace("\nmetadata:\n", "\nmetadata:\n  namespace: sre-demo\n")
}

#[test]
fn policies_that_are_written_into_the_folder_turn_the_calls_they_cut() {
    let flows = platform("flows.yaml").display().to_string();
    let exporter = Exporter::start(
        &[("shop.yaml", &shop())],
        &[&format!("--flows={flows}"), "--flows.infer=false"],
    );
    assert_eq!(exporter.in_state("ok"), 17);
    // The folder has no DNS.
    assert_eq!(exporter.in_state("target_absent"), 10);
    let deny = read("policies/day-one/default-deny-ingress.yaml");
    let allow = read("policies/day-one/allow-frontend-ingress.yaml");
    exporter.write("deny.yaml", &deny);
    exporter.write("allow.yaml", &allow);
    until("fifteen calls are blocked", || {
        (exporter.in_state("blocked_by_policy") == 15).then_some(())
    });
    let flows = exporter.flows();
    let redis = flows
        .iter()
        .find(|it| it["destination"] == "svc/redis-cart.sre-demo")
        .unwrap();
    assert_eq!(redis["blocking"][0]["name"], "default-deny-ingress");
    assert_eq!(redis["expected"], false);
    assert_eq!(redis["observed"], serde_json::Value::Null);
    let changes = exporter.get("/changes.json").body;
    assert!(
        changes.contains("after policy sre-demo/default-deny-ingress"),
        "{changes}"
    );

    // A file that breaks hides no other, and is said to be broken.
    exporter.write("allow.yaml", &allow.replace("spec:", "spec: ["));
    until("the broken file is named", || {
        exporter.get("/").body.contains("allow.yaml:").then_some(())
    });
    assert_eq!(exporter.in_state("blocked_by_policy"), 15);

    std::fs::remove_file(exporter.folder.path().join("deny.yaml")).unwrap();
    until("all calls are let through again", || {
        (exporter.in_state("ok") == 17).then_some(())
    });
}

#[test]
fn flows_are_read_again_and_a_broken_file_does_not_forget_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.yaml");
    let line = |line: &str| format!("namespace: sre-demo\nrequiredFlows: [{line}]\n");
    let one = "{from: frontend, to: svc/cartservice:7070}";
    std::fs::write(&path, line(one)).unwrap();
    let exporter = Exporter::start(
        &[("shop.yaml", &shop())],
        &[&format!("--flows={}", path.display())],
    );
    assert_eq!(exporter.flows().len(), 1);
    let two = format!("{one}, {{from: frontend, to: svc/adservice:9555}}");
    std::fs::write(&path, line(&two)).unwrap();
    until("the second flow", || {
        (exporter.flows().len() == 2).then_some(())
    });
    std::fs::write(&path, "requiredFlows: [").unwrap();
    until("the problem", || {
        exporter
            .get("/metrics")
            .body
            .contains("netpol_required_flow_problems{} 1")
            .then_some(())
    });
    assert_eq!(exporter.flows().len(), 2);
}

#[test]
fn what_is_written_twice_or_refused_is_named_and_the_rest_is_in_force() {
    let exporter = Exporter::start(&[("shop.yaml", &shop())], &[]);
    let deny = read("policies/day-one/default-deny-ingress.yaml");
    exporter.write("deny.yaml", &deny);
    exporter.write("deny-again.yaml", &deny);
    exporter.write(
        "careless.yaml",
        &deny
            .replace(
                "podSelector: {}",
                "podSelector: {matchLabels: {\"a b\": c}}",
            )
            .replace("default-deny-ingress", "careless"),
    );
    for named in [
        "deny.yaml:",
        "sre-demo/careless",
        "spec.podSelector.matchLabels",
    ] {
        until(named, || {
            exporter.get("/").body.contains(named).then_some(())
        });
    }
    until("the deny is in force", || {
        (exporter.in_state("blocked_by_policy") >= 15).then_some(())
    });
}

#[test]
fn the_grid_is_drawn_from_what_is_served_and_says_why() {
    let exporter = Exporter::start(&[("shop.yaml", &shop())], &[]);
    exporter.write(
        "deny.yaml",
        &read("policies/day-one/default-deny-ingress.yaml"),
    );
    until("the deny", || {
        (exporter.in_state("blocked_by_policy") > 0).then_some(())
    });
    let page = exporter.get("/matrix");
    assert_eq!(page.status, 200);
    assert!(page.head.contains("script-src 'self'"), "{}", page.head);
    for resource in page.body.split("src=\"").skip(1) {
        let resource = resource.split('"').next().unwrap();
        assert_eq!(
            exporter.get(&format!("/{resource}")).status,
            200,
            "{resource}"
        );
    }
    let grid: serde_json::Value = serde_json::from_str(&exporter.get("/matrix.json").body).unwrap();
    let names = |key: &str| grid[key].as_array().unwrap().len();
    assert_eq!(
        (names("sources"), names("rows")),
        (13, 13),
        "12 and the outside"
    );
    let why = exporter
        .get("/explain?source=sre-demo/frontend&destination=sre-demo/cartservice&port=TCP%207070");
    assert_eq!(why.status, 200);
    assert!(
        why.body
            .contains("isolated by sre-demo/default-deny-ingress"),
        "{}",
        why.body
    );
    for (query, named) in [
        ("", "port is missing"),
        ("?source=a&destination=b&port=80", "no port"),
        ("?source=a&destination=b/c&port=TCP%2080", "no workload"),
        (
            "?source=external&destination=b/c&port=TCP%2080",
            "no workload",
        ),
    ] {
        let answer = exporter.get(&format!("/explain{query}"));
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(named), "{query}: {}", answer.body);
    }
}
