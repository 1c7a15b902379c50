//! What is refused, and the truth tables: a row a sentence of the API's documentation.

use super::*;
use crate::cluster::{Cluster, NamedPort, Node, Pod};
use crate::label::Labels;
use crate::matrix::Matrix;
use crate::policy::{NetworkPolicy, ObjectKey, Protocol};
use crate::profile::Profile;
use crate::query::{Endpoint, Query};
use crate::verdict::{Reason, Verdict};

fn read(kind: &str, name: &str, spec: &str) -> Result<ClusterPolicy, Vec<Problem>> {
    let text = format!(r#"{{"kind":"{kind}","metadata":{{"name":"{name}"}},"spec":{spec}}}"#);
    policy(&serde_json::from_str(&text).unwrap())
}

fn refused(kind: &str, name: &str, spec: &str) -> Vec<String> {
    match read(kind, name, spec) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// An Admin policy for everyone, with these rules for what comes in.
fn rules(rules: &str) -> String {
    format!(
        r#"{{"tier":"Admin","priority":5,"subject":{{"namespaces":{{}}}},"ingress":[{rules}]}}"#
    )
}

#[test]
fn what_the_api_server_refuses_is_refused_with_the_field() {
    let cluster = "ClusterNetworkPolicy";
    let from = r#""from":[{"namespaces":{}}]"#;
    let to = |peers: &str, rest: &str| {
        format!(
            r#"{{"tier":"Admin","priority":5,"subject":{{"namespaces":{{}}}},"egress":[{{"action":"Deny","to":[{peers}]{rest}}}]}}"#
        )
    };
    for (spec, expected) in [
        (
            r#"{"tier":"Admin","priority":1001,"subject":{"namespaces":{}}}"#.to_owned(),
            "spec.priority: Invalid value",
        ),
        (
            r#"{"tier":"Admin","subject":{"namespaces":{}}}"#.to_owned(),
            "spec.priority: Required value",
        ),
        (
            r#"{"tier":"admin","priority":1,"subject":{"namespaces":{}}}"#.to_owned(),
            "spec.tier: Unsupported value",
        ),
        (
            r#"{"tier":"Admin","priority":1,"subject":{}}"#.to_owned(),
            "spec.subject: Required value",
        ),
        (
            r#"{"tier":"Admin","priority":1,"subject":{"namespaces":{},"pods":{}}}"#.to_owned(),
            "spec.subject: Forbidden",
        ),
        (
            rules(&format!(r#"{{"action":"Allow",{from}}}"#)),
            "spec.ingress[0].action: Unsupported value",
        ),
        (
            rules(r#"{"action":"Deny","from":[]}"#),
            "spec.ingress[0].from: Required value",
        ),
        (
            rules(r#"{"action":"Deny","from":[{"networks":["10.0.0.0/8"]}]}"#),
            "spec.ingress[0].from[0]: Forbidden",
        ),
        (
            rules(&format!(r#"{{"action":"Deny",{from},"protocols":[]}}"#)),
            "spec.ingress[0].protocols: Required value",
        ),
        (
            rules(&format!(
                r#"{{"action":"Deny",{from},"protocols":[{{"tcp":{{}}}}]}}"#
            )),
            "spec.ingress[0].protocols[0].tcp: Required",
        ),
        (
            rules(&format!(
                r#"{{"action":"Deny",{from},"protocols":[{{"tcp":{{"destinationPort":{{"range":{{"start":5,"end":5}}}}}}}}]}}"#
            )),
            "spec.ingress[0].protocols[0].tcp.destinationPort.range: Invalid value: \"5-5\": Start port",
        ),
        (
            rules(&vec![format!(r#"{{"action":"Deny",{from}}}"#); 26].join(",")),
            "spec.ingress: Too many: 26",
        ),
        (
            to(r#"{"networks":["010.0.0.0/8"]}"#, ""),
            "spec.egress[0].to[0].networks[0]: Invalid value",
        ),
        (
            to(r#"{"domainNames":["example.org"]}"#, ""),
            "spec.egress[0].to[0].domainNames: Forbidden",
        ),
        (
            to(
                r#"{"networks":["10.0.0.0/8"]}"#,
                r#","protocols":[{"destinationNamedPort":"web"}]"#,
            ),
            "spec.egress[0]: Invalid value",
        ),
    ] {
        let found = refused(cluster, "a", &spec);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{spec}: {found:?}"
        );
    }
    let baseline =
        r#"{"subject":{"namespaces":{}},"ingress":[{"action":"Pass","from":[{"namespaces":{}}]}]}"#;
    assert_eq!(
        refused("BaselineAdminNetworkPolicy", "other", baseline).len(),
        2
    );
    assert_eq!(refused("NetworkPolicy", "a", "{}").len(), 1);
}

/// `red/client` dials `blue/server` on TCP 80, which it calls web.
fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    cluster.nodes.insert("node".to_owned(), Node::default());
    for (namespace, name, last) in [("red", "client", 1), ("blue", "server", 2)] {
        cluster.apply_namespace(namespace, Labels::new());
        cluster.apply_pod(Pod {
            key: ObjectKey::new(namespace, name),
            addresses: vec![[10, 0, 0, last].into()],
            ports: vec![NamedPort {
                name: "web".to_owned(),
                protocol: Protocol::Tcp,
                number: 80,
            }],
            ..Pod::default()
        });
    }
    cluster
}

fn query() -> Query {
    Query::tcp(
        Endpoint::pod("red", "client"),
        Endpoint::pod("blue", "server"),
        80,
    )
}

/// Each policy as `tier priority action port`, for everyone and from everyone; `network` is a NetworkPolicy that lets
/// nobody in, or everybody.
fn told(policies: &[&str], network: Option<&str>) -> Verdict {
    let mut cluster = cluster();
    for (index, text) in policies.iter().enumerate() {
        let words: Vec<_> = text.split(' ').collect();
        let [tier, priority, action, port] = words[..] else {
            panic!("{text}");
        };
        let protocols = match port {
            "any" => String::new(),
            "web" => r#","protocols":[{"destinationNamedPort":"web"}]"#.to_owned(),
            port => {
                format!(r#","protocols":[{{"tcp":{{"destinationPort":{{"number":{port}}}}}}}]"#)
            }
        };
        let spec = format!(
            r#"{{"tier":"{tier}","priority":{priority},"subject":{{"namespaces":{{}}}},"ingress":[{{"action":"{action}","from":[{{"namespaces":{{}}}}]{protocols}}}]}}"#
        );
        let policy = read("ClusterNetworkPolicy", &format!("p{index}"), &spec);
        cluster.apply_cluster_policy(policy.unwrap());
    }
    if let Some(spec) = network {
        let text = format!(r#"{{"metadata":{{"name":"n","namespace":"blue"}},"spec":{spec}}}"#);
        let policy = NetworkPolicy::check(&serde_json::from_str(&text).unwrap());
        cluster.apply_policy(policy.unwrap());
    }
    let naive = crate::naive::verdict(&cluster, &Profile::SPECIFICATION, &query());
    let fast = Matrix::new(cluster, Profile::SPECIFICATION).verdict(&query());
    assert_eq!(naive, fast);
    naive
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn every_sentence_about_tiers_holds() {
    use Verdict::{Allowed, Denied};
    let closed = Some("{}");
    let open = Some(r#"{"ingress":[{}]}"#);
    let undecided = Verdict::undefined(Reason::EqualPriority);
    for (sentence, policies, network, expected) in [
        (
            "all pods can communicate by default",
            &[][..],
            None,
            Allowed,
        ),
        (
            "policies with lower priority values are checked before",
            &["Admin 1 Deny any", "Admin 0 Accept any"],
            None,
            Allowed,
        ),
        (
            "and the other way round",
            &["Admin 0 Deny any", "Admin 1 Accept any"],
            None,
            Denied,
        ),
        (
            "Accept: no further rules of NetworkPolicies will be processed",
            &["Admin 1 Accept any"],
            closed,
            Allowed,
        ),
        (
            "Deny: no further rules will be processed",
            &["Admin 1 Deny any"],
            open,
            Denied,
        ),
        (
            "Pass skips all further rules in the current tier",
            &["Admin 0 Pass any", "Admin 1 Deny any"],
            None,
            Allowed,
        ),
        (
            "and passes evaluation to the next tier",
            &["Admin 0 Pass any", "Admin 1 Accept any"],
            closed,
            Denied,
        ),
        (
            "NetworkPolicy always makes a final decision for selected pods",
            &["Baseline 0 Deny any"],
            open,
            Allowed,
        ),
        (
            "Baseline comes only where none selects",
            &["Baseline 0 Accept any"],
            closed,
            Denied,
        ),
        (
            "Baseline decides what is left",
            &["Baseline 0 Deny any"],
            None,
            Denied,
        ),
        (
            "Baseline's Pass leads to the default",
            &["Baseline 0 Pass any", "Baseline 1 Deny any"],
            None,
            Allowed,
        ),
        (
            "Admin rules have higher precedence than Baseline rules",
            &["Baseline 0 Deny any", "Admin 900 Accept any"],
            None,
            Allowed,
        ),
        (
            "a rule that does not match decides nothing",
            &["Admin 0 Deny 81"],
            None,
            Allowed,
        ),
        (
            "a rule with a port matches that port",
            &["Admin 0 Deny 80"],
            None,
            Denied,
        ),
        (
            "a named port is the destination's",
            &["Admin 0 Deny web"],
            None,
            Denied,
        ),
        (
            "policies of one priority that both match: any may be applied",
            &["Admin 1 Accept any", "Admin 1 Deny any"],
            None,
            undecided,
        ),
        (
            "which matters only if they both match",
            &["Admin 1 Accept 81", "Admin 1 Deny any"],
            None,
            Denied,
        ),
        (
            "and only if they say different things",
            &["Admin 1 Deny 80", "Admin 1 Deny any"],
            None,
            Denied,
        ),
        (
            "and only if nothing before has decided",
            &["Admin 0 Deny any", "Admin 1 Accept any", "Admin 1 Deny any"],
            None,
            Denied,
        ),
        (
            "Pass or Accept make no difference where all is open",
            &["Admin 1 Pass any", "Admin 1 Accept any"],
            open,
            Allowed,
        ),
        (
            "tiers do not share priorities",
            &["Admin 1 Accept any", "Baseline 1 Deny any"],
            None,
            Allowed,
        ),
    ] {
        assert_eq!(told(policies, network), expected, "{sentence}");
    }
}

#[test]
fn rules_go_in_order_and_policies_without_rules_do_nothing() {
    let both = r#"{"action":"Accept","from":[{"pods":{"podSelector":{},"namespaceSelector":{}}}]},{"action":"Deny","from":[{"namespaces":{}}]}"#;
    let verdict = |spec: &str, kind: &str, name: &str| {
        let mut cluster = cluster();
        cluster.apply_cluster_policy(read(kind, name, spec).unwrap());
        crate::naive::verdict(&cluster, &Profile::SPECIFICATION, &query())
    };
    assert_eq!(
        verdict(&rules(both), "ClusterNetworkPolicy", "a"),
        Verdict::Allowed
    );
    assert_eq!(
        verdict(&rules(""), "ClusterNetworkPolicy", "a"),
        Verdict::Allowed
    );
    // An unknown peer fails closed: Accept matches nothing, Deny and Pass deny everything.
    for (action, expected) in [
        ("Accept", Verdict::Allowed),
        ("Deny", Verdict::Denied),
        ("Pass", Verdict::Denied),
    ] {
        let rule = format!(r#"{{"action":"{action}","from":[{{"fromTheFuture":{{}}}}]}}"#);
        assert_eq!(
            verdict(&rules(&rule), "ClusterNetworkPolicy", "a"),
            expected
        );
    }
    let admin = r#"{"priority":1,"subject":{"namespaces":{}},"egress":[{"action":"Deny","to":[{"networks":["10.0.0.0/8"]}]}]}"#;
    assert_eq!(
        verdict(admin, "AdminNetworkPolicy", "a"),
        Verdict::Denied,
        "networks see pods, too"
    );
    let baseline = r#"{"subject":{"pods":{"namespaceSelector":{},"podSelector":{}}},"ingress":[{"action":"Deny","from":[{"namespaces":{}}],"ports":[{"portNumber":{"port":80}}]}]}"#;
    assert_eq!(
        verdict(baseline, "BaselineAdminNetworkPolicy", "default"),
        Verdict::Denied
    );
}

#[test]
fn pods_on_the_hosts_network_are_never_meant() {
    let deny = rules(r#"{"action":"Deny","from":[{"namespaces":{}}]}"#);
    let mut cluster = cluster();
    cluster.apply_cluster_policy(read("ClusterNetworkPolicy", "a", &deny).unwrap());
    for key in [
        ObjectKey::new("red", "client"),
        ObjectKey::new("blue", "server"),
    ] {
        let mut changed = cluster.clone();
        changed.pods.get_mut(&key).unwrap().host_network = true;
        let verdict = crate::naive::verdict(&changed, &Profile::SPECIFICATION, &query());
        assert_eq!(verdict, Verdict::Allowed, "{key}");
    }
}
