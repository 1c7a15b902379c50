//! How long the matrix takes, on one thread: `cargo run --release -p netpol-engine --example scale`, with the name of one
//! of the clusters for that one alone.
//!
//! Three made-up clusters: 10,000 pods in 100 namespaces with 1,000 policies; 100,000 pods in 25,000 namespaces with 75,000
//! policies; and 10,000 pods of one namespace with 10,000 policies that each select all. The last two have the shape of
//! the fixtures that Antrea measures its controller with.
#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::net::IpAddr;
use std::time::Duration;

use netpol_engine::{
    Cluster, Endpoint, Labels, Matrix, Namespaces, NetworkPolicy, ObjectKey, Peer, Pod, PodPeer,
    PortRule, Ports, Profile, Protocol, Query, Rule, Selector, explain, naive,
};

fn pod(namespace: &str, name: String, labels: &[(&str, String)], number: u32) -> Pod {
    let [_, a, b, c] = number.to_be_bytes();
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    Pod {
        key: ObjectKey::new(namespace, name),
        labels: labels.collect::<Labels>(),
        addresses: vec![IpAddr::from([10, a, b, c])],
        node: Some(format!("node-{}", number % 100)),
        ..Pod::default()
    }
}

fn app(name: &str) -> Selector {
    Selector::of_labels([("app", name)])
}

fn own(pods: Selector) -> Peer {
    Peer::Pods(PodPeer {
        namespaces: Namespaces::Own,
        pods,
    })
}

fn across(namespace: &str, pods: Selector) -> Peer {
    Peer::Pods(PodPeer {
        namespaces: Namespaces::Matching(Selector::of_labels([(
            "kubernetes.io/metadata.name",
            namespace,
        )])),
        pods,
    })
}

fn tcp(port: u16) -> PortRule {
    PortRule {
        protocol: Some(Protocol::Tcp),
        ports: Ports::Range(port, port),
    }
}

fn policy(namespace: &str, name: String, subject: Selector, ingress: Vec<Rule>) -> NetworkPolicy {
    NetworkPolicy {
        key: ObjectKey::new(namespace, name),
        subject,
        ingress: Some(ingress),
        egress: None,
        types_written: true,
        ignored: None,
    }
}

/// 20 workloads of 5 replicas in each of 100 namespaces; a default deny in both directions, DNS, and eight edges each.
fn usual() -> Cluster {
    let mut cluster = Cluster::default();
    for space in 0..100u32 {
        let namespace = format!("team-{space}");
        cluster.apply_namespace(&namespace, Labels::new());
        for workload in 0..20u32 {
            for replica in 0..5 {
                let number = (space * 20 + workload) * 5 + replica;
                let labels = [
                    ("app", format!("app-{workload}")),
                    ("team", namespace.clone()),
                    ("tier", format!("tier-{}", workload % 3)),
                    ("pod-template-hash", format!("{:x}", workload * 7919)),
                ];
                let name = format!("app-{workload}-{replica}");
                cluster.apply_pod(pod(&namespace, name, &labels, number));
            }
        }
        let mut deny = policy(
            &namespace,
            "deny".to_owned(),
            Selector::default(),
            Vec::new(),
        );
        deny.egress = Some(vec![Rule {
            peers: vec![across("team-0", app("app-0"))],
            ports: vec![tcp(53)],
        }]);
        cluster.apply_policy(deny);
        for edge in 0..9u32 {
            let port = 8000 + u16::try_from(edge % 4).unwrap_or(0);
            let ports = vec![tcp(port), tcp(9090)];
            let (from, to) = (format!("app-{edge}"), format!("app-{}", edge + 1));
            let other = format!("team-{}", (space + edge) % 100);
            let into = Rule {
                peers: vec![own(app(&from)), across(&other, app(&from))],
                ports: ports.clone(),
            };
            let mut both = policy(&namespace, format!("edge-{edge}"), app(&to), vec![into]);
            let (next, port) = (
                format!("app-{}", edge + 2),
                8000 + u16::try_from((edge + 1) % 4).unwrap_or(0),
            );
            both.egress = Some(vec![Rule {
                peers: vec![own(app(&next)), across(&other, app(&next))],
                ports: vec![tcp(port), tcp(9090)],
            }]);
            cluster.apply_policy(both);
        }
    }
    cluster
}

/// Four pods and three policies in each of 25,000 namespaces.
fn many_namespaces() -> Cluster {
    let mut cluster = Cluster::default();
    for space in 0..25_000u32 {
        let namespace = format!("space-{space}");
        let labels = Labels::from([("app".to_owned(), namespace.clone())]);
        cluster.apply_namespace(&namespace, labels);
        for index in 0..4 {
            let labels = [
                ("app-1", format!("scale-{}", index % 2)),
                ("app-2", format!("scale-{index}")),
            ];
            let name = format!("pod-{index}");
            cluster.apply_pod(pod(&namespace, name, &labels, space * 4 + index));
        }
        for index in 0..3 {
            let subject = Selector::of_labels([("app-1", "scale-1")]);
            let peer = PodPeer {
                namespaces: Namespaces::Matching(app(&namespace)),
                pods: Selector::of_labels([("app-1", "scale-1")]),
            };
            let rule = Rule {
                peers: vec![Peer::Pods(peer)],
                ports: vec![tcp(80 + index)],
            };
            cluster.apply_policy(policy(&namespace, format!("p{index}"), subject, vec![rule]));
        }
    }
    cluster
}

