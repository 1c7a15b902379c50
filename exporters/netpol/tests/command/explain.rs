//! `explain`

use crate::shop::{
    DAY_ONE, FLOWS, RIGHT, SHOP, argument, run, said, with_the_services_port, words,
};

#[test]
fn a_service_is_meant_by_its_name_alone() {
    let (text, code) = said(&[
        "explain",
        "checkoutservice",
        "emailservice:5000",
        FLOWS,
        SHOP,
        DAY_ONE,
    ]);
    assert_eq!(code, Some(1));
    assert!(
        text.starts_with("checkoutservice -> svc/emailservice:5000 is blocked\n"),
        "{text}"
    );
    assert!(text.contains("TCP 8080: denied"), "{text}");
    assert!(
        text.contains("isolated by sre-demo/default-deny-ingress"),
        "{text}"
    );
    let place =
        format!("  sre-demo/default-deny-ingress is in {DAY_ONE}/default-deny-ingress.yaml:2\n");
    assert!(text.contains(&place), "{text}");
}

#[test]
fn the_nearest_rule_says_by_what_it_misses() {
    let policies = with_the_services_port();
    let (text, code) = said(&[
        "explain",
        "checkoutservice",
        "svc/emailservice:5000",
        FLOWS,
        SHOP,
        argument(policies.path()),
    ]);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("port TCP 5000, but emailservice's target port is 8080"),
        "{text}"
    );
}

#[test]
fn what_is_allowed_is_explained_too() {
    let (text, code) = said(&[
        "explain",
        "external",
        "frontend-external:80",
        FLOWS,
        SHOP,
        RIGHT,
    ]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("allowed by sre-demo/external-to-frontend"),
        "{text}"
    );
}

#[test]
fn what_is_not_there_is_said_so_and_nonsense_is_refused() {
    let (text, code) = said(&["explain", "frontend", "svc/nobody:80", FLOWS, SHOP, RIGHT]);
    assert_eq!(code, Some(0));
    assert!(text.contains("there is no such Service"), "{text}");
    let output = run(&["explain", "frontend", "cartservice", FLOWS, SHOP]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output.stderr).contains("has to end with :PORT"),
        "{output:?}"
    );
    let output = run(&[
        "explain",
        "frontend",
        "cartservice:7070",
        "--protocol=ICMP",
        FLOWS,
        SHOP,
    ]);
    assert_eq!(output.status.code(), Some(2));
}
