//! The lab itself: what every other cluster test takes for granted.

use std::time::Duration;

use anyhow::{Result, ensure};
use cluster_tests::{Lab, eventually};
use serde_json::Value;

const MINUTE: Duration = Duration::from_mins(1);

/// The status of a condition of an object: `True`, `False`, `Unknown`, or nothing.
fn condition<'object>(object: &'object Value, kind: &str) -> &'object str {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .and_then(|condition| condition["status"].as_str())
        .unwrap_or_default()
}

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn every_node_is_ready_and_has_its_own_figures() -> Result<()> {
    let lab = Lab::entered();
    let nodes = lab.get(&["nodes"])?;
    let nodes = nodes["items"].as_array().expect("a list");
    ensure!(!nodes.is_empty(), "there are no nodes");
    for node in nodes {
        let name = node["metadata"]["name"].as_str().expect("a name");
        ensure!(condition(node, "Ready") == "True", "{name} is not Ready");
        // By metrics-server, and so through the API server's aggregation.
        eventually("the node's CPU is known", MINUTE, || {
            lab.kubectl(&["top", "node", name, "--no-headers"])
        });
    }
    Ok(())
}

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn a_pod_finds_a_service_by_its_name() -> Result<()> {
    const POD: &str = "asks-for-a-name";
    let lab = Lab::entered();
    lab.kubectl(&["delete", "pod", POD, "--ignore-not-found", "--now"])?;
    // Twice: the short name goes through the search list that the kubelet wrote.
    lab.kubectl(&[
        "run",
        POD,
        "--image=sidelights/busybox:lab",
        "--image-pull-policy=Never",
        "--restart=Never",
        "--command",
        "--",
        "/bin/busybox",
        "sh",
        "-c",
        // A test before this one may have kept the API server away for so long that the nodes, and DNS with them, counted as lost.
        "until /bin/busybox nslookup -type=a kube-dns.kube-system.svc.cluster.local; do /bin/busybox sleep 1; done",
    ])?;
    eventually("it has an answer", 2 * MINUTE, || {
        let pod = lab.get(&["pod", POD])?;
        let said = lab.kubectl(&["logs", POD, "--tail=5"]);
        let status = &pod["status"];
        ensure!(status["phase"] == "Succeeded", "{said:?} in {status}");
        Ok(())
    });
    let said = lab.kubectl(&["logs", POD])?;
    assert!(said.contains("10.96.0.10"), "{said}");
    lab.kubectl(&["delete", "pod", POD, "--now"])?;
    Ok(())
}

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn the_operators_prometheus_scrapes_what_a_service_monitor_selects() {
    let lab = Lab::entered();
    let job = r#"up{job="prometheus-kube-prometheus-prometheus"}"#;
    let value = eventually("Prometheus scrapes itself", 2 * MINUTE, || {
        let samples = lab.query(job)?;
        ensure!(samples.len() == 1, "{} samples", samples.len());
        Ok(samples[0]["value"][1].clone())
    });
    assert_eq!(value, "1");
}
