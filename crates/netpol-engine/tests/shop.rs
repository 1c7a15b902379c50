//! Online Boutique under the policies of `manifests/platform/policies`: what the day looked like, and what is right.
#![expect(clippy::unwrap_used, reason = "a broken manifest is a failed test")]

#[path = "platform/boutique.rs"]
mod boutique;

use boutique::{blocked, judged, shop, with};
use netpol_engine::{FlowState, Missing, NumberOrName, Verdict};

/// (a)
#[test]
fn the_days_policies_cut_fifteen_calls_and_leave_the_two_that_were_looked_at() {
    let cluster = with(&shop(), "day-one");
    let states = judged(&cluster);
    assert_eq!(states.len(), 17 + 2 * 5);
    let blocked = blocked(&cluster);
    assert_eq!(blocked.len(), 15, "{blocked:?}");
    assert!(!blocked.iter().any(|it| it.contains("frontend:80")));
    // Nobody's way out is closed, so names are still found.
    assert!(!blocked.iter().any(|it| it.contains("kube-dns")));
}

/// (b)
#[test]
fn the_right_policies_let_every_call_through() {
    let cluster = with(&shop(), "shop");
    for (flow, state) in judged(&cluster) {
        assert_eq!(state, FlowState::Allowed, "{flow}");
    }
    assert_eq!(cluster.policies.len(), 2 * 16 + 5);
}

/// And nothing else: of all pairs of the shop's pods, on every port that anything listens on, the sixteen calls alone.
#[test]
fn the_right_policies_let_nothing_else_through() {
    let cluster = with(&shop(), "shop");
    let mut allowed = boutique::allowed_pairs(&cluster);
    // The frontend is open to everyone, as it has to be behind a load balancer; but nobody else may dial it.
    allowed.retain(|it| !it.contains("kube-dns"));
    assert_eq!(allowed.len(), 16, "{allowed:#?}");
}

/// (c)
#[test]
fn without_one_policy_exactly_its_caller_is_blocked() {
    let complete = with(&shop(), "shop");
    let mut seen = 0;
    for key in complete.policies.keys() {
        let Some((call, _)) = key
            .name
            .rsplit_once('-')
            .filter(|(call, _)| call.contains("-to-"))
        else {
            continue;
        };
        let mut cluster = complete.clone();
        cluster.policies.remove(key);
        seen += 1;
        let (source, target) = call.split_once("-to-").unwrap();
        let found = blocked(&cluster);
        if key.name == "loadgenerator-to-frontend-ingress" {
            // The frontend is open to everyone, so this one only says who is meant.
            assert!(found.is_empty(), "{found:?}");
            continue;
        }
        assert_eq!(found.len(), 1, "{key}: {found:?}");
        assert!(
            found[0].starts_with(source) && found[0].contains(target),
            "{key}: {found:?}"
        );
    }
    assert_eq!(seen, 33);
}

/// (d)
#[test]
fn the_services_port_in_place_of_the_pods_blocks_one_call() {
    let cluster = boutique::with_changed(&shop(), "shop", |policy| {
        if policy.metadata.name.as_deref() == Some("checkoutservice-to-emailservice-ingress") {
            let rules = policy.spec.as_mut().unwrap().ingress.as_mut().unwrap();
            rules[0].ports.as_mut().unwrap()[0].port = Some(NumberOrName::Number(5000));
        }
    });
    assert_eq!(
        blocked(&cluster),
        ["checkoutservice -> svc/emailservice:5000"]
    );
}

#[test]
fn a_call_to_a_service_that_is_not_there_is_not_blocked() {
    let cluster = with(&shop(), "day-one");
    let state = boutique::judge_line(
        &cluster,
        r#"{"from":"frontend","to":"svc/shoppingassistantservice:80"}"#,
    );
    assert_eq!(state, FlowState::TargetAbsent(Missing::Service));
    let state = boutique::judge_line(
        &cluster,
        r#"{"from":"frontend","to":"svc/emailservice:8080"}"#,
    );
    assert_eq!(state, FlowState::TargetAbsent(Missing::ServicePort));
    let state = boutique::judge_line(
        &cluster,
        r#"{"from":"nobody","to":"svc/emailservice:5000"}"#,
    );
    assert_eq!(state, FlowState::SourceAbsent);
}

#[test]
fn the_kubelets_probes_come_through_whatever_is_applied() {
    for folder in ["day-one", "shop"] {
        let cluster = with(&shop(), folder);
        for query in boutique::probes(&cluster) {
            assert_eq!(boutique::ask(&cluster, &query), Verdict::Allowed, "{query}");
        }
    }
}
