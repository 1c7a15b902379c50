//! The shop: its pods and Services, its required flows and the folders of policies.

use std::net::IpAddr;
use std::path::PathBuf;

use netpol_engine::{
    Cluster, Endpoint, Flow, FlowSource, FlowState, FlowTarget, Labels, NamedPort, NetworkPolicy,
    Node, ObjectKey, Pod, Profile, Protocol, Query, Service, ServicePort, Target, Verdict,
    WrittenFlows, WrittenPolicy, naive,
};

const NAMESPACE: &str = "sre-demo";

/// A workload, its Service's port and its pods' own.
const WORKLOADS: [(&str, Option<(u16, u16)>); 12] = [
    ("frontend", Some((80, 8080))),
    ("productcatalogservice", Some((3550, 3550))),
    ("currencyservice", Some((7000, 7000))),
    ("cartservice", Some((7070, 7070))),
    ("recommendationservice", Some((8080, 8080))),
    ("shippingservice", Some((50051, 50051))),
    ("checkoutservice", Some((5050, 5050))),
    ("adservice", Some((9555, 9555))),
    ("paymentservice", Some((50051, 50051))),
    ("emailservice", Some((5000, 8080))),
    ("redis-cart", Some((6379, 6379))),
    ("loadgenerator", None),
];

/// The shop without policies, two replicas each, and the cluster's DNS.
pub(crate) fn shop() -> Cluster {
    let mut cluster = Cluster::default();
    for namespace in [NAMESPACE, "kube-system", "monitoring"] {
        cluster.apply_namespace(namespace, Labels::new());
    }
    for (index, name) in ["node-a", "node-b"].into_iter().enumerate() {
        let node = Node {
            addresses: vec![IpAddr::from([
                192,
                168,
                0,
                u8::try_from(index + 1).unwrap(),
            ])],
            ..Node::default()
        };
        cluster.nodes.insert(name.to_owned(), node);
    }
    for (index, (name, ports)) in WORKLOADS.into_iter().enumerate() {
        for replica in 0..2 {
            let mut pod = pod(NAMESPACE, name, ("app", name), index, replica);
            if name == "currencyservice" {
                pod.ports = vec![NamedPort {
                    name: "grpc".to_owned(),
                    protocol: Protocol::Tcp,
                    number: 7000,
                }];
            }
            cluster.apply_pod(pod);
        }
        if let Some((port, target)) = ports {
            let ports = [(Protocol::Tcp, port, Target::Number(target))];
            cluster.apply_service(service(NAMESPACE, name, ("app", name), ports));
        }
    }
    let ports = [(Protocol::Tcp, 80, Target::Number(8080))];
    cluster.apply_service(service(
        NAMESPACE,
        "frontend-external",
        ("app", "frontend"),
        ports,
    ));
    let dns = ("k8s-app", "kube-dns");
    cluster.apply_pod(pod("kube-system", "coredns", dns, 100, 0));
    let ports = [
        (Protocol::Udp, 53, Target::Number(53)),
        (Protocol::Tcp, 53, Target::Number(53)),
    ];
    cluster.apply_service(service("kube-system", "kube-dns", dns, ports));
    cluster
}

fn pod(namespace: &str, name: &str, label: (&str, &str), index: usize, replica: u8) -> Pod {
    let third = u8::try_from(index).unwrap();
    Pod {
        key: ObjectKey::new(namespace, format!("{name}-{replica}")),
        labels: Labels::from([(label.0.to_owned(), label.1.to_owned())]),
        addresses: vec![IpAddr::from([10, 244, third, replica + 1])],
        node: Some(["node-a", "node-b"][usize::from(replica)].to_owned()),
        workload: name.to_owned(),
        ..Pod::default()
    }
}

fn service(
    namespace: &str,
    name: &str,
    label: (&str, &str),
    ports: impl IntoIterator<Item = (Protocol, u16, Target)>,
) -> Service {
    let ports = ports
        .into_iter()
        .map(|(protocol, number, target)| ServicePort {
            protocol,
            number,
            target,
        });
    Service {
        key: ObjectKey::new(namespace, name),
        selector: Some(Labels::from([(label.0.to_owned(), label.1.to_owned())])),
        addresses: vec![IpAddr::from([10, 96, 0, 10])],
        ports: ports.collect(),
    }
}

