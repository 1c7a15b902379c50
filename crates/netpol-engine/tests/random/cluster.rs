//! Made-up clusters and events, full of what is easily got wrong.

use std::net::IpAddr;

use fastrand::Rng;
use netpol_engine::{
    Action, Block, Cidr, Cluster, ClusterKind, ClusterPeers, ClusterPolicy, ClusterRule, Labels,
    NamedPort, Namespaces, NetworkPolicy, Node, ObjectKey, Operator, Peer, Pod, PodPeer, PortRule,
    Ports, Protocol, Requirement, Rule, Selector, Tier,
};

const NAMESPACES: [&str; 3] = ["red", "green", "blue"];
const KEYS: [&str; 4] = ["app", "tier", "env", "pod-template-hash"];
const VALUES: [&str; 3] = ["a", "b", ""];
const PORT_NAMES: [&str; 2] = ["web", "dns"];
pub(crate) const PORTS: [u16; 5] = [53, 80, 81, 8080, 65535];
const BLOCKS: [&str; 8] = [
    "0.0.0.0/0",
    "10.0.0.0/24",
    "10.0.0.0/28",
    "10.0.0.3/32",
    "192.168.0.0/16",
    "198.51.100.0/24",
    "::/0",
    "fd00::/120",
];

#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own")]
/// Which of the rarer things a cluster has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) host_network: bool,
    pub(crate) blocks: bool,
    pub(crate) both_families: bool,
    pub(crate) unplaced: bool,
    pub(crate) cluster_policies: bool,
}

impl Shape {
    pub(crate) fn of(random: &mut Rng) -> Self {
        Self {
            host_network: random.u8(..4) == 0,
            blocks: random.bool(),
            both_families: random.u8(..3) == 0,
            unplaced: random.u8(..4) == 0,
            cluster_policies: random.u8(..3) == 0,
        }
    }
}

pub(crate) fn cluster(random: &mut Rng, shape: Shape) -> Cluster {
    let mut cluster = Cluster::default();
    for name in NAMESPACES {
        if random.u8(..4) > 0 {
            cluster.apply_namespace(name, labels(random));
        }
    }
    for name in ["node-a", "node-b"] {
        let node = Node {
            labels: labels(random),
            addresses: vec!["192.168.0.1".parse().unwrap()],
        };
        cluster.nodes.insert(name.to_owned(), node);
    }
    for _ in 0..random.usize(1..9) {
        cluster.apply_pod(pod(random, shape));
    }
    for _ in 0..random.usize(0..6) {
        cluster.apply_policy(policy(random, shape));
    }
    if shape.cluster_policies {
        for _ in 0..random.usize(1..4) {
            cluster.apply_cluster_policy(cluster_policy(random, shape));
        }
    }
    cluster
}

pub(crate) fn key(random: &mut Rng, most: u8) -> ObjectKey {
    let namespace = random.choice(NAMESPACES).unwrap();
    ObjectKey::new(namespace, format!("n{}", random.u8(..most)))
}

pub(crate) fn namespace(random: &mut Rng) -> &'static str {
    random.choice(NAMESPACES).unwrap()
}

pub(crate) fn labels(random: &mut Rng) -> Labels {
    let mut labels = Labels::new();
    for key in KEYS {
        if random.bool() {
            let value = random.choice(VALUES).unwrap();
            labels.insert(key.to_owned(), value.to_owned());
        }
    }
    labels
}

pub(crate) fn pod(random: &mut Rng, shape: Shape) -> Pod {
    let host_network = shape.host_network && random.u8(..3) == 0;
    let node = random.choice(["node-a", "node-b"]).unwrap();
    let mut addresses: Vec<IpAddr> = Vec::new();
    if !shape.unplaced || random.u8(..4) > 0 {
        let last = random.u8(..20);
        let v4 = if host_network {
            [192, 168, 0, 1]
        } else {
            [10, 0, 0, last]
        };
        addresses.push(v4.into());
        if shape.both_families && random.u8(..3) > 0 {
            let v6: IpAddr = format!("fd00::{last:x}").parse().unwrap();
            match random.u8(..3) {
                0 => addresses = vec![v6],
                1 => addresses.insert(0, v6),
                _ => addresses.push(v6),
            }
        }
    }
    let mut ports = Vec::new();
    for _ in 0..random.usize(..3) {
        ports.push(NamedPort {
            name: random.choice(PORT_NAMES).unwrap().to_owned(),
            protocol: protocol(random),
            number: random.choice(PORTS).unwrap(),
        });
    }
    Pod {
        key: key(random, 6),
        labels: labels(random),
        addresses,
        node: (random.u8(..5) > 0).then(|| node.to_owned()),
        host_network,
        finished: random.u8(..12) == 0,
        ports,
        workload: "w".to_owned(),
    }
}

pub(crate) fn protocol(random: &mut Rng) -> Protocol {
    random
        .choice([Protocol::Tcp, Protocol::Tcp, Protocol::Udp, Protocol::Sctp])
        .unwrap()
}

