//! Bad input: each is said with its place, and hides nothing else.

use crate::story::{Story, platform};

const REFUSED: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: careless, namespace: sre-demo}
spec:
  podSelector: {}
  ingress:
    - from: [{}]
    - ports: [{port: 0}]
";

#[test]
fn a_policy_that_the_api_server_would_refuse_is_not_in_force_and_says_why() {
    let mut story = Story::shop();
    assert_eq!(story.written(REFUSED), [""; 0]);
    assert_eq!(story.in_state("blocked_by_policy"), [""; 0]);
    let refused: Vec<_> = story.model.refused().collect();
    assert_eq!(refused.len(), 1);
    let problems: Vec<_> = refused[0]
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].starts_with("spec.ingress[0].from[0]: "),
        "{problems:?}"
    );
    let series = "netpol_policy_refused{policy_kind=\"NetworkPolicy\",policy_namespace=\"sre-demo\",policy=\"careless\"} 2";
    assert!(story.series().contains(&series.to_owned()));
}

#[test]
fn a_policy_that_is_put_right_is_in_force() {
    let mut story = Story::shop();
    story.written(REFUSED);
    let right = REFUSED
        .replace("- from: [{}]", "- from: [{podSelector: {}}]")
        .replace("port: 0", "port: 1");
    assert_eq!(story.written(&right), [""; 0]);
    assert_eq!(story.model.refused().count(), 0);
    // From inside only, so that the outside is lost.
    let outside = "external -> svc/frontend-external.sre-demo:80 TCP";
    assert_eq!(story.in_state("blocked_by_policy"), [outside]);
}

#[test]
fn legacy_blocks_are_taken_as_the_api_server_takes_them() {
    let mut story = Story::shop();
    let legacy = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: legacy, namespace: sre-demo}
spec:
  podSelector: {matchLabels: {app: adservice}}
  ingress: [{from: [{ipBlock: {cidr: 010.0.0.1/8}}]}]
";
    assert_eq!(story.written(legacy), [""; 0]);
    assert_eq!(story.model.refused().count(), 0);
    assert_eq!(story.model.cluster().policies.len(), 1);
}

#[test]
fn an_unknown_version_or_a_wrong_type_is_named_and_an_unknown_kind_is_not_seen() {
    let mut story = Story::new();
    let faults = story.written(
        "
apiVersion: networking.k8s.io/v1beta1
kind: NetworkPolicy
metadata: {name: old, namespace: a}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: odd, namespace: a}
spec: {podSelector: {matchLabels: {a: [b]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: a}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, namespace: a}
---
apiVersion: networking.k8s.aws/v1alpha1
kind: ClusterNetworkPolicy
metadata: {name: another-kind}
",
    );
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert_eq!(
        faults[0],
        "NetworkPolicy old: apiVersion \"networking.k8s.io/v1beta1\" is not read, only networking.k8s.io/v1"
    );
    assert!(
        faults[1].starts_with("NetworkPolicy odd: spec.podSelector.matchLabels"),
        "{}",
        faults[1]
    );
    assert!(faults[2].contains("metadata.name"), "{}", faults[2]);
    assert_eq!(story.model.cluster().policies.len(), 0);
}

#[test]
fn two_objects_of_one_name_are_told_apart_from_one() {
    let mut story = Story::new();
    let policy: serde_json::Value = serde_saphyr::from_str(REFUSED).unwrap();
    let take = |story: &mut Story| netpol_exporter::watch::take(&mut story.model, &policy).unwrap();
    assert_eq!(take(&mut story), netpol_exporter::watch::Taken::New);
    assert_eq!(take(&mut story), netpol_exporter::watch::Taken::Again);
}

#[test]
fn a_flow_that_names_nothing_is_unknown_or_absent() {
    let mut story = Story::new();
    story.apply(&platform("shop-base/shop.yaml"));
    let written: netpol_engine::WrittenFlows = serde_saphyr::from_str(
        "{namespace: sre-demo, requiredFlows: [{from: nobody, to: svc/frontend:80}, {from: frontend, to: svc/nobody:80}]}",
    )
    .unwrap();
    story.model.require(written.check().0, false);
    let states: Vec<_> = story.states().into_iter().map(|it| it.1).collect();
    assert_eq!(states, ["unknown", "target_absent"]);
}