fn platform(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../manifests/platform")
        .join(path)
}

/// The cluster with all policies of a folder.
pub(crate) fn with(cluster: &Cluster, folder: &str) -> Cluster {
    with_changed(cluster, folder, |_| {})
}

/// The same, with the policies changed before they are checked.
pub(crate) fn with_changed(
    cluster: &Cluster,
    folder: &str,
    change: impl Fn(&mut WrittenPolicy),
) -> Cluster {
    let mut cluster = cluster.clone();
    for policy in written(folder) {
        let mut policy = policy;
        change(&mut policy);
        cluster.apply_policy(NetworkPolicy::check(&policy).unwrap());
    }
    cluster
}

pub(crate) fn written(folder: &str) -> Vec<WrittenPolicy> {
    let folder = platform("policies").join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    texts
        .flat_map(|text| serde_saphyr::from_multiple::<WrittenPolicy>(&text).unwrap())
        .collect()
}

/// The shop's required flows.
pub(crate) fn flows() -> Vec<Flow> {
    let text = std::fs::read_to_string(platform("flows.yaml")).unwrap();
    let written: WrittenFlows = serde_saphyr::from_str(&text).unwrap();
    let (flows, problems) = written.check();
    assert_eq!(problems, []);
    flows
}

pub(crate) fn ask(cluster: &Cluster, query: &Query) -> Verdict {
    naive::verdict(cluster, &Profile::SPECIFICATION, query)
}

pub(crate) fn judge(cluster: &Cluster, flow: &Flow) -> FlowState {
    flow.judge(cluster, |query| ask(cluster, query)).state
}

/// One line of a file of flows.
pub(crate) fn judge_line(cluster: &Cluster, line: &str) -> FlowState {
    let text = format!(r#"{{"namespace":"{NAMESPACE}","requiredFlows":[{line}]}}"#);
    let written: WrittenFlows = serde_json::from_str(&text).unwrap();
    judge(cluster, &written.check().0[0])
}

/// Each flow, as one would write it, and what the policies make of it.
pub(crate) fn judged(cluster: &Cluster) -> Vec<(String, FlowState)> {
    flows()
        .iter()
        .map(|flow| (name(flow), judge(cluster, flow)))
        .collect()
}

pub(crate) fn blocked(cluster: &Cluster) -> Vec<String> {
    judged(cluster)
        .into_iter()
        .filter(|(_, state)| *state == FlowState::Blocked)
        .map(|(flow, _)| flow)
        .collect()
}

fn name(flow: &Flow) -> String {
    let source = match &flow.source {
        FlowSource::Workload(key) => key.name.clone(),
        FlowSource::Outside(_) => "external".to_owned(),
    };
    let target = match &flow.target {
        FlowTarget::Service(key) => format!("svc/{}", key.name),
        other => format!("{other:?}"),
    };
    format!("{source} -> {target}:{}", flow.port)
}

/// Every allowed call between two different workloads of the shop, on any port that something listens on.
pub(crate) fn allowed_pairs(cluster: &Cluster) -> Vec<String> {
    let ports = WORKLOADS
        .iter()
        .filter_map(|it| it.1)
        .flat_map(|it| [it.0, it.1]);
    let mut ports: Vec<u16> = ports.chain([53, 9602, 9605, 9606]).collect();
    ports.sort_unstable();
    ports.dedup();
    let mut allowed = Vec::new();
    for (source, _) in WORKLOADS {
        for (destination, _) in WORKLOADS {
            for port in &ports {
                let end =
                    |name: &str, replica| Endpoint::pod(NAMESPACE, &format!("{name}-{replica}"));
                // Between replicas, too.
                let query = Query::tcp(end(source, 0), end(destination, 1), *port);
                if ask(cluster, &query) == Verdict::Allowed {
                    allowed.push(query.to_string());
                }
            }
        }
    }
    allowed
}

/// The kubelet's probes of every pod.
pub(crate) fn probes(cluster: &Cluster) -> Vec<Query> {
    let pods = cluster.pods.values();
    pods.map(|pod| {
        let node = Endpoint::Node(pod.node.clone().unwrap());
        Query::tcp(node, Endpoint::Pod(pod.key.clone()), 8080)
    })
    .collect()
}
