//! How long the exporter's own work takes, on one thread: `cargo run --release -p netpol-exporter --example scale`.
//!
//! 10,000 pods in 100 namespaces with 1,000 policies and 1,800 required flows; everything from nothing, then one event after another,
//! each with the decision that follows it.
#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::time::Duration;

use kube_watch::{Index, ObjectKey as WatchedKey};
use netpol_engine::{
    Flow, FlowSource, FlowTarget, NetworkPolicy, ObjectKey, Origin, Pod, Profile, Protocol,
    Service, ServicePort, Target, WrittenPolicy,
};
use netpol_exporter::decide::{Findings, State, decide, survey};
use netpol_exporter::model::pod::WatchedPod;
use netpol_exporter::model::policy::{Checked, Revision, Version};
use netpol_exporter::model::{Labelled, Model};
use netpol_exporter::observe::{Observer, Settings};

const SETTINGS: Settings = Settings {
    every: Duration::from_secs(30),
    timeout: Duration::from_secs(2),
    max_rate: 100.0,
    max_age: Duration::from_mins(2),
    settle: Duration::from_secs(2),
    enter: false,
    required: false,
};

fn namespace(space: u32) -> String {
    format!("team-{space}")
}

fn pod(space: u32, workload: u32, replica: &str, number: u32) -> WatchedPod {
    let [_, a, b, c] = number.to_be_bytes();
    let label = |key: &str, value: String| (key.to_owned(), value);
    WatchedPod {
        pod: Pod {
            key: ObjectKey::new(namespace(space), format!("app-{workload}-{replica}")),
            labels: [
                label("app", format!("app-{workload}")),
                label("pod-template-hash", format!("{:x}", workload * 7919)),
            ]
            .into(),
            addresses: vec![[10, a, b, c].into()],
            node: Some(format!("node-{}", number % 100)),
            workload: format!("app-{workload}"),
            ..Pod::default()
        },
        listens: vec![(Protocol::Tcp, 8080)],
        ..WatchedPod::default()
    }
}

fn pods() -> Vec<WatchedPod> {
    let mut pods = Vec::new();
    for space in 0..100 {
        for workload in 0..20 {
            for replica in 0..5 {
                let number = (space * 20 + workload) * 5 + replica;
                pods.push(pod(space, workload, &replica.to_string(), number));
            }
        }
    }
    pods
}

fn service(space: u32, workload: u32) -> Service {
    Service {
        key: ObjectKey::new(namespace(space), format!("app-{workload}")),
        selector: Some([("app".to_owned(), format!("app-{workload}"))].into()),
        addresses: Vec::new(),
        ports: vec![ServicePort {
            protocol: Protocol::Tcp,
            number: 80,
            target: Target::Number(8080),
        }],
    }
}

