//! What agents see applications use, as a file for a person, and as required flows for who asks for that.

use reach::PATH;
use serde_json::{Value, json};

use crate::exporter::{Exporter, until};

const OBJECTS: &str = r#"
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client", "namespace": "n"}, "spec": {"containers": []},
 "status": {"podIP": "10.0.0.1"}}
---
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "server", "namespace": "n", "labels": {"app": "server"}}, "spec": {"containers": []},
 "status": {"podIP": "10.0.0.2"}}
---
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "server", "namespace": "n"},
 "spec": {"clusterIP": "10.96.0.2", "selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]}}
---
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"},
 "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 443, "targetPort": 6443}]}}
"#;

const DENY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: n}
spec: {podSelector: {}}
";

struct World {
    exporter: Exporter,
    folder: tempfile::TempDir,
}

impl World {
    fn new(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        std::fs::write(&token, "secret\n").unwrap();
        let token = format!("--agents.token-file={}", token.display());
        let flags: Vec<&str> = [token.as_str()]
            .into_iter()
            .chain(flags.iter().copied())
            .collect();
        let exporter = Exporter::start(&[("objects.yaml", OBJECTS)], &flags);
        Self { exporter, folder }
    }

    /// The client's agent has seen these.
    fn seen(&self, peers: &Value) -> u16 {
        let agent = json!({"pod": {"namespace": "n", "name": "client"}});
        let report = json!({"agent": agent, "peers": peers}).to_string();
        self.exporter.post(PATH, Some("secret"), &report).status
    }

    fn file(&self) -> String {
        self.exporter.get("/learnt.yaml").body
    }
}

fn peer(address: &str, connected: bool) -> Value {
    json!({"address": address, "connected": connected, "age_seconds": 1.0})
}

#[test]
fn what_is_seen_is_suggested_as_a_file_that_somebody_can_require() {
    let world = World::new(&[]);
    assert!(
        world.file().ends_with("requiredFlows: []\n"),
        "{}",
        world.file()
    );
    let peers = json!([
        peer("10.96.0.2:80", true),
        peer("10.96.0.1:443", true),
        peer("203.0.113.9:443", false)
    ]);
    assert_eq!(world.seen(&peers), 200);
    let file = until("the suggestion", || {
        Some(world.file()).filter(|it| it.contains("svc/"))
    });
    for line in [
        "  - {from: \"client.n\", to: \"svc/server.n:80\"} # ",
        "  # - {from: \"client.n\", to: \"svc/kubernetes.default:443\"} # ",
        "  # - {from: \"client.n\", to: \"address/203.0.113.9:443\"} # ",
    ] {
        assert!(file.contains(line), "{line}\n{file}");
    }
    // It is a suggestion and no more.
    assert!(world.exporter.flows().is_empty());
    let page = world.exporter.get("/metrics").body;
    assert!(page.contains("netpol_learnt_flows{} 3"), "{page}");

    let flows = world.folder.path().join("flows.yaml");
    std::fs::write(&flows, &file).unwrap();
    let again = World::new(&[&format!("--flows={}", flows.display())]);
    let required = again.exporter.flows();
    assert_eq!(required.len(), 1, "{required:?}");
    assert_eq!(required[0]["destination"], "svc/server.n");
    assert_eq!(
        (&required[0]["origin"], &required[0]["state"]),
        (&json!("written"), &json!("ok"))
    );
    // What is required is not suggested any more.
    assert_eq!(again.seen(&peers), 200);
    until("the others", || {
        again.file().contains("kubernetes").then_some(())
    });
    assert!(!again.file().contains("svc/server"), "{}", again.file());
}

#[test]
fn what_is_learnt_is_required_where_somebody_wants_that_and_stays_so_when_it_is_cut() {
    let world = World::new(&["--flows.learn"]);
    let peers = json!([peer("10.96.0.2:80", true), peer("203.0.113.9:443", true)]);
    assert_eq!(world.seen(&peers), 200);
    let flow = until("the flow", || world.exporter.flows().pop());
    assert_eq!(
        world.exporter.flows().len(),
        1,
        "an address outside is nobody's to require"
    );
    assert_eq!(flow["source"], "n/client");
    assert_eq!(flow["destination"], "svc/server.n");
    assert_eq!(
        (&flow["origin"], &flow["need"]),
        (&json!("learnt"), &json!("soft"))
    );
    world.exporter.write("deny.yaml", DENY);
    until("the deny", || {
        (world.exporter.in_state("blocked_by_policy") == 1).then_some(())
    });
    // It is still a suggestion: nobody has written it down.
    assert!(world.file().contains("svc/server.n:80"));
}

#[test]
fn a_report_with_too_many_or_with_nonsense_is_refused_whole() {
    let world = World::new(&[]);
    let many = vec![peer("10.96.0.2:80", true); reach::MOST_PEERS + 1];
    assert_eq!(world.seen(&json!(many)), 400);
    assert_eq!(world.seen(&json!([peer("nowhere:80", true)])), 400);
    assert_eq!(world.seen(&json!([peer("127.0.0.1:80", true)])), 200);
    until("it is counted", || {
        let page = world.exporter.get("/metrics").body;
        page.contains("netpol_peers_dropped_total{reason=\"nobody\"} 1")
            .then_some(())
    });
    assert!(world.file().ends_with("requiredFlows: []\n"));
}
