//! What the play is played on: targets, autoscalers of every kind, and the exporter.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::page::Page;
use cluster_tests::{Lab, http, page_of};
use serde_json::{Value, json};

use super::rollout;

/// Where all of it is.
pub(crate) const NAMESPACE: &str = "autoscaled";

/// The autoscalers, and the targets of the same names.
pub(crate) const NAMES: [&str; 10] = [
    "average",
    "broken",
    "container",
    "frontend",
    "object",
    "pods",
    "policies",
    rollout::NAME,
    "value",
    "windows",
];

/// What makes an exporter ask the metric APIs itself.
pub(crate) const QUERY: &[&str] = &["--mode=query", "--query.external"];

/// A running exporter. It is killed when this goes.
pub(crate) struct Exporter {
    address: String,
    child: Child,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Exporter {
    /// Starts the exporter in this network, with the kubeconfig that the lab gave us, for one namespace. How often the controller looks it
    /// is not told: the lab's controller manager is no pod, but says so itself.
    pub(crate) fn start(namespace: &str, more: &[&str]) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hpa-exporter-in-the-lab"))
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--controller.configz=https://127.0.0.1:10257",
            ])
            .arg(format!("--namespaces={namespace}"))
            .args(more)
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(child.stderr.take().context("a log")?);
        let mut address = None;
        let mut line = String::new();
        while !line.contains("the first lists are in") {
            line.clear();
            ensure!(log.read_line(&mut line)? > 0, "the exporter ended");
            if let Some((_, rest)) = line.split_once("msg=listening address=") {
                address = rest.split_whitespace().next().map(str::to_owned);
            }
        }
        // What it has to say later is for whoever reads this test's output.
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                println!("exporter: {line}");
            }
        });
        let address = address.context("it listens")?;
        Ok(Self { address, child })
    }

    pub(crate) fn page(&self) -> Result<Page> {
        page_of(&self.address)
    }

    /// What it kept of disagreements.
    pub(crate) fn mismatches(&self) -> Result<String> {
        http::request("GET", &self.address, "/mismatches", "")
    }
}

/// Where all of it goes.
pub(crate) fn namespace(lab: &Lab) -> Result<()> {
    lab.apply(&[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})])
}

/// Takes everything away that an earlier run has left.
pub(crate) fn clear(lab: &Lab) -> Result<()> {
    let all = [
        "delete",
        "hpa,deployments,services",
        "--all",
        "-n",
        NAMESPACE,
    ];
    lab.kubectl(&[&all[..], &["--ignore-not-found", "--wait"]].concat())?;
    rollout::clear(lab)
}

/// A Deployment for each autoscaler, of pods that do nothing; for one of them an object of another kind.
pub(crate) fn targets(lab: &Lab) -> Result<()> {
    rollout::make(lab)?;
    let deployments = NAMES.iter().filter(|name| **name != rollout::NAME);
    let mut objects: Vec<Value> = deployments.map(|name| target(name)).collect();
    objects.push(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "queue", "namespace": NAMESPACE}, "spec": {"ports": [{"port": 80}]}}));
    lab.apply(&objects)
}

fn target(name: &str) -> Value {
    // Where nobody looks at it, a node with two cores is not to be full of requests.
    let cpu = match name {
        "container" | "frontend" | "policies" => "40m",
        _ => "5m",
    };
    let container = |name: &str| json!({"name": name, "image": "sidelights/pause:lab", "imagePullPolicy": "Never", "resources": {"requests": {"cpu": cpu, "memory": "4Mi"}}});
    let containers = if name == "container" {
        vec![container("server"), container("sidecar")]
    } else {
        vec![container("server")]
    };
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers, "terminationGracePeriodSeconds": 1}}}})
}

/// Whether every target has its pods.
pub(crate) fn all_run(lab: &Lab) -> Result<()> {
    let list = lab.get(&["deployments", "-n", NAMESPACE])?;
    let items = list["items"].as_array().context("a list")?;
    let ready = items.iter().filter(|it| it["status"]["readyReplicas"] == 2);
    ensure!(ready.count() == NAMES.len() - 1, "not all are ready");
    Ok(())
}

/// The autoscalers.
pub(crate) fn autoscalers(lab: &Lab) -> Result<()> {
    let objects: Vec<Value> = NAMES.iter().map(|name| autoscaler(name)).collect();
    lab.apply(&objects)
}

fn autoscaler(name: &str) -> Value {
    let utilization = json!({"type": "Utilization", "averageUtilization": 50});
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": utilization}});
    let external = |target: Value| json!({"type": "External", "external": {"metric": {"name": format!("queue-{name}")}, "target": target}});
    let value = || external(json!({"type": "Value", "value": "100"}));
    let per_pod = json!({"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "10"}}});
    let metrics = match name {
        "average" | rollout::NAME => vec![external(
            json!({"type": "AverageValue", "averageValue": "30"}),
        )],
        "broken" => vec![value(), per_pod],
        "container" => vec![
            json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "server", "target": utilization}}),
        ],
        "object" => vec![
            json!({"type": "Object", "object": {"metric": {"name": "length"}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "queue"},
            "target": {"type": "Value", "value": "100"}}}),
        ],
        "pods" => vec![per_pod],
        "value" | "windows" => vec![value()],
        _ => vec![cpu],
    };
    // Never the one that allows the most; and yet each change of the scale is remembered for ten minutes because of it.
    let long = json!({"type": "Pods", "value": 1, "periodSeconds": 600});
    let behavior = match name {
        "policies" => json!({
            "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}, long]},
            "scaleDown": {"stabilizationWindowSeconds": 22, "policies": [{"type": "Percent", "value": 50, "periodSeconds": 20}, {"type": "Pods", "value": 1, "periodSeconds": 10}], "selectPolicy": "Min"},
        }),
        "windows" => json!({
            "scaleUp": {"stabilizationWindowSeconds": 12},
            "scaleDown": {"stabilizationWindowSeconds": 33},
        }),
        "average" | "object" | "pods" | "container" | rollout::NAME => {
            json!({"scaleDown": {"stabilizationWindowSeconds": 0}})
        }
        _ => Value::Null,
    };
    let (api_version, kind) = match name {
        rollout::NAME => (rollout::API_VERSION, rollout::KIND),
        _ => ("apps/v1", "Deployment"),
    };
    let mut spec = json!({"minReplicas": 1, "maxReplicas": 5, "metrics": metrics,
        "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": name}});
    if !behavior.is_null() {
        spec["behavior"] = behavior;
    }
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
}