/// Default deny both ways, and one policy for each of nine edges, each open at both its ends.
fn policies() -> Vec<Checked<NetworkPolicy>> {
    let mut policies = Vec::new();
    for space in 0..100 {
        policies.push(policy(
            space,
            "deny",
            r#"{"policyTypes":["Ingress","Egress"]}"#,
        ));
        for edge in 0..9 {
            let peer = |workload: u32| {
                format!(r#"[{{"podSelector":{{"matchLabels":{{"app":"app-{workload}"}}}}}}]"#)
            };
            let (from, to) = (peer(edge), peer(edge + 2));
            let subject = edge + 1;
            let ports = r#""ports":[{"port":8080}]"#;
            let spec = format!(
                r#"{{"podSelector":{{"matchLabels":{{"app":"app-{subject}"}}}},"policyTypes":["Ingress","Egress"],"ingress":[{{"from":{from},{ports}}}],"egress":[{{"to":{to},{ports}}}]}}"#
            );
            policies.push(policy(space, &format!("edge-{edge}"), &spec));
        }
    }
    policies
}

fn policy(space: u32, name: &str, spec: &str) -> Checked<NetworkPolicy> {
    let namespace = namespace(space);
    let text =
        format!(r#"{{"metadata":{{"name":"{name}","namespace":"{namespace}"}},"spec":{spec}}}"#);
    let written: WrittenPolicy = serde_json::from_str(&text).unwrap_or_default();
    Checked {
        key: ObjectKey::new(namespace, name),
        version: Version {
            revision: Revision::of_content(spec.as_bytes()),
            manager: None,
        },
        policy: NetworkPolicy::check(&written),
    }
}

fn flows() -> Vec<Flow> {
    let edges = (0..100).flat_map(|space| (0..18).map(move |edge| (space, edge)));
    let flows = edges.map(|(space, edge)| Flow {
        source: FlowSource::Workload(ObjectKey::new(namespace(space), format!("app-{edge}"))),
        target: FlowTarget::Service(ObjectKey::new(
            namespace(space),
            format!("app-{}", edge + 1),
        )),
        port: 80,
        protocol: Protocol::Tcp,
        kind: None,
        soft: false,
        origin: Origin::Written,
    });
    flows.collect()
}

/// The time that this thread, the only one, has spent on a processor: what else the machine does is not ours.
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

fn figure(name: &str, took: Duration, unit: &str) {
    let value = match unit {
        "us" => took.as_secs_f64() * 1e6,
        _ => took.as_secs_f64() * 1e3,
    };
    println!("figure netpol_exporter_{name} {value:.3} {unit}");
}

/// The exporter without its process.
struct Exporter {
    model: Model,
    observer: Observer,
    found: Findings,
}

impl Exporter {
    fn decide(&mut self) {
        let changes = self.model.take_changes();
        let now = Duration::from_secs(1_000_000);
        self.found = decide(&self.model, &changes, &mut self.observer, now, &self.found);
    }
}

fn main() {
    let mut exporter = Exporter {
        model: Model::new(Profile::SPECIFICATION),
        observer: Observer::new(SETTINGS),
        found: Findings::default(),
    };
    let (pods, policies, flows) = (pods(), policies(), flows());
    let spaces = (0..100).map(|space| Labelled {
        name: namespace(space),
        labels: std::collections::BTreeMap::default(),
    });
    let spaces: Vec<Labelled> = spaces.collect();
    let services = (0..100).flat_map(|space| (0..20).map(move |it| service(space, it)));
    let services: Vec<Service> = services.collect();
    let start = Instant::now();
    exporter.model.require(flows, false);
    exporter.model.reset(None, spaces);
    exporter.model.reset(None, services);
    exporter.model.reset(None, pods);
    exporter.model.reset(None, policies);
    exporter.decide();
    figure("from_nothing", start.elapsed(), "ms");
    for state in State::ALL {
        println!("{}: {}", state.as_str(), exporter.found.count(state));
    }

    let start = Instant::now();
    for index in 0..500 {
        let new = pod(5, 3, &format!("new-{index}"), 100_000 + index);
        let key = WatchedKey::new(&new.pod.key.namespace, &new.pod.key.name);
        exporter.model.apply(new);
        exporter.decide();
        Index::<WatchedPod>::delete(&mut exporter.model, &key);
        exporter.decide();
    }
    figure("pod_event", start.elapsed() / 1_000, "us");

    let start = Instant::now();
    for space in 0..100 {
        let key = WatchedKey::new(namespace(space), "edge-1");
        Index::<Checked<NetworkPolicy>>::delete(&mut exporter.model, &key);
        exporter.decide();
    }
    figure("policy_event", start.elapsed() / 100, "us");

    let start = Instant::now();
    for _ in 0..100 {
        exporter.decide();
    }
    figure("nothing_changed", start.elapsed() / 100, "us");

    let start = Instant::now();
    let surveyed = survey(&exporter.model);
    figure("survey", start.elapsed(), "ms");
    println!("{} findings about policies", surveyed.findings.len());

    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    println!(
        "figure netpol_exporter_resident {} MiB",
        kilobytes.unwrap_or(0) / 1024
    );
}
