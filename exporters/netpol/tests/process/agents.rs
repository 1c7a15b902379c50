//! Agents, the honest and the others.

use reach::{Answer, Outcome, PATH, Plan};
use serde_json::{Value, json};

use crate::exporter::{Exporter, until};

const OBJECTS: &str = r#"
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client", "namespace": "n"}, "spec": {"nodeName": "one", "containers": []},
 "status": {"podIP": "10.0.0.1"}}
---
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "server", "namespace": "n"}, "spec": {"nodeName": "two", "containers": []},
 "status": {"podIP": "10.0.0.2"}}
"#;

const DENY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: n}
spec: {podSelector: {}}
";

struct World {
    exporter: Exporter,
    _flows: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let flows = "{namespace: n, requiredFlows: [{from: client, to: workload/server:80}]}";
        std::fs::write(path("flows.yaml"), flows).unwrap();
        std::fs::write(path("token"), "secret\n").unwrap();
        let exporter = Exporter::start(
            &[("objects.yaml", OBJECTS)],
            &[
                &format!("--flows={}", path("flows.yaml")),
                &format!("--agents.token-file={}", path("token")),
                "--evidence.settle=0s",
            ],
        );
        Self {
            exporter,
            _flows: folder,
        }
    }

    fn client() -> Value {
        json!({"pod": {"namespace": "n", "name": "client"}})
    }

    fn report(&self, agent: &Value, sightings: &Value) -> crate::exporter::Answer {
        let body = json!({"agent": agent, "sightings": sightings}).to_string();
        self.exporter.post(PATH, Some("secret"), &body)
    }

    fn plan(&self, agent: &Value) -> Plan {
        let answer = self.report(agent, &json!([]));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: Answer = serde_json::from_str(&answer.body).unwrap();
        answer.plan.unwrap()
    }

    fn state(&self) -> String {
        self.exporter.flows()[0]["state"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

#[test]
fn what_an_agent_sees_is_set_beside_what_the_policies_say() {
    let world = World::new();
    assert_eq!(world.state(), "ok");
    let client = World::client();
    let plan = until("the plan", || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        Some(world.plan(&client)).filter(|it| it.dials.len() == 1)
    });
    assert_eq!(plan.dials[0].address, "10.0.0.2:80".parse().unwrap());
    world.exporter.write("deny.yaml", DENY);
    until("the deny", || {
        (world.state() == "blocked_by_policy").then_some(())
    });
    let plan = until("another generation", || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        Some(world.plan(&client)).filter(|it| it.dials[0].generation > plan.dials[0].generation)
    });
    let sighting = json!([{
        "dial": plan.dials[0].id.0, "generation": plan.dials[0].generation, "outcome": Outcome::Connected,
        "took_seconds": 0.0, "age_seconds": 0.0,
    }]);
    assert_eq!(world.report(&client, &sighting).status, 200);
    until("the gap", || {
        (world.state() == "enforcement_gap").then_some(())
    });
    let flow = &world.exporter.flows()[0];
    assert_eq!(
        (&flow["expected"], &flow["observed"]),
        (&json!(false), &json!(true))
    );
    let page = world.exporter.get("/metrics").body;
    let mismatch = "netpol_mismatches{kind=\"enforcement_gap\",source_namespace=\"n\",destination_namespace=\"n\"} 1";
    assert!(page.contains(mismatch), "{page}");
}

#[test]
fn whoever_has_no_token_or_says_nonsense_is_told_so_and_counted() {
    let world = World::new();
    let post = |token: Option<&str>, body: &str| world.exporter.post(PATH, token, body).status;
    let honest = json!({"agent": World::client()}).to_string();
    assert_eq!(post(None, &honest), 401);
    assert_eq!(post(Some("guess"), &honest), 401);
    assert_eq!(post(Some("secret"), "{"), 400);
    assert_eq!(post(Some("secret"), r#"{"agent": {"node": "a b"}}"#), 400);
    let stranger = json!({"agent": {"node": "three"}}).to_string();
    assert_eq!(post(Some("secret"), &stranger), 403);
    let long = "x".repeat(reach::LARGEST_REPORT + 1);
    assert_eq!(post(Some("secret"), &long), 413);
    assert_eq!(world.exporter.get(PATH).status, 405);
    let flooded = (0..200).any(|_| post(Some("secret"), &honest) == 429);
    assert!(flooded, "two hundred reports at once");
    let made_up =
        json!([{"dial": 7, "outcome": "connected", "took_seconds": 0.0, "age_seconds": 0.0}]);
    until("the flood is over", || {
        (world.report(&World::client(), &made_up).status == 200).then_some(())
    });
    let counted = |series: &str| {
        let page = world.exporter.get("/metrics").body;
        let line = page.lines().find(|it| it.starts_with(series));
        line.and_then(|it| it.rsplit(' ').next()?.parse::<f64>().ok())
            .unwrap_or_default()
    };
    for (result, at_least) in [
        ("unauthorized", 2.0),
        ("malformed", 2.0),
        ("forbidden", 1.0),
        ("unread", 1.0),
        ("flood", 1.0),
    ] {
        let series = format!("netpol_reports_total{{result=\"{result}\"}}");
        assert!(counted(&series) >= at_least, "{series}");
    }
    until("the made-up dial is counted", || {
        let dropped = counted("netpol_sightings_dropped_total{reason=\"not_planned\"}");
        (dropped >= 1.0).then_some(())
    });
    // It still does its work.
    assert_eq!(world.state(), "ok");
}
