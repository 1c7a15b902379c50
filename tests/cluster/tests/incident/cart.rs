//! One pod of cartservice, and what the API says of it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::{Lab, eventually};
use jiff::Timestamp;
use serde_json::Value;

const NAMESPACE: &str = "sre-demo";
pub(crate) const SELECTOR: &str = "app=cartservice";

/// A pod of cartservice.
#[derive(Debug)]
pub(crate) struct Cart {
    pub(crate) pod: String,
    pub(crate) address: String,
}

impl Cart {
    /// A new pod in the place of the old one, as a new version would come.
    pub(crate) fn rolled_out(lab: &Lab) -> Result<Self> {
        let cart = ["-n", NAMESPACE, "deployment/cartservice"];
        lab.kubectl(&[&["rollout", "restart"][..], &cart].concat())?;
        lab.kubectl(&[&["rollout", "status", "--timeout=120s"][..], &cart].concat())?;
        Ok(Self::only(lab))
    }

    /// The one pod that is left when a rollout is through.
    pub(crate) fn only(lab: &Lab) -> Self {
        eventually("cartservice is one pod", Duration::from_mins(2), || {
            let mut pods = lab.pods(NAMESPACE, SELECTOR)?;
            ensure!(pods.len() == 1, "{pods:?}");
            let (pod, address) = pods.remove(0);
            Ok(Self { pod, address })
        })
    }

    /// The times of the kubelet's kills for a failed liveness probe, in seconds since the epoch: events have the first of each kind.
    pub(crate) fn killings(&self, lab: &Lab) -> Result<Vec<i64>> {
        let events = self.events(lab, "Killing")?;
        let killings = events.iter().filter(|event| {
            let message = event["message"].as_str().unwrap_or_default();
            message.contains("failed liveness probe")
        });
        let time = |event: &Value| {
            let first = event["firstTimestamp"].as_str().context("a time")?;
            Ok(first.parse::<Timestamp>()?.as_second())
        };
        killings.map(time).collect()
    }

    /// What the kubelet says about failed probes.
    pub(crate) fn unhealthy(&self, lab: &Lab) -> Result<Vec<String>> {
        let events = self.events(lab, "Unhealthy")?;
        let texts = events.iter().filter_map(|event| event["message"].as_str());
        Ok(texts.map(str::to_owned).collect())
    }

    /// Why its container does not run; nothing if it does.
    pub(crate) fn waits_for(&self, lab: &Lab) -> Result<String> {
        let container = self.container(lab)?;
        let reason = container["state"]["waiting"]["reason"].as_str();
        Ok(reason.unwrap_or_default().to_owned())
    }

    pub(crate) fn restarts(&self, lab: &Lab) -> Result<u64> {
        let container = self.container(lab)?;
        container["restartCount"].as_u64().context("a count")
    }

    /// It has the numbers of the fix, in both probes and in its memory.
    pub(crate) fn is_mended(&self, lab: &Lab) -> Result<()> {
        let pod = lab.get(&["pod", "-n", NAMESPACE, &self.pod])?;
        let container = &pod["spec"]["containers"][0];
        for probe in ["livenessProbe", "readinessProbe"] {
            let probe = &container[probe];
            for (number, wanted) in [
                ("timeoutSeconds", 5),
                ("periodSeconds", 15),
                ("failureThreshold", 5),
            ] {
                ensure!(probe[number] == wanted, "{number}: {probe}");
            }
        }
        let resources = &container["resources"];
        ensure!(resources["requests"]["memory"] == "128Mi", "{resources}");
        ensure!(resources["limits"]["memory"] == "256Mi", "{resources}");
        Ok(())
    }

    fn events(&self, lab: &Lab, reason: &str) -> Result<Vec<Value>> {
        let selector = format!("involvedObject.name={},reason={reason}", self.pod);
        let events = lab.get(&["events", "-n", NAMESPACE, "--field-selector", &selector])?;
        Ok(events["items"].as_array().context("a list")?.clone())
    }

    fn container(&self, lab: &Lab) -> Result<Value> {
        let pod = lab.get(&["pod", "-n", NAMESPACE, &self.pod])?;
        Ok(pod["status"]["containerStatuses"][0].clone())
    }
}
