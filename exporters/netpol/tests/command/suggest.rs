//! `suggest`

use std::fs;

use crate::shop::{
    DAY_ONE, FLOWS, RIGHT, SHOP, argument, folder, run, said, with_the_services_port, words,
};

/// What is suggested, added to what there was, opens all that is required.
#[test]
fn what_is_suggested_opens_everything_required_and_nothing_else() {
    let (yaml, code) = said(&["suggest", FLOWS, SHOP, DAY_ONE]);
    assert_eq!(code, Some(0), "{yaml}");
    assert!(
        yaml.contains(
            "# 15 policies to add: 17 of 27 required flows are allowed then, 2 of them without."
        ),
        "{yaml}"
    );
    assert!(yaml.contains("nothing else is opened"), "{yaml}");
    assert_eq!(
        yaml.matches("\nkind: NetworkPolicy\n").count(),
        15,
        "{yaml}"
    );
    let folder = folder(&[("suggested.yaml", &yaml)]);
    let (text, code) = said(&["check", FLOWS, SHOP, DAY_ONE, argument(folder.path())]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("17 allowed\n"), "{text}");
}

#[test]
fn one_flow_alone_takes_one_policy() {
    let (yaml, code) = said(&[
        "suggest",
        FLOWS,
        "--from=cartservice",
        "--to=svc/redis-cart:6379",
        SHOP,
        DAY_ONE,
    ]);
    assert_eq!(code, Some(0));
    let (_, policy) = yaml.split_once("---\n").unwrap();
    let expected = "\
# cartservice -> svc/redis-cart:6379
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: allow-redis-cart-ingress
  namespace: sre-demo
spec:
  podSelector:
    matchLabels:
      app: redis-cart
  policyTypes:
  - Ingress
  ingress:
  - from:
    - podSelector:
        matchLabels:
          app: cartservice
    ports:
    - protocol: TCP
      port: 6379
";
    assert_eq!(policy, expected);
}

#[test]
fn the_pods_port_is_suggested_where_somebody_wrote_the_services() {
    let policies = with_the_services_port();
    let (yaml, code) = said(&["suggest", FLOWS, SHOP, argument(policies.path())]);
    assert_eq!(code, Some(0));
    assert_eq!(yaml.matches("\nkind: NetworkPolicy\n").count(), 1, "{yaml}");
    assert!(yaml.contains("      port: 8080\n"), "{yaml}");
}

#[test]
fn where_everything_is_open_there_is_nothing_to_add() {
    let (yaml, code) = said(&["suggest", FLOWS, SHOP, RIGHT]);
    assert_eq!(code, Some(0));
    assert!(
        yaml.starts_with("# Nothing to add: 17 of 27 required flows are allowed.\n"),
        "{yaml}"
    );
    let output = run(&["suggest", FLOWS, "--from=nobody", SHOP, RIGHT]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output.stderr).contains("no required flow is meant"),
        "{output:?}"
    );
}

/// No network policy overrides a cluster-wide one: that is said, and the exit code says that something is left.
#[test]
fn what_a_cluster_wide_policy_forbids_has_no_suggestion() {
    let folder = folder(&[]);
    let forbid = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: no-redis}\nspec:\n  tier: Admin\n  priority: 1\n  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: redis-cart}}}}\n  ingress:\n    - action: Deny\n      from: [{namespaces: {}}]\n";
    fs::write(folder.path().join("forbid.yaml"), forbid).unwrap();
    let (yaml, code) = said(&["suggest", FLOWS, SHOP, argument(folder.path())]);
    assert_eq!(code, Some(1), "{yaml}");
    assert!(
        yaml.contains("# cartservice -> svc/redis-cart:6379: a cluster-wide policy forbids it, and no network policy overrides that"),
        "{yaml}"
    );
}
