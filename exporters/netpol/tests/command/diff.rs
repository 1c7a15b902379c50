//! `diff`

use crate::shop::{DAY_ONE, FLOWS, RIGHT, SHOP, argument, said, with_the_services_port};

const WITH: &str = "--with=manifests/platform/shop-base";

#[test]
fn a_change_that_breaks_a_required_flow_says_so_first() {
    let broken = with_the_services_port();
    let (text, code) = said(&["diff", RIGHT, argument(broken.path()), FLOWS, WITH]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains(
            "27 required flows. Blocked: **1**, and 0 before. Policies: 37, and 37 before."
        ),
        "{text}"
    );
    let row = "| ❌ | `checkoutservice -> svc/emailservice:5000` | allowed | **blocked** |";
    assert!(text.contains(row), "{text}");
    assert!(text.contains("target port is 8080"), "{text}");
    assert!(
        !text.contains("Other edges"),
        "the edge is the flow: {text}"
    );
}

#[test]
fn a_change_that_mends_is_no_failure_and_closes_what_nobody_needs() {
    let (text, code) = said(&["diff", DAY_ONE, RIGHT, FLOWS, WITH]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(
            "27 required flows. Blocked: **0**, and 15 before. Policies: 37, and 2 before."
        ),
        "{text}"
    );
    assert_eq!(text.matches("| ✅ | ").count(), 15, "{text}");
}

#[test]
fn the_same_on_both_sides_is_no_change() {
    let (text, code) = said(&["diff", RIGHT, RIGHT, FLOWS, WITH]);
    assert_eq!(code, Some(0));
    assert!(
        text.ends_with("No edge is lost or gained. Policies: 37, and 37 before.\n"),
        "{text}"
    );
}

#[test]
fn from_no_policies_to_the_days_the_lost_edges_are_listed() {
    let empty = crate::shop::folder(&[]);
    let (text, code) = said(&[
        "diff",
        argument(empty.path()),
        DAY_ONE,
        FLOWS,
        &format!("--with={SHOP}"),
    ]);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("27 required flows. Blocked: **15**, and 0 before."),
        "{text}"
    );
    assert!(
        text.contains("<details><summary>Other edges that are lost: "),
        "{text}"
    );
    assert!(
        text.contains("- `external` → `sre-demo/redis-cart`: all of TCP, all of UDP, all of SCTP"),
        "{text}"
    );
}
