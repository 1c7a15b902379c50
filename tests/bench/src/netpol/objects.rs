//! Three made-up clusters, as their owners would write them. The last two have the shape of the fixtures that Antrea
//! measures its controller with (`pkg/controller/networkpolicy/networkpolicy_controller_perf_test.go`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use netpol_engine::{
    Cluster, Labels, NetworkPolicy, NumberOrName, ObjectKey, Pod, WrittenMetadata, WrittenPeer,
    WrittenPolicy, WrittenPort, WrittenRule, WrittenSelector, WrittenSpec,
};

const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// What is in a cluster.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) namespaces: BTreeMap<String, Labels>,
    pub(super) pods: Vec<Pod>,
    pub(super) policies: Vec<WrittenPolicy>,
}

impl Objects {
    /// Pods of each workload of the usual cluster.
    pub(super) const REPLICAS: usize = 5;

    /// 20 workloads of 5 replicas in each namespace; a default deny in both directions, DNS, and nine edges each.
    pub(super) fn usual(namespaces: u32) -> Self {
        let mut objects = Self::default();
        for space in 0..namespaces {
            let namespace = format!("team-{space}");
            objects.namespace(&namespace, Labels::new());
            for workload in 0..20 {
                for replica in 0..Self::REPLICAS {
                    let labels = [
                        ("app", format!("app-{workload}")),
                        ("team", namespace.clone()),
                        ("tier", format!("tier-{}", workload % 3)),
                        ("pod-template-hash", format!("{:x}", workload * 7919)),
                    ];
                    let name = format!("app-{workload}-{replica}");
                    objects.pod(&namespace, &name, &labels);
                }
            }
            let dns = WrittenRule {
                to: Some(vec![across("team-0", "app-0")]),
                ports: Some(tcp(&[53])),
                from: None,
            };
            let deny = WrittenSpec {
                pod_selector: Some(WrittenSelector::default()),
                policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
                ingress: None,
                egress: Some(vec![dns]),
            };
            objects.policy(&namespace, "deny", deny);
            for edge in 0..9 {
                let other = format!("team-{}", (space + edge) % namespaces);
                objects.policy(
                    &namespace,
                    &format!("edge-{edge}"),
                    edge_of_three(edge, &other),
                );
            }
        }
        objects
    }

    /// Four pods and three policies in each namespace.
    pub(super) fn many_namespaces(namespaces: u32) -> Self {
        let mut objects = Self::default();
        for space in 0..namespaces {
            let namespace = format!("space-{space}");
            let app = Labels::from([("app".to_owned(), namespace.clone())]);
            objects.namespace(&namespace, app);
            for index in 0..4 {
                let labels = [
                    ("app-1", format!("scale-{}", index % 2)),
                    ("app-2", format!("scale-{index}")),
                ];
                objects.pod(&namespace, &format!("pod-{index}"), &labels);
            }
            for index in 0..3 {
                let scaled = || Some(labels("app-1", "scale-1"));
                let peer = WrittenPeer {
                    pod_selector: scaled(),
                    namespace_selector: Some(labels("app", &namespace)),
                    ip_block: None,
                };
                let spec = ingress(scaled(), peer, 80 + i64::from(index));
                objects.policy(&namespace, &format!("p{index}"), spec);
            }
        }
        objects
    }

    /// Pods of one namespace, each of its own kind, and as many policies, each for all of them, that let one in.
    pub(super) fn all_select_all(pods: u32) -> Self {
        let mut objects = Self::default();
        objects.namespace("one", Labels::new());
        for number in 0..pods {
            let name = format!("app-{number}");
            objects.pod("one", &name, &[("app", name.clone())]);
            let everybody = Some(WrittenSelector::default());
            let spec = ingress(everybody, own(&name), 8080);
            objects.policy("one", &name, spec);
        }
        objects
    }

    /// As the engine takes them.
    pub(super) fn cluster(&self) -> anyhow::Result<Cluster> {
        let mut cluster = Cluster::default();
        for (name, labels) in &self.namespaces {
            cluster.apply_namespace(name, labels.clone());
        }
        for pod in &self.pods {
            cluster.apply_pod(pod.clone());
        }
        for policy in &self.policies {
            cluster.apply_policy(checked(policy)?);
        }
        Ok(cluster)
    }