fn selector(random: &mut Rng) -> Selector {
    let count = random.choice([0, 0, 1, 1, 2]).unwrap();
    let requirements = (0..count).map(|_| {
        let mut values: Vec<String> = (0..random.usize(1..3))
            .map(|_| random.choice(VALUES).unwrap().to_owned())
            .collect();
        values.sort();
        values.dedup();
        Requirement {
            key: random.choice(KEYS).unwrap().to_owned(),
            operator: match random.u8(..6) {
                0 => Operator::NotIn(values),
                1 => Operator::Exists,
                2 => Operator::DoesNotExist,
                _ => Operator::In(values),
            },
        }
    });
    Selector::new(requirements.collect())
}

fn namespaces(random: &mut Rng) -> Selector {
    if random.bool() {
        let name = random.choice(NAMESPACES).unwrap();
        return Selector::of_labels([("kubernetes.io/metadata.name", name)]);
    }
    selector(random)
}

fn pods(random: &mut Rng) -> PodPeer {
    PodPeer {
        namespaces: if random.bool() {
            Namespaces::Own
        } else {
            Namespaces::Matching(namespaces(random))
        },
        pods: selector(random),
    }
}

fn cidr(random: &mut Rng) -> Cidr {
    Cidr::parse(random.choice(BLOCKS).unwrap()).unwrap()
}

fn block(random: &mut Rng) -> Block {
    let cidr = cidr(random);
    let except = BLOCKS.iter().filter_map(|it| Cidr::parse(it));
    Block {
        except: except
            .filter(|it| cidr.strictly_contains(it) && random.u8(..3) == 0)
            .collect(),
        cidr,
    }
}

fn port(random: &mut Rng) -> PortRule {
    let first = random.choice(PORTS).unwrap();
    PortRule {
        protocol: Some(protocol(random)),
        ports: match random.u8(..5) {
            0 => Ports::All,
            1 => Ports::Range(first, random.choice(PORTS).unwrap().max(first)),
            2 => Ports::Named(random.choice(PORT_NAMES).unwrap().to_owned()),
            _ => Ports::Range(first, first),
        },
    }
}

fn ports(random: &mut Rng) -> Vec<PortRule> {
    (0..random.usize(..3)).map(|_| port(random)).collect()
}

fn rule(random: &mut Rng, shape: Shape) -> Rule {
    let peers = (0..random.usize(..3)).map(|_| {
        if shape.blocks && random.u8(..3) == 0 {
            Peer::Block(block(random))
        } else {
            Peer::Pods(pods(random))
        }
    });
    let peers = peers.collect();
    Rule {
        peers,
        ports: ports(random),
    }
}

pub(crate) fn policy(random: &mut Rng, shape: Shape) -> NetworkPolicy {
    let mut rules = || -> Option<Vec<Rule>> {
        (random.u8(..3) > 0).then(|| {
            (0..random.usize(..3))
                .map(|_| rule(random, shape))
                .collect()
        })
    };
    let (ingress, egress) = (rules(), rules());
    NetworkPolicy {
        key: key(random, 4),
        subject: selector(random),
        ingress,
        egress,
        types_written: true,
        ignored: None,
    }
}

pub(crate) fn cluster_policy(random: &mut Rng, shape: Shape) -> ClusterPolicy {
    let across = |random: &mut Rng| PodPeer {
        namespaces: Namespaces::Matching(namespaces(random)),
        pods: selector(random),
    };
    let mut rules = |egress: bool| -> Vec<ClusterRule> {
        let rules = (0..random.usize(..4)).map(|_| {
            let peers = (0..random.usize(1..3)).map(|_| match random.u8(..6) {
                0 if egress && shape.blocks => Peer::Network(cidr(random)),
                1 if egress => Peer::Nodes(selector(random)),
                2 if egress => Peer::Domains(vec!["example.org".to_owned()]),
                _ => Peer::Pods(across(random)),
            });
            let peers = peers.collect();
            let mut ports = ports(random);
            for port in &mut ports {
                if matches!(port.ports, Ports::Named(_)) {
                    port.protocol = None;
                }
            }
            ClusterRule {
                name: None,
                action: random
                    .choice([Action::Accept, Action::Deny, Action::Pass])
                    .unwrap(),
                peers: if random.u8(..12) == 0 {
                    ClusterPeers::Everyone
                } else {
                    ClusterPeers::Of(peers)
                },
                ports,
            }
        });
        rules.collect()
    };
    let (ingress, egress) = (rules(false), rules(true));
    let baseline = random.u8(..3) == 0;
    ClusterPolicy {
        kind: ClusterKind::Cluster,
        name: format!("c{}", random.u8(..4)),
        tier: if baseline {
            Tier::Baseline
        } else {
            Tier::Admin
        },
        priority: random.u16(..3),
        subject: across(random),
        ingress,
        egress,
    }
}
