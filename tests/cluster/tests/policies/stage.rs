//! What the story is played on: the shop with agents, the exporter, and a network that enforces policies.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::http::request;
use cluster_tests::page::Page;
use cluster_tests::{Lab, in_workspace, page_of};
use serde_json::{Value, json};

use crate::policies::look::Look;

/// Where the shop is.
pub(crate) const SHOP: &str = "sre-demo";
/// Dials every five seconds, and evidence that is too old after fifteen: the story is six times as long otherwise.
const PACE: [&str; 2] = ["DIAL_INTERVAL=5s", "EVIDENCE_MAX_AGE=15s"];
/// The same, taken away again.
const OWN_PACE: [&str; 2] = ["DIAL_INTERVAL-", "EVIDENCE_MAX_AGE-"];

/// Evidence is lost once it is older than this and three dials, by the alert that ships and by the one here, ...
const PATIENCE: [&str; 2] = ["300 +", "20 +"];
/// ... which fires then, and not five minutes later.
const HURRIED: &str = "policies-test";
/// What Prometheus has while that alert fires, a sample for each flow.
pub(crate) const LOST_EVIDENCE: &str =
    r#"ALERTS{alertname="EvidenceLostSoon",alertstate="firing"}"#;

/// All of it. When it goes, the shop is as other tests expect it, and nothing is enforced any more.
pub(crate) struct Stage {
    pub(crate) lab: Lab,
    _enforcer: Enforcer,
}

/// A running enforcer.
struct Enforcer(Child);

impl Stage {
    pub(crate) fn set(lab: Lab) -> Result<Self> {
        let nodes = lab.get(&["nodes"])?;
        let nodes = nodes["items"].as_array().map_or(0, Vec::len);
        ensure!(nodes == 1, "one enforcer looks after one node: not {nodes}");
        let enforcer = Enforcer::start()?;
        let stage = Self {
            lab,
            _enforcer: enforcer,
        };
        stage.withdraw_all()?;
        let lab = &stage.lab;
        stage.replace_shop("shop-agents")?;
        for part in ["sidelights", "node-agents"] {
            stage.apply_part(part)?;
        }
        stage.hurry_the_alert()?;
        stage.pace(PACE)?;
        lab.rolled_out("monitoring");
        lab.rolled_out(SHOP);
        Ok(stage)
    }

    /// Pod by pod it would take twice as long: there is not room for both shops.
    fn replace_shop(&self, part: &str) -> Result<()> {
        let delete = ["delete", "deployments", "--all", "-n", SHOP];
        self.lab.kubectl(&delete)?;
        self.apply_part(part)
    }

    /// Applies one of `manifests/platform/lab`.
    fn apply_part(&self, part: &str) -> Result<()> {
        let folder = in_workspace(&format!("manifests/platform/lab/{part}"));
        self.lab.kubectl(&["apply", "-k", &folder]).map(drop)
    }

    fn pace(&self, variables: [&str; 2]) -> Result<()> {
        let exporter = ["deployment/netpol-exporter", "-n", "monitoring"];
        let command = [&["set", "env"], &exporter[..], &variables].concat();
        self.lab.kubectl(&command).map(drop)
    }

    /// A copy of the alert on lost evidence, the same but for how long it takes.
    fn hurry_the_alert(&self) -> Result<()> {
        let shipped = ["prometheusrule", "netpol", "-n", "monitoring"];
        let shipped = self.lab.get(&shipped)?;
        let rules = shipped["spec"]["groups"][0]["rules"].as_array();
        let is_it = |rule: &&Value| rule["alert"] == "NetpolEvidenceStale";
        let expression = rules
            .and_then(|rules| rules.iter().find(is_it)?["expr"].as_str())
            .context("there is no such alert")?;
        let [slow, quick] = PATIENCE;
        ensure!(expression.matches(slow).count() == 1, "{expression}");
        let rule = json!({"alert": "EvidenceLostSoon", "expr": expression.replace(slow, quick)});
        self.lab.apply(&[
            json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
            "metadata": {"name": HURRIED, "namespace": "monitoring", "labels": {"release": "prometheus"}},
            "spec": {"groups": [{"name": HURRIED, "rules": [rule]}]}}),
        ])
    }

    /// Where the exporter listens.
    pub(crate) fn exporter(&self) -> Result<String> {
        let selector = "app.kubernetes.io/name=netpol-exporter";
        self.lab.address("monitoring", selector, 9602)
    }

    pub(crate) fn page(&self) -> Result<Page> {
        page_of(&self.exporter()?)
    }

    pub(crate) fn look(&self) -> Result<Look> {
        Look::at(&self.page()?)
    }

    /// One of the shop's pods: its name and its address.
    pub(crate) fn pod(&self, app: &str) -> Result<(String, String)> {
        let mut pods = self.lab.pods(SHOP, &format!("app={app}"))?;
        ensure!(pods.len() == 1, "not one pod of {app}: {pods:?}");
        Ok(pods.remove(0))
    }

    /// What one of the shop's pods has done since it started.
    pub(crate) fn stats(&self, app: &str) -> Result<Value> {
        let (_, address) = self.pod(app)?;
        let stats = request("GET", &format!("{address}:9610"), "/stats", "")?;
        Ok(serde_json::from_str(&stats)?)
    }

    /// Puts a set of `manifests/platform/policies` in force.
    pub(crate) fn apply(&self, set: &str) -> Result<()> {
        let folder = in_workspace(&format!("manifests/platform/policies/{set}"));
        self.lab.kubectl(&["apply", "-f", &folder]).map(drop)
    }

    pub(crate) fn withdraw_all(&self) -> Result<()> {
        let all = ["delete", "networkpolicy", "--all", "-n", SHOP];
        self.lab.kubectl(&all).map(drop)
    }

    /// No policies, the pace that ships, and the shop without agents, which whoever wants it next waits for.
    fn clear(&self) -> Result<()> {
        let lab = &self.lab;
        lab.process("start", "kubelet-0")?;
        self.withdraw_all()?;
        self.pace(OWN_PACE)?;
        let hurried = format!("prometheusrule/{HURRIED}");
        let ours = ["podmonitor/reach-agent", "daemonset/reach-agent", &hurried];
        let delete = ["delete", "-n", "monitoring", "--ignore-not-found"];
        lab.kubectl(&[&delete[..], &ours].concat())?;
        self.replace_shop("shop")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            println!("the stage is not cleared: {error:#}");
        }
    }
}

impl Enforcer {
    /// Starts it in the network of the node, where this process is, too; it enforces from now on.
    fn start() -> Result<Self> {
        let child = Command::new("enforcer")
            .stdout(Stdio::piped())
            .spawn()
            .context("enforcer, from tests/tools/build")?;
        let mut enforcer = Self(child);
        let output = enforcer.0.stdout.take().context("its output")?;
        let mut lines = BufReader::new(output).lines();
        let first = lines.next().context("the enforcer has ended")??;
        println!("enforcer: {first}");
        // What it has to say later is for whoever reads this test's output.
        thread::spawn(move || {
            let mut last = String::new();
            for line in lines.map_while(Result::ok) {
                // Most of what changes in a cluster has nothing to do with policies.
                let (_, what) = line.split_once(',').unwrap_or_default();
                if what != last {
                    println!("enforcer: {line}");
                    what.clone_into(&mut last);
                }
            }
        });
        Ok(enforcer)
    }
}

impl Drop for Enforcer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let table = ["delete", "table", "ip", "enforcer"];
        let _ = Command::new("nft").args(table).status();
    }
}
