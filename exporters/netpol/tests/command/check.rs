//! `check`

use crate::shop::{DAY_ONE, FLOWS, RIGHT, SHOP, argument, folder, said, with_the_services_port};

fn blocked(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("blocked    "))
        .collect()
}

#[test]
fn the_days_policies_block_fifteen_of_the_calls_and_say_why() {
    let (text, code) = said(&["check", FLOWS, SHOP, DAY_ONE]);
    assert_eq!(code, Some(1));
    let blocked = blocked(&text);
    assert_eq!(blocked.len(), 15, "{text}");
    assert!(
        blocked.contains(&"cartservice -> svc/redis-cart:6379"),
        "{text}"
    );
    assert!(
        blocked.contains(&"frontend -> svc/adservice:9555, which the application does without"),
        "{text}"
    );
    assert!(
        text.contains(
            "ingress of sre-demo/redis-cart is closed by sre-demo/default-deny-ingress\n"
        ),
        "{text}"
    );
    // The shop's manifests have no DNS: that is not the policies' fault.
    assert!(
        text.contains(
            "absent     svc/kube-dns.kube-system:53 UDP: there is no such Service (frontend, "
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "27 required flows: 15 blocked, 10 without a source or a target, 2 allowed\n"
        ),
        "{text}"
    );
}

#[test]
fn the_right_policies_block_nothing() {
    let (text, code) = said(&["check", FLOWS, SHOP, RIGHT]);
    assert_eq!(code, Some(0), "{text}");
    assert!(blocked(&text).is_empty(), "{text}");
    assert!(
        text.ends_with("27 required flows: 10 without a source or a target, 17 allowed\n"),
        "{text}"
    );
}

#[test]
fn the_services_port_in_a_policy_is_found_with_its_file_and_line() {
    let policies = with_the_services_port();
    let (text, code) = said(&["check", FLOWS, SHOP, argument(policies.path())]);
    assert_eq!(code, Some(1));
    assert_eq!(blocked(&text), ["checkoutservice -> svc/emailservice:5000"]);
    let hint = "nearest is sre-demo/checkoutservice-to-emailservice-ingress ingress[0]: port TCP 5000, but emailservice's target port is 8080: 5000 is the Service's own, which policies never see";
    let place = format!(
        "{}/checkoutservice-to-emailservice.yaml:24)",
        policies.path().display()
    );
    assert!(text.contains(&format!("{hint} ({place}")), "{text}");
}

#[test]
fn without_a_file_of_flows_they_are_read_from_the_environment() {
    let (text, code) = said(&["check", "--namespace=sre-demo", SHOP, DAY_ONE]);
    assert_eq!(code, Some(1));
    // What the frontend's environment names and nobody runs is absent, not blocked.
    assert!(
        text.contains(
            "absent     svc/shoppingassistantservice:80: there is no such Service (frontend)"
        ),
        "{text}"
    );
    assert!(
        text.contains("inferred from containers' environment"),
        "{text}"
    );
    assert!(
        blocked(&text).contains(&"cartservice -> svc/redis-cart:6379"),
        "{text}"
    );
}

#[test]
fn what_the_api_server_would_refuse_is_said_as_it_says_it() {
    let policies = folder(&[(
        "a.yaml",
        "# a comment\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec:\n  podSelector: {}\n  ingress:\n    - from: [{}]\n      ports: [{port: 70000}]\n",
    )]);
    let (text, code) = said(&["check", FLOWS, SHOP, argument(policies.path())]);
    assert_eq!(code, Some(1), "{text}");
    let place = format!(
        "refused    {}/a.yaml:2: NetworkPolicy sre-demo/a: ",
        policies.path().display()
    );
    assert!(
        text.contains(&format!(
            "{place}spec.ingress[0].from[0]: Required value: must specify a peer"
        )),
        "{text}"
    );
    assert!(
        text.contains(&format!(
            "{place}spec.ingress[0].ports[0].port: Invalid value: \"70000\""
        )),
        "{text}"
    );
    assert!(text.ends_with("refused by the API server: 2\n"), "{text}");
}

#[test]
fn what_is_odd_is_said_and_blocks_nobody() {
    let policies = folder(&[(
        "a.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec:\n  podSelector: {matchLabels: {app: no-such}}\n",
    )]);
    let (text, code) = said(&["check", FLOWS, SHOP, argument(policies.path())]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("a.yaml:1: sre-demo/a spec.podSelector: selects_no_pod"),
        "{text}"
    );
}
