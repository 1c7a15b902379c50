//! What other programs read of `check`.

use serde_json::Value;

use crate::shop::{DAY_ONE, FLOWS, SHOP, argument, said, with_the_services_port};

fn json(format: &str, more: &[&str]) -> Value {
    let format = format!("--format={format}");
    let arguments = [&["check", FLOWS, &format, SHOP], more].concat();
    let (text, code) = said(&arguments);
    assert_eq!(code, Some(1));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn json_says_what_the_text_says() {
    let found = json("json", &[DAY_ONE]);
    let flows = found["flows"].as_array().unwrap();
    let count = |state: &str| flows.iter().filter(|it| it["state"] == state).count();
    assert_eq!(
        (flows.len(), count("blocked"), count("allowed")),
        (27, 15, 2)
    );
    assert_eq!(count("target_absent"), 10);
    let email = flows
        .iter()
        .find(|it| it["flow"] == "checkoutservice -> svc/emailservice:5000")
        .unwrap();
    let cause = &email["causes"][0];
    assert_eq!(cause["direction"], "ingress");
    let by = &cause["closedBy"][0];
    assert_eq!(by["policy"], "sre-demo/default-deny-ingress");
    assert_eq!(
        by["place"]["file"],
        format!("{DAY_ONE}/default-deny-ingress.yaml")
    );
    assert_eq!(by["place"]["line"], 2);
    assert_eq!(found["fails"], true);
}

/// The properties that SARIF 2.1.0 requires of what is written (sections 3.13 to 3.28), and the ones that code hosts ask for beside them.
#[test]
fn sarif_has_what_the_standard_requires() {
    let policies = with_the_services_port();
    for more in [DAY_ONE, argument(policies.path())] {
        let log = json("sarif", &[more]);
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "netpol-exporter");
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            assert!(rule["shortDescription"]["text"].is_string());
            let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
            assert!(["note", "warning", "error"].contains(&level));
        }
        let results = run["results"].as_array().unwrap();
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let level = result["level"].as_str().unwrap();
            assert!(["note", "warning", "error"].contains(&level));
            let location = &result["locations"][0]["physicalLocation"];
            let uri = location["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.contains(' ') && !uri.starts_with('/'), "{uri}");
            if location.get("region").is_some() {
                assert!(location["region"]["startLine"].as_u64() >= Some(1));
            }
        }
        let blocked = results
            .iter()
            .filter(|it| it["ruleId"] == "required-flow-blocked")
            .count();
        assert_eq!(blocked, if more == DAY_ONE { 15 } else { 1 });
    }
}

#[test]
fn sarif_points_at_the_policy_that_comes_nearest() {
    let policies = with_the_services_port();
    let log = json("sarif", &[argument(policies.path())]);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let found = results
        .iter()
        .find(|it| it["ruleId"] == "required-flow-blocked")
        .unwrap();
    let location = &found["locations"][0]["physicalLocation"];
    let uri = location["artifactLocation"]["uri"].as_str().unwrap();
    assert!(
        uri.ends_with("/checkoutservice-to-emailservice.yaml"),
        "{uri}"
    );
    assert!(uri.starts_with("file:///"), "{uri}");
    assert_eq!(location["region"]["startLine"], 24);
    let text = found["message"]["text"].as_str().unwrap();
    assert!(text.contains("target port is 8080"), "{text}");
    // Those that close it are there beside it.
    assert_eq!(found["relatedLocations"].as_array().unwrap().len(), 3);
}

#[test]
fn junit_has_a_test_a_flow_and_its_counts_are_those_of_its_elements() {
    let (text, code) = said(&["check", FLOWS, "--format=junit", SHOP, DAY_ONE]);
    assert_eq!(code, Some(1));
    let count = |what: &str| text.matches(what).count();
    assert_eq!(
        (count("<testcase "), count("<failure "), count("<skipped ")),
        (27, 15, 10)
    );
    let head = r#"tests="27" failures="15" errors="0" skipped="10">"#;
    assert_eq!(count(head), 2, "{text}");
    // Names hold `->`, which XML does not take as it is.
    assert!(
        text.contains(r#"name="cartservice -&gt; svc/redis-cart:6379""#),
        "{text}"
    );
    assert!(!text.contains(" -> "), "{text}");
}
