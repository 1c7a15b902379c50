//! The rules, one by one.

use super::*;
use crate::cluster::{NamedPort, Node};
use crate::policy::{NetworkPolicy, ObjectKey};
use crate::verdict::Reasons;

const POD: &str = "10.0.0.1";
const PEER: &str = "10.0.0.2";

fn pod(namespace: &str, name: &str, labels: &str, addresses: &[&str]) -> Pod {
    let pairs = labels.split(',').filter_map(|it| it.split_once('='));
    Pod {
        key: ObjectKey::new(namespace, name),
        labels: pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
        node: Some("node-a".to_owned()),
        workload: name.to_owned(),
        ..Pod::default()
    }
}

fn policy(namespace: &str, name: &str, spec: &str) -> NetworkPolicy {
    let text =
        format!(r#"{{"metadata":{{"namespace":"{namespace}","name":"{name}"}},"spec":{spec}}}"#);
    NetworkPolicy::check(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// Two pods in `a` and one in `b`.
fn cluster(policies: &[(&str, &str)]) -> Cluster {
    let mut cluster = Cluster::default();
    cluster.apply_namespace("a", Labels::from([("team".to_owned(), "red".to_owned())]));
    cluster.apply_namespace("b", Labels::new());
    cluster.apply_pod(pod("a", "server", "app=server", &[POD]));
    cluster.apply_pod(pod("a", "client", "app=client", &[PEER]));
    cluster.apply_pod(pod("b", "stranger", "app=client", &["10.0.1.3"]));
    for (index, (namespace, spec)) in policies.iter().enumerate() {
        cluster.apply_policy(policy(namespace, &format!("p{index}"), spec));
    }
    cluster
}

fn to_server(source: &str) -> Query {
    let source = match source.split_once('/') {
        Some((namespace, name)) => Endpoint::pod(namespace, name),
        None => source
            .parse()
            .map_or(Endpoint::Node(source.to_owned()), Endpoint::Address),
    };
    Query::tcp(source, Endpoint::pod("a", "server"), 80)
}

fn ask(cluster: &Cluster, query: &Query) -> Verdict {
    verdict(cluster, &Profile::SPECIFICATION, query)
}

/// Who reaches the server on TCP 80 under this one ingress policy: the client, the stranger, somebody outside.
fn who(spec: &str) -> String {
    let cluster = cluster(&[("a", spec)]);
    let ask = |source| match ask(&cluster, &to_server(source)) {
        Verdict::Allowed => 'A',
        Verdict::Denied => 'D',
        Verdict::Undefined(_) => '?',
    };
    [ask("a/client"), ask("b/stranger"), ask("192.0.2.1")]
        .iter()
        .collect()
}

#[test]
fn empty_and_absent_are_told_apart_at_every_level() {
    for (spec, expected) in [
        ("null", "DDD"),
        ("{}", "DDD"),
        (r#"{"podSelector":null,"ingress":[]}"#, "DDD"),
        (r#"{"ingress":[{}]}"#, "AAA"),
        (r#"{"ingress":[{"from":[],"ports":[]}]}"#, "AAA"),
        (r#"{"ingress":[{"from":[{"podSelector":{}}]}]}"#, "ADD"),
        (
            r#"{"ingress":[{"from":[{"namespaceSelector":{}}]}]}"#,
            "AAD",
        ),
        (
            r#"{"ingress":[{"from":[{"namespaceSelector":{},"podSelector":null}]}]}"#,
            "AAD",
        ),
        (
            r#"{"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"team":"red"}}}]}]}"#,
            "ADD",
        ),
        (
            r#"{"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"b"}},"podSelector":{"matchLabels":{"app":"client"}}}]}]}"#,
            "DAD",
        ),
        (
            r#"{"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"team":"red"}}},{"podSelector":{"matchLabels":{"app":"x"}}}]}]}"#,
            "ADD",
        ),
        (r#"{"ingress":[{"ports":[{}]}]}"#, "AAA"),
        (r#"{"ingress":[{"ports":[{"protocol":"UDP"}]}]}"#, "DDD"),
        (
            r#"{"ingress":[{"ports":[{"port":79,"endPort":80}]}]}"#,
            "AAA",
        ),
        (r#"{"ingress":[{"ports":[{"port":79}]}]}"#, "DDD"),
        (r#"{"podSelector":{"matchLabels":{"app":"other"}}}"#, "AAA"),
        // The client is isolated on its way out, too.
        (r#"{"policyTypes":["Egress"]}"#, "DAA"),
        (
            r#"{"ingress":[{"from":[{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]}"#,
            "??A",
        ),
        (
            r#"{"ingress":[{"from":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["10.0.0.0/8"]}}]}]}"#,
            "DDA",
        ),
        (
            r#"{"ingress":[{"from":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["192.0.2.0/24"]}},{"ipBlock":{"cidr":"192.0.2.1/32"}}]}]}"#,
            "??A",
        ),
        (
            r#"{"ingress":[{"from":[{"ipBlock":{"cidr":"::/0"}}]}]}"#,
            "DDD",
        ),
    ] {
        assert_eq!(who(spec), expected, "{spec}");
    }
}

#[test]
fn policies_add_up_and_rules_do_not_mix() {
    let client = r#"{"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"client"}}}],"ports":[{"port":81}]}]}"#;
    let stranger = r#"{"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"b"}}}],"ports":[{"port":80}]}]}"#;
    let cluster = cluster(&[("a", client), ("a", stranger)]);
    assert_eq!(ask(&cluster, &to_server("a/client")), Verdict::Denied);
    assert_eq!(ask(&cluster, &to_server("b/stranger")), Verdict::Allowed);
}

#[test]
fn both_ends_have_to_allow_the_same_port() {
    let egress = |port: u16| {
        format!(
            r#"{{"podSelector":{{"matchLabels":{{"app":"client"}}}},"policyTypes":["Egress"],"egress":[{{"ports":[{{"port":{port}}}]}}]}}"#
        )
    };
    let ingress =
        r#"{"podSelector":{"matchLabels":{"app":"server"}},"ingress":[{"ports":[{"port":80}]}]}"#;
    let (wrong, right) = (egress(443), egress(80));
    for (egress, expected) in [(&wrong, Verdict::Denied), (&right, Verdict::Allowed)] {
        let cluster = cluster(&[("a", ingress), ("a", egress)]);
        assert_eq!(ask(&cluster, &to_server("a/client")), expected);
    }
}

#[test]
fn a_name_is_looked_up_on_the_destination_with_its_protocol() {
    let egress = r#"{"podSelector":{"matchLabels":{"app":"client"}},"policyTypes":["Egress"],"egress":[{"ports":[{"port":"web"}]}]}"#;
    let ingress = r#"{"podSelector":{"matchLabels":{"app":"server"}},"ingress":[{"ports":[{"port":"web"}]}]}"#;
    let mut cluster = cluster(&[("a", egress), ("a", ingress)]);
    let named = |number, protocol| NamedPort {
        name: "web".to_owned(),
        protocol,
        number,
    };
    let (server, client) = (ObjectKey::new("a", "server"), ObjectKey::new("a", "client"));
    let mut query = to_server("a/client");
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
    cluster.pods.get_mut(&client).unwrap().ports = vec![named(80, Protocol::Tcp)];
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
    cluster.pods.get_mut(&server).unwrap().ports = vec![named(80, Protocol::Udp)];
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
    cluster.pods.get_mut(&server).unwrap().ports =
        vec![named(8080, Protocol::Tcp), named(81, Protocol::Tcp)];
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
    for port in [81, 8080] {
        query.port = port;
        assert_eq!(ask(&cluster, &query), Verdict::Allowed);
    }
    // What is outside has no names.
    let outside = Endpoint::Address("192.0.2.1".parse().unwrap());
    let query = Query::tcp(Endpoint::pod("a", "client"), outside, 81);
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
}

#[test]
fn a_pod_reaches_itself_and_through_a_service_nobody_knows() {
    let cluster = cluster(&[("a", r#"{"policyTypes":["Ingress","Egress"]}"#)]);
    let mut query = to_server("a/server");
    assert_eq!(ask(&cluster, &query), Verdict::Allowed);
    query.route = Route::Service(None);
    assert_eq!(ask(&cluster, &query), Verdict::undefined(Reason::Hairpin));
    assert_eq!(
        verdict(&cluster, &Profile::ANTREA, &query),
        Verdict::Allowed
    );
    query.source = Endpoint::pod("a", "client");
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
}

#[test]
fn its_own_node_reaches_a_pod_and_another_does_not() {
    let mut cluster = cluster(&[("a", r#"{"policyTypes":["Ingress","Egress"]}"#)]);
    for (name, address) in [("node-a", "10.9.0.1"), ("node-b", "10.9.0.2")] {
        let node = Node {
            addresses: vec![address.parse().unwrap()],
            ..Node::default()
        };
        cluster.nodes.insert(name.to_owned(), node);
    }
    assert_eq!(ask(&cluster, &to_server("node-a")), Verdict::Allowed);
    assert_eq!(ask(&cluster, &to_server("node-b")), Verdict::Denied);
    let out = |name: &str| {
        Query::tcp(
            Endpoint::pod("a", "server"),
            Endpoint::Node(name.to_owned()),
            10250,
        )
    };
    assert_eq!(ask(&cluster, &out("node-a")), Verdict::Allowed);
    assert_eq!(ask(&cluster, &out("node-b")), Verdict::Denied);
    assert_eq!(
        ask(&cluster, &to_server("node-c")),
        Verdict::undefined(Reason::Absent)
    );
}

#[test]
fn a_pod_on_the_hosts_network_is_undefined_only_where_it_matters() {
    let only_clients = r#"{"podSelector":{"matchLabels":{"app":"server"}},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"client"}}}]}]}"#;
    let mut cluster = cluster(&[("a", only_clients)]);
    let client = ObjectKey::new("a", "client");
    let on_host = |pod: &mut Pod, node: &str| {
        pod.host_network = true;
        pod.node = Some(node.to_owned());
    };
    on_host(cluster.pods.get_mut(&client).unwrap(), "node-b");
    let query = to_server("a/client");
    assert_eq!(
        ask(&cluster, &query),
        Verdict::undefined(Reason::HostNetwork)
    );
    assert_eq!(
        verdict(&cluster, &Profile::CONFORMANCE, &query),
        Verdict::Denied
    );
    // On the server's own node it comes through either way.
    on_host(cluster.pods.get_mut(&client).unwrap(), "node-a");
    assert_eq!(ask(&cluster, &query), Verdict::Allowed);
    // And as a subject it may be isolated or not.
    let back = Query::tcp(Endpoint::pod("b", "stranger"), Endpoint::Pod(client), 80);
    assert_eq!(ask(&cluster, &back), Verdict::Allowed);
    cluster.apply_policy(policy("a", "all", "{}"));
    assert_eq!(
        ask(&cluster, &back),
        Verdict::undefined(Reason::HostNetwork)
    );
}

#[test]
fn families_are_judged_apart() {
    let only_v6 = r#"{"podSelector":{"matchLabels":{"app":"server"}},"ingress":[{"from":[{"ipBlock":{"cidr":"fd00::/8"}}]}]}"#;
    let mut cluster = cluster(&[("a", only_v6)]);
    let both = |address: &str, other: &str| -> Vec<IpAddr> {
        vec![address.parse().unwrap(), other.parse().unwrap()]
    };
    let key = |name| ObjectKey::new("a", name);
    cluster.pods.get_mut(&key("server")).unwrap().addresses = both(POD, "fd00::1");
    cluster.pods.get_mut(&key("client")).unwrap().addresses = both(PEER, "fd00::2");
    let calico = |query: &Query| verdict(&cluster, &Profile::CALICO, query);
    let mut query = to_server("a/client");
    assert_eq!(calico(&query), Verdict::undefined(Reason::Families));
    query.family = Some(Family::V4);
    assert_eq!(calico(&query), Verdict::Denied);
    query.family = Some(Family::V6);
    assert_eq!(calico(&query), Verdict::Allowed);
    assert_eq!(calico(&to_server("fd00::9")), Verdict::Allowed);
    assert_eq!(calico(&to_server("192.0.2.1")), Verdict::Denied);
    let mut cluster = cluster.clone();
    cluster
        .pods
        .get_mut(&key("client"))
        .unwrap()
        .addresses
        .pop();
    cluster
        .pods
        .get_mut(&key("server"))
        .unwrap()
        .addresses
        .remove(0);
    assert_eq!(
        ask(&cluster, &to_server("a/client")),
        Verdict::undefined(Reason::NoCommonFamily)
    );
}

#[test]
fn what_is_finished_unplaced_or_unknown_is_said() {
    let block = r#"{"podSelector":{"matchLabels":{"app":"server"}},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]}]}"#;
    let mut cluster = cluster(&[("a", block)]);
    let client = ObjectKey::new("a", "client");
    cluster.pods.get_mut(&client).unwrap().addresses.clear();
    let query = to_server("a/client");
    assert_eq!(
        verdict(&cluster, &Profile::CALICO, &query),
        Verdict::undefined(Reason::NoAddress)
    );
    assert_eq!(verdict(&cluster, &Profile::CILIUM, &query), Verdict::Denied);
    cluster.pods.get_mut(&client).unwrap().finished = true;
    assert_eq!(ask(&cluster, &query), Verdict::undefined(Reason::Finished));
    cluster.pods.remove(&client);
    assert_eq!(ask(&cluster, &query), Verdict::undefined(Reason::Absent));
}

#[test]
fn other_protocols_are_undefined_where_something_isolates() {
    let mut cluster = cluster(&[]);
    let mut query = to_server("a/client");
    query.protocol = Protocol::Other;
    assert_eq!(ask(&cluster, &query), Verdict::Allowed);
    cluster.apply_policy(policy("a", "open", r#"{"ingress":[{}]}"#));
    assert_eq!(ask(&cluster, &query), Verdict::undefined(Reason::Protocol));
    query.protocol = Protocol::Sctp;
    assert_eq!(ask(&cluster, &query), Verdict::Allowed);
}

#[test]
fn a_block_and_a_services_address_are_undefined_where_they_differ() {
    let out = r#"{"podSelector":{"matchLabels":{"app":"client"}},"policyTypes":["Egress"],"egress":[{"to":[{"ipBlock":{"cidr":"10.96.0.0/12"}}]}]}"#;
    let cluster = cluster(&[("a", out)]);
    let mut query = to_server("a/client");
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
    query.route = Route::Service(Some("10.96.0.7".parse().unwrap()));
    assert_eq!(
        ask(&cluster, &query),
        Verdict::undefined(Reason::BlockOnService)
    );
    assert_eq!(verdict(&cluster, &Profile::AWS, &query), Verdict::Allowed);
    assert_eq!(verdict(&cluster, &Profile::CALICO, &query), Verdict::Denied);
}

#[test]
fn a_load_balancer_may_hide_the_client() {
    let office = r#"{"ingress":[{"from":[{"ipBlock":{"cidr":"192.0.2.0/24"}}]}]}"#;
    let mut cluster = cluster(&[("a", office)]);
    let node = Node {
        addresses: vec!["10.9.0.1".parse().unwrap()],
        ..Node::default()
    };
    cluster.nodes.insert("node-b".to_owned(), node);
    let mut query = to_server("192.0.2.1");
    assert_eq!(ask(&cluster, &query), Verdict::Allowed);
    query.route = Route::LoadBalancer;
    assert_eq!(
        ask(&cluster, &query),
        Verdict::undefined(Reason::LoadBalancer)
    );
    query.source = Endpoint::Address("198.51.100.1".parse().unwrap());
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
}

#[test]
fn a_network_that_enforces_nothing_allows_everything() {
    let cluster = cluster(&[("a", "{}")]);
    let query = to_server("a/client");
    assert_eq!(verdict(&cluster, &Profile::NONE, &query), Verdict::Allowed);
    assert_eq!(ask(&cluster, &query), Verdict::Denied);
}

#[test]
fn a_plugin_that_does_not_know_end_port_applies_the_port() {
    let range = r#"{"ingress":[{"ports":[{"port":80,"endPort":90}]}]}"#;
    let cluster = cluster(&[("a", range)]);
    let old = Profile {
        understands_end_port: false,
        ..Profile::SPECIFICATION
    };
    let mut query = to_server("a/client");
    assert_eq!(verdict(&cluster, &old, &query), Verdict::Allowed);
    query.port = 81;
    assert_eq!(verdict(&cluster, &old, &query), Verdict::Denied);
    assert_eq!(ask(&cluster, &query), Verdict::Allowed);
}

#[test]
fn several_open_questions_are_all_named() {
    let all = Reasons::of(Reason::HostNetwork).and(Reasons::of(Reason::BlockOnPod));
    assert_eq!(all.to_string(), "host-network,block-on-pod");
}
