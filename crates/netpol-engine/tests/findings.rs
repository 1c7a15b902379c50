//! Each oddity of a policy, from one policy that has it and no other.
#![expect(clippy::unwrap_used, reason = "a broken test is a failed one")]

use netpol_engine::{
    Cluster, ClusterPolicy, FindingKind, Labels, NamedPort, NetworkPolicy, ObjectKey, Pod, Profile,
    Protocol, findings,
};

/// Two pods that can be told apart, the second with a named port.
fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    cluster.apply_namespace("n", Labels::new());
    for (name, ports) in [("web", None), ("api", Some("http"))] {
        let ports = ports.map(|name| NamedPort {
            name: name.to_owned(),
            protocol: Protocol::Tcp,
            number: 8080,
        });
        cluster.apply_pod(Pod {
            key: ObjectKey::new("n", name),
            labels: [("app".to_owned(), name.to_owned())].into(),
            addresses: vec![[10, 0, 0, if name == "web" { 1 } else { 2 }].into()],
            workload: name.to_owned(),
            ports: ports.into_iter().collect(),
            ..Pod::default()
        });
    }
    cluster
}

/// What is found about a policy with this specification: kind, field and detail.
fn found(spec: &str) -> Vec<(FindingKind, String, String)> {
    let text = format!(r#"{{"metadata":{{"name":"p","namespace":"n"}},"spec":{spec}}}"#);
    let policy = NetworkPolicy::check(&serde_json::from_str(&text).unwrap()).unwrap();
    let mut cluster = cluster();
    cluster.apply_policy(policy);
    let found = findings(&cluster, &Profile::SPECIFICATION).into_iter();
    found.map(|it| (it.kind, it.field, it.detail)).collect()
}

#[test]
fn each_is_found_where_it_is_and_nothing_else_is() {
    use FindingKind as Is;
    let dns = r#"{"ports":[{"protocol":"UDP","port":53}]}"#;
    for (spec, kind, field, detail) in [
        (
            r#"{"podSelector":{},"policyTypes":["Egress"]}"#.to_owned(),
            Is::EgressWithoutDns,
            "spec.egress",
            "api, web",
        ),
        (
            r#"{"podSelector":{},"policyTypes":["Ingress"],"egress":[{}]}"#.to_owned(),
            Is::EgressRulesIgnored,
            "spec.egress",
            "",
        ),
        (
            format!(r#"{{"podSelector":{{}},"policyTypes":["Egress"],"ingress":[{{}}],"egress":[{dns}]}}"#),
            Is::IngressRulesIgnored,
            "spec.ingress",
            "",
        ),
        (
            format!(r#"{{"podSelector":{{}},"egress":[{dns}]}}"#),
            Is::IngressIsolatedSilently,
            "spec.policyTypes",
            "",
        ),
        (
            r#"{"podSelector":{"matchLabels":{"app":"wbe"}}}"#.to_owned(),
            Is::SelectsNoPod,
            "spec.podSelector",
            "app=wbe",
        ),
        (
            r#"{"podSelector":{},"ingress":[{},{"from":[{"podSelector":{}},{"podSelector":{"matchLabels":{"app":"wbe"}}}]}]}"#.to_owned(),
            Is::PeerMatchesNothing,
            "spec.ingress[1].from[1]",
            "pods app=wbe",
        ),
        (
            // The API has the name on one pod only, and not over UDP.
            r#"{"podSelector":{},"ingress":[{"ports":[{"port":"http"},{"port":"http","protocol":"UDP"}]}]}"#.to_owned(),
            Is::NamedPortNowhere,
            "spec.ingress[0].ports[1]",
            "UDP http",
        ),
        (
            // On its way out a name is the destination's.
            format!(
                r#"{{"podSelector":{{}},"policyTypes":["Egress"],"egress":[{dns},{{"to":[{{"podSelector":{{"matchLabels":{{"app":"web"}}}}}}],"ports":[{{"port":"http"}}]}}]}}"#
            ),
            Is::NamedPortNowhere,
            "spec.egress[1].ports[0]",
            "TCP http",
        ),
    ] {
        let expected = [(kind, field.to_owned(), detail.to_owned())];
        assert_eq!(found(&spec), expected, "{spec}");
    }
}

#[test]
fn what_is_usual_is_not_odd() {
    for spec in [
        r#"{"podSelector":{}}"#,
        r#"{"podSelector":{},"policyTypes":["Ingress","Egress"],"egress":[{}]}"#,
        // Blocks are of what is outside, so no pod need be in them.
        r#"{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"203.0.113.0/24"}}]}]}"#,
        r#"{"podSelector":{},"egress":[]}"#,
    ] {
        assert_eq!(found(spec), [], "{spec}");
    }
}

#[test]
fn equal_priorities_are_odd_where_they_are_about_the_same_pods() {
    let with = |subjects: [&str; 2]| {
        let mut cluster = cluster();
        for (name, app) in ["a", "b"].into_iter().zip(subjects) {
            let text = format!(
                r#"{{"kind":"ClusterNetworkPolicy","metadata":{{"name":"{name}"}},"spec":{{"tier":"Admin","priority":5,"subject":{{"pods":
                {{"namespaceSelector":{{}},"podSelector":{{"matchLabels":{{"app":"{app}"}}}}}}}}}}}}"#
            );
            let policy = ClusterPolicy::check(&serde_json::from_str(&text).unwrap()).unwrap();
            cluster.apply_cluster_policy(policy);
        }
        let found = findings(&cluster, &Profile::SPECIFICATION).into_iter();
        found.map(|it| (it.kind, it.detail)).collect::<Vec<_>>()
    };
    let first = "ClusterNetworkPolicy/a".to_owned();
    assert_eq!(with(["web", "web"]), [(FindingKind::EqualPriority, first)]);
    assert_eq!(with(["web", "api"]), []);
}