    fn namespace(&mut self, name: &str, mut labels: Labels) {
        labels.insert(NAMESPACE_NAME.to_owned(), name.to_owned());
        self.namespaces.insert(name.to_owned(), labels);
    }

    fn pod(&mut self, namespace: &str, name: &str, labels: &[(&str, String)]) {
        let number = u32::try_from(self.pods.len()).unwrap_or(u32::MAX);
        self.pods.push(pod(namespace, name, labels, number));
    }

    fn policy(&mut self, namespace: &str, name: &str, spec: WrittenSpec) {
        self.policies.push(policy(namespace, name, spec));
    }
}

/// A pod; the number tells addresses and nodes apart.
pub(super) fn pod(namespace: &str, name: &str, labels: &[(&str, String)], number: u32) -> Pod {
    let [_, a, b, c] = number.to_be_bytes();
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    Pod {
        key: ObjectKey::new(namespace, name),
        labels: labels.collect(),
        addresses: vec![IpAddr::from([10, a, b, c])],
        node: Some(format!("node-{}", number % 100)),
        ..Pod::default()
    }
}

/// A policy that lets one workload of another namespace into a whole namespace.
pub(super) fn one_more(namespace: &str) -> WrittenPolicy {
    let everybody = Some(WrittenSelector::default());
    let spec = ingress(everybody, across("team-3", "app-1"), 7777);
    policy(namespace, "one-more", spec)
}

/// As the engine takes it.
pub(super) fn checked(policy: &WrittenPolicy) -> anyhow::Result<NetworkPolicy> {
    NetworkPolicy::check(policy).map_err(|problems| anyhow::anyhow!("{policy:?}: {problems:?}"))
}

fn policy(namespace: &str, name: &str, spec: WrittenSpec) -> WrittenPolicy {
    WrittenPolicy {
        metadata: WrittenMetadata {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
        },
        spec: Some(spec),
    }
}

/// Lets one workload into the next, and that one out to the one after, here and in another namespace.
fn edge_of_three(edge: u32, other: &str) -> WrittenSpec {
    let app = |number| format!("app-{number}");
    let peers = |name: &str| Some(vec![own(name), across(other, name)]);
    let ports = |edge| Some(tcp(&[8000 + i64::from(edge % 4), 9090]));
    WrittenSpec {
        pod_selector: Some(labels("app", &app(edge + 1))),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        ingress: Some(vec![WrittenRule {
            from: peers(&app(edge)),
            ports: ports(edge),
            to: None,
        }]),
        egress: Some(vec![WrittenRule {
            to: peers(&app(edge + 2)),
            ports: ports(edge + 1),
            from: None,
        }]),
    }
}

fn ingress(subject: Option<WrittenSelector>, peer: WrittenPeer, port: i64) -> WrittenSpec {
    WrittenSpec {
        pod_selector: subject,
        policy_types: Some(vec!["Ingress".to_owned()]),
        ingress: Some(vec![WrittenRule {
            from: Some(vec![peer]),
            ports: Some(tcp(&[port])),
            to: None,
        }]),
        egress: None,
    }
}

fn tcp(ports: &[i64]) -> Vec<WrittenPort> {
    let ports = ports.iter().map(|port| WrittenPort {
        protocol: Some("TCP".to_owned()),
        port: Some(NumberOrName::Number(*port)),
        end_port: None,
    });
    ports.collect()
}

fn own(app: &str) -> WrittenPeer {
    WrittenPeer {
        pod_selector: Some(labels("app", app)),
        ..WrittenPeer::default()
    }
}

fn across(namespace: &str, app: &str) -> WrittenPeer {
    WrittenPeer {
        namespace_selector: Some(labels(NAMESPACE_NAME, namespace)),
        ..own(app)
    }
}

fn labels(key: &str, value: &str) -> WrittenSelector {
    WrittenSelector {
        match_labels: Some(BTreeMap::from([(key.to_owned(), Some(value.to_owned()))])),
        match_expressions: None,
    }
}