/// 10,000 pods, each of its own kind, and 10,000 policies that select all of them and let one in.
fn all_select_all() -> Cluster {
    let mut cluster = Cluster::default();
    cluster.apply_namespace("one", Labels::new());
    for number in 0..10_000 {
        let name = format!("app-{number}");
        let labels = [("app", name.clone())];
        cluster.apply_pod(pod("one", name.clone(), &labels, number));
        let rule = Rule {
            peers: vec![own(app(&name))],
            ports: vec![tcp(8080)],
        };
        cluster.apply_policy(policy("one", name, Selector::default(), vec![rule]));
    }
    cluster
}

/// The time that this thread, the only one, has spent on a processor: what else the machine does is not ours. It is
/// counted in ticks of some milliseconds, so what is short is done many times.
#[derive(Clone, Copy)]
struct Instant(Duration);

impl Instant {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
        let nanoseconds = text.split(' ').next().and_then(|it| it.parse().ok());
        Self(Duration::from_nanos(nanoseconds.unwrap_or(0)))
    }

    fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

fn figure(name: &str, value: Duration, unit: &str) {
    let value = match unit {
        "ms" => value.as_secs_f64() * 1e3,
        "us" => value.as_secs_f64() * 1e6,
        _ => value.as_secs_f64(),
    };
    println!("figure {name} {value:.3} {unit}");
}

/// Resident memory, in MiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes
        .and_then(|it| it.parse::<usize>().ok())
        .unwrap_or(0)
        / 1024
}

fn cold(name: &str, cluster: &Cluster, times: u32, ports: &[u16]) -> Matrix {
    let mut build = Duration::ZERO;
    let mut matrix = Matrix::new(Cluster::default(), Profile::SPECIFICATION);
    for _ in 0..times {
        let cluster = cluster.clone();
        let start = Instant::now();
        matrix = Matrix::new(cluster, Profile::SPECIFICATION);
        build += start.elapsed() / times;
    }
    let mut pairs = Vec::new();
    let start = Instant::now();
    for _ in 0..times {
        let found = ports
            .iter()
            .map(|port| matrix.reach(Protocol::Tcp, *port).allowed_pairs());
        pairs = found.collect();
    }
    let rows = start.elapsed() / times;
    println!(
        "{name}: {:?}, {pairs:?} pairs allowed on {ports:?}",
        matrix.size()
    );
    figure(&format!("netpol_{name}_build"), build, "ms");
    if !ports.is_empty() {
        figure(&format!("netpol_{name}_matrix"), build + rows, "ms");
    }
    println!("figure netpol_{name}_resident {} MiB", resident());
    matrix
}

fn events(matrix: &mut Matrix) {
    let replica = || pod("team-5", "app-3-new".to_owned(), &[], 99_999);
    let mut known = matrix
        .cluster()
        .pods
        .get(&ObjectKey::new("team-5", "app-3-0"))
        .cloned()
        .unwrap_or_default();
    let start = Instant::now();
    for index in 0..1000 {
        known.key.name = format!("app-3-new-{index}");
        matrix.apply_pod(known.clone());
    }
    figure("netpol_pod_of_a_known_class", start.elapsed() / 1000, "us");
    let start = Instant::now();
    for index in 0..1000 {
        let mut new = replica();
        new.key.name = format!("new-{index}");
        new.labels.insert("app".to_owned(), "app-3".to_owned());
        new.labels.insert("fresh".to_owned(), format!("{index}"));
        matrix.apply_pod(new);
    }
    figure("netpol_pod_of_a_new_class", start.elapsed() / 1000, "us");
    let start = Instant::now();
    for index in 0..100 {
        let namespace = format!("team-{index}");
        let rule = Rule {
            peers: vec![across("team-3", app("app-1"))],
            ports: vec![tcp(7777)],
        };
        let new = policy(
            &namespace,
            "one-more".to_owned(),
            Selector::default(),
            vec![rule],
        );
        matrix.apply_policy(new);
        matrix.delete_policy(&ObjectKey::new(&namespace, "edge-1"));
    }
    figure("netpol_policy", start.elapsed() / 200, "ms");
    let start = Instant::now();
    for index in 0..1000 {
        let labels = Labels::from([("a".to_owned(), format!("{index}"))]);
        matrix.apply_namespace("team-7", labels);
    }
    figure("netpol_namespace", start.elapsed() / 1000, "us");
    let query = Query::tcp(
        Endpoint::pod("team-5", "app-3-0"),
        Endpoint::pod("team-5", "app-4-1"),
        8003,
    );
    let start = Instant::now();
    for _ in 0..100_000 {
        std::hint::black_box(matrix.verdict(&query));
    }
    figure("netpol_verdict", start.elapsed() / 100_000, "us");
    let start = Instant::now();
    for _ in 0..1000 {
        std::hint::black_box(naive::verdict(matrix.cluster(), matrix.profile(), &query));
    }
    figure("netpol_naive_verdict", start.elapsed() / 1000, "us");
    let start = Instant::now();
    for _ in 0..1000 {
        std::hint::black_box(explain(matrix.cluster(), matrix.profile(), &query));
    }
    figure("netpol_explain", start.elapsed() / 1000, "us");
    let (verdict, same) = (
        matrix.verdict(&query),
        naive::verdict(matrix.cluster(), matrix.profile(), &query),
    );
    println!("{query}: {verdict}, {same}");
}

fn main() {
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|it| it == name);
    if wanted("usual") {
        let mut matrix = cold("usual", &usual(), 20, &[8000, 8001, 8002, 8003, 9090, 53]);
        events(&mut matrix);
    }
    if wanted("many_namespaces") {
        drop(cold("many_namespaces", &many_namespaces(), 3, &[]));
    }
    if wanted("all_select_all") {
        drop(cold("all_select_all", &all_select_all(), 10, &[8080]));
    }
}
