//! Explanations, suggestions, differences and findings on the shop.
#![expect(clippy::unwrap_used, reason = "a broken manifest is a failed test")]

#[path = "platform/boutique.rs"]
#[expect(dead_code, reason = "shared with the golden tests")]
mod boutique;

use boutique::{flows, shop, with, with_changed};
use netpol_engine::{
    Endpoint, FindingKind, Flow, FlowSource, FlowState, FlowTarget, Matrix, NetworkPolicy,
    NoSuggestion, NumberOrName, Profile, Query, WrittenPolicy, difference, explain, findings,
    suggest,
};

const SHOP: Profile = Profile::SPECIFICATION;

fn set_port(policy: &mut WrittenPolicy, name: &str, port: i64) {
    if policy.metadata.name.as_deref() == Some(name) {
        let rules = policy.spec.as_mut().unwrap().ingress.as_mut().unwrap();
        rules[0].ports.as_mut().unwrap()[0].port = Some(NumberOrName::Number(port));
    }
}

fn to(destination: &str, port: u16) -> Query {
    Query::tcp(
        Endpoint::pod("sre-demo", "checkoutservice-0"),
        Endpoint::pod("sre-demo", &format!("{destination}-1")),
        port,
    )
}

fn edges(found: &[netpol_engine::Edge]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}

/// (d)
#[test]
fn the_services_port_in_place_of_the_pods_is_named_as_such() {
    let cluster = with_changed(&shop(), "shop", |policy| {
        set_port(policy, "checkoutservice-to-emailservice-ingress", 5000);
    });
    let explained = explain(&cluster, &SHOP, &to("emailservice", 8080)).to_string();
    let hint = "sre-demo/checkoutservice-to-emailservice-ingress ingress[0]: port TCP 5000, but emailservice's target port is 8080";
    assert!(explained.contains(hint), "{explained}");
    assert!(explained.contains(
        "isolated by sre-demo/checkoutservice-to-emailservice-ingress, sre-demo/default-deny"
    ));
}

/// (e)
#[test]
fn with_the_way_out_closed_dns_is_the_first_finding() {
    let cluster = with_changed(&shop(), "day-one", |policy| {
        if policy.metadata.name.as_deref() == Some("default-deny-ingress") {
            let both = vec!["Ingress".to_owned(), "Egress".to_owned()];
            policy.spec.as_mut().unwrap().policy_types = Some(both);
        }
    });
    let found = findings(&cluster, &SHOP);
    assert_eq!(found[0].kind, FindingKind::EgressWithoutDns, "{found:?}");
    assert_eq!(found[0].policy.name, "default-deny-ingress");
    assert!(found[0].detail.contains("checkoutservice"), "{}", found[0]);
    // As they were, and as they should be, there is nothing of the kind.
    for folder in ["day-one", "shop"] {
        let found = findings(&with(&shop(), folder), &SHOP);
        assert!(
            found
                .iter()
                .all(|it| it.kind == FindingKind::PeerMatchesNothing),
            "{found:?}"
        );
    }
}

#[test]
fn a_nearest_rule_says_what_is_missing() {
    let cluster = with(&shop(), "shop");
    let explained = explain(&cluster, &SHOP, &to("redis-cart", 6379)).to_string();
    let label = r#"sre-demo/cartservice-to-redis-cart-ingress ingress[0]: peer with app=cartservice, but the pod has "checkoutservice""#;
    assert!(explained.contains(label), "{explained}");
    let query = Query::tcp(
        Endpoint::pod("kube-system", "coredns-0"),
        Endpoint::pod("sre-demo", "redis-cart-0"),
        6379,
    );
    let explained = explain(&cluster, &SHOP, &query).to_string();
    assert!(explained.contains("denied"), "{explained}");
    let allowed = explain(&cluster, &SHOP, &to("cartservice", 7070)).to_string();
    assert!(
        allowed.contains("allowed by sre-demo/checkoutservice-to-cartservice-egress egress[0]"),
        "{allowed}"
    );
    assert!(!allowed.contains("nearest"), "{allowed}");
}

fn flow(source: &str, service: &str) -> Flow {
    flows()
        .into_iter()
        .find(|flow| {
            let from = matches!(&flow.source, FlowSource::Workload(it) if it.name == source);
            let to = matches!(&flow.target, FlowTarget::Service(it) if it.name == service);
            from && to
        })
        .unwrap()
}

#[test]
fn what_is_suggested_opens_the_one_edge_and_nothing_else() {
    let complete = with(&shop(), "shop");
    for required in flows().into_iter().take(17) {
        let mut cluster = complete.clone();
        let between = |key: &str| match (&required.source, &required.target) {
            (FlowSource::Workload(from), FlowTarget::Service(to)) => {
                key.starts_with(&format!("{}-to-{}-", from.name, to.name))
            }
            _ => false,
        };
        cluster.policies.retain(|key, _| !between(&key.name));
        let before = Matrix::new(cluster, SHOP);
        match suggest(&before, &required) {
            Ok(suggestion) => {
                assert_eq!(suggestion.state, FlowState::Allowed);
                assert_eq!(edges(&suggestion.also), [""; 0], "{required:?}");
                assert!(!suggestion.policies.is_empty());
            }
            Err(reason) => assert_eq!(reason, NoSuggestion::Allowed),
        }
    }
    let before = Matrix::new(with(&shop(), "day-one"), SHOP);
    let found = suggest(&before, &flow("cartservice", "redis-cart")).unwrap();
    let text = serde_json::to_string(&found.policies[0]).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"metadata":{"name":"allow-redis-cart-ingress","namespace":"sre-demo"},"spec":{"podSelector":"#,
            r#"{"matchLabels":{"app":"redis-cart"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":"#,
            r#"{"matchLabels":{"app":"cartservice"}}}],"ports":[{"protocol":"TCP","port":6379}]}]}}"#
        )
    );
    assert_eq!(found.policies.len(), 1);
}

#[test]
fn a_difference_is_lost_and_gained_edges() {
    let right = Matrix::new(with(&shop(), "shop"), SHOP);
    assert!(difference(&right, &right).is_empty());
    let broken = with_changed(&shop(), "shop", |policy| {
        set_port(policy, "checkoutservice-to-emailservice-ingress", 5000);
    });
    let found = difference(&right, &Matrix::new(broken, SHOP));
    assert_eq!(
        edges(&found.lost),
        ["sre-demo/checkoutservice -> sre-demo/emailservice TCP 8080"]
    );
    // 5000 is open on its way in alone.
    assert_eq!(edges(&found.gained), [""; 0]);
    let mut open = right.clone();
    let written: WrittenPolicy = serde_json::from_str(
        r#"{"metadata":{"name":"open","namespace":"sre-demo"},"spec":{"podSelector":{"matchLabels":{"app":"redis-cart"}},"ingress":[{"ports":[{"port":6379}]}]}}"#,
    )
    .unwrap();
    open.apply_policy(NetworkPolicy::check(&written).unwrap());
    let found = difference(&right, &open);
    assert_eq!(
        edges(&found.gained),
        [
            "kube-system/coredns -> sre-demo/redis-cart TCP 6379",
            "external -> sre-demo/redis-cart TCP 6379",
        ]
    );
}
