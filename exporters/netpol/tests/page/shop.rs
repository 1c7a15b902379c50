//! The shop's day, from manifests alone: what its policies made of its calls.

use crate::story::{Story, platform};

const FRONTEND: &str = "sre-demo/loadgenerator -> svc/frontend.sre-demo:80 TCP";
const EMAIL: &str = "sre-demo/checkoutservice -> svc/emailservice.sre-demo:5000 TCP";

#[test]
fn the_days_policies_cut_fifteen_calls_and_say_since_when_and_by_what() {
    let mut story = Story::shop();
    assert_eq!(story.in_state("ok").len(), 17 + 2 * 5);
    story.after(60);
    story.apply(&platform("policies/day-one"));
    let blocked = story.in_state("blocked_by_policy");
    assert_eq!(blocked.len(), 15, "{blocked:#?}");
    assert!(!blocked.contains(&FRONTEND.to_owned()));
    let found = story.flow(EMAIL);
    assert_eq!(found.since.as_secs(), crate::story::BEGIN + 60);
    let cause = found.cause.to_string();
    assert!(
        cause.starts_with("after policy sre-demo/default-deny-ingress (revision content "),
        "{cause}"
    );
    let blocking: Vec<_> = found
        .expectation
        .blocking
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(blocking, ["default-deny-ingress"]);
    story.after(60);
    assert_eq!(story.flow(EMAIL).since, found.since, "an age grows");
    story.is_golden("day-one");
}

#[test]
fn flows_beyond_the_most_have_no_series_and_are_counted() {
    let mut story = Story::shop();
    let page = story.scrape_at_most(3);
    let series = |name: &str| page.lines().filter(|it| it.starts_with(name)).count();
    assert_eq!(series("netpol_required_flow_info{"), 3);
    assert_eq!(series("netpol_required_flow_state{"), 3 * 7);
    let dropped = format!("netpol_required_flows_dropped{{}} {}", 17 + 2 * 5 - 3);
    assert!(page.contains(&dropped), "{page}");
    assert!(
        page.contains("netpol_required_flows{state=\"ok\"} 27"),
        "{page}"
    );
}

#[test]
fn the_right_policies_let_every_call_through() {
    let mut story = Story::shop();
    story.apply(&platform("policies/shop"));
    assert_eq!(story.in_state("ok").len(), 17 + 2 * 5);
    story.is_golden("shop");
}

#[test]
fn without_one_policy_exactly_its_call_is_blocked_and_with_it_again_none() {
    let mut story = Story::shop();
    story.apply(&platform("policies/shop"));
    story.decide();
    story.after(10);
    story.without_policy("cartservice-to-redis-cart-ingress");
    let blocked = story.in_state("blocked_by_policy");
    assert_eq!(
        blocked,
        ["sre-demo/cartservice -> svc/redis-cart.sre-demo:6379 TCP"]
    );
    let cause = story.flow(&blocked[0]).cause.to_string();
    assert_eq!(
        cause,
        "after policy sre-demo/cartservice-to-redis-cart-ingress (gone)"
    );
    story.apply(&platform("policies/shop/cartservice-to-redis-cart.yaml"));
    assert_eq!(story.in_state("blocked_by_policy"), [""; 0]);
}

#[test]
fn the_services_port_in_place_of_the_pods_blocks_one_call_and_the_hint_says_so() {
    let mut story = Story::shop();
    story.apply(&platform("policies/shop"));
    let path = platform("policies/shop/checkoutservice-to-emailservice.yaml");
    let policy = std::fs::read_to_string(path).unwrap();
    let wrong = policy.replace("port: 8080", "port: 5000");
    assert_ne!(wrong, policy);
    assert_eq!(story.written(&wrong), [""; 0]);
    assert_eq!(story.in_state("blocked_by_policy"), [EMAIL]);
    let why = story.flow(EMAIL).expectation.why.clone();
    assert!(
        why.contains("port TCP 5000, but emailservice's target port is 8080"),
        "{why}"
    );
}

#[test]
fn a_call_that_a_pods_environment_names_is_required_and_one_to_nobody_is_absent_and_not_blocked() {
    let mut story = Story::new();
    story.apply(&platform("shop-base/shop.yaml"));
    story.apply(&platform("policies/day-one"));
    story.model.require(Vec::new(), true);
    let states = story.states();
    let state = |name: &str| states.iter().find(|it| it.0 == name).map(|it| it.1);
    let assistant = "sre-demo/frontend -> svc/shoppingassistantservice.sre-demo:80 TCP";
    assert_eq!(state(assistant), Some("target_absent"));
    let redis = "sre-demo/cartservice -> svc/redis-cart.sre-demo:6379 TCP";
    assert_eq!(state(redis), Some("blocked_by_policy"));
    assert_eq!(state(FRONTEND), Some("ok"));
    // Sixteen calls and the assistant.
    assert_eq!(states.len(), 17, "{states:#?}");
    assert!(story.decide().iter().all(|it| it.origin() == "inferred"));
}
