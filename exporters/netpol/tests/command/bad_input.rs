//! What is wrong is named, with its place, and hides nothing else.

use crate::shop::{FLOWS, RIGHT, SHOP, argument, folder, run, said, words};

const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\nspec: {podSelector: {}}\n";

/// What is complained of, after the answer: the exit code is 2, and what could be read is answered.
fn complaints(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let output = run(&["check", FLOWS, SHOP, argument(folder.path())]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = words(&output.stdout);
    assert!(text.contains("27 required flows"), "{text}");
    words(&output.stderr)
}

#[test]
fn a_broken_file_is_named_with_its_line_and_the_others_count() {
    let complained = complaints(&[
        ("a.yaml", "kind: Service\n---\nkind: [\n"),
        ("deny.yaml", POLICY),
    ]);
    assert!(complained.contains("a.yaml:3"), "{complained}");
    let folder = folder(&[("a.yaml", "kind: [\n"), ("deny.yaml", POLICY)]);
    let (text, _) = said(&["check", FLOWS, SHOP, argument(folder.path())]);
    assert!(text.contains("17 blocked"), "{text}");
}

#[test]
fn a_version_that_is_not_read_is_named() {
    let old = POLICY.replace("networking.k8s.io/v1", "networking.k8s.io/v1beta1");
    let complained = complaints(&[("old.yaml", &old)]);
    assert!(
        complained.contains(
            "old.yaml:1: NetworkPolicy deny: apiVersion \"networking.k8s.io/v1beta1\" is not read"
        ),
        "{complained}"
    );
}

#[test]
fn a_field_of_the_wrong_type_is_named() {
    let odd = POLICY.replace(
        "{podSelector: {}}",
        "{podSelector: {}, ingress: [{ports: [{port: [80]}]}]}",
    );
    let complained = complaints(&[("odd.yaml", &odd)]);
    assert!(
        complained.contains("odd.yaml:1: NetworkPolicy deny: spec.ingress[0].ports[0].port"),
        "{complained}"
    );
}

#[test]
fn a_policy_that_is_there_twice_is_named_with_both_places() {
    let complained = complaints(&[("a.yaml", POLICY), ("b.yaml", POLICY)]);
    assert!(
        complained.contains("b.yaml:1: NetworkPolicy deny is there twice: "),
        "{complained}"
    );
    assert!(complained.contains("a.yaml:1 has it, too"), "{complained}");
}

#[test]
fn a_path_that_is_not_there_is_not_an_empty_one() {
    let output = run(&["check", FLOWS, "no/such/folder"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output.stderr).contains("no/such/folder: "),
        "{output:?}"
    );
    let output = run(&["check", "--flows=no/such/flows.yaml", SHOP]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output.stderr).contains("no/such/flows.yaml: "),
        "{output:?}"
    );
}

#[test]
fn nothing_to_read_is_a_question_that_was_not_asked() {
    let output = run(&["check", FLOWS]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output.stderr).contains("nothing to read"),
        "{output:?}"
    );
}

#[test]
fn a_line_of_flows_that_names_nothing_is_named_and_the_others_count() {
    let folder = folder(&[(
        "flows.yaml",
        "namespace: sre-demo\nrequiredFlows: [{from: frontend, to: cartservice}, {from: frontend, to: svc/cartservice:7070}]\n",
    )]);
    let flows = format!("--flows={}", folder.path().join("flows.yaml").display());
    let output = run(&["check", &flows, SHOP, RIGHT]);
    assert_eq!(output.status.code(), Some(2));
    let complained = words(&output.stderr);
    assert!(
        complained
            .contains("flows.yaml: requiredFlows[0].to: \"cartservice\": has to start with svc/"),
        "{complained}"
    );
    assert!(
        words(&output.stdout).contains("1 required flow: 1 allowed"),
        "{output:?}"
    );
}

#[test]
fn a_policy_of_one_plugin_is_named_as_not_evaluated() {
    let cilium =
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: l7}\nspec: {}\n";
    let folder = folder(&[("cilium.yaml", cilium)]);
    let output = run(&["check", FLOWS, SHOP, argument(folder.path())]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "it may be meant so: {output:?}"
    );
    let complained = words(&output.stderr);
    assert!(
        complained.contains("cilium.yaml:1: CiliumNetworkPolicy l7 of cilium.io is not evaluated"),
        "{complained}"
    );
}
