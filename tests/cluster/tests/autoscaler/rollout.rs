//! A target of a kind of the cluster's own, as Argo's Rollouts are: autoscalers and exporters know nothing of it but its `/scale`.
//!
//! It has no pods. This test is its controller, which says that there are as many as there are to be.

use anyhow::{Result, ensure};
use cluster_tests::Lab;
use serde_json::{Value, json};

use super::stage::NAMESPACE;

pub(crate) const KIND: &str = "Rollout";
pub(crate) const API_VERSION: &str = "autoscaled.test/v1";
/// The object, its autoscaler, and the label that its selector names.
pub(crate) const NAME: &str = "rollout";
const RESOURCE: &str = "rollouts.autoscaled.test";

/// The kind, and an object of it that has two replicas.
pub(crate) fn make(lab: &Lab) -> Result<()> {
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema =
        json!({"type": "object", "properties": {"spec": anything.clone(), "status": anything}});
    let paths = json!({"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"});
    lab.apply(&[json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": RESOURCE},
        "spec": {"group": "autoscaled.test", "scope": "Namespaced", "names": {"plural": "rollouts", "singular": "rollout", "kind": KIND},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}, "scale": paths}}]}})])?;
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        &format!("crd/{RESOURCE}"),
    ];
    lab.kubectl(&established)?;
    lab.apply(&[json!({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": NAME, "namespace": NAMESPACE}, "spec": {"replicas": 2}})])?;
    follow(lab)
}

/// Has it report as many replicas as it is to have.
pub(crate) fn follow(lab: &Lab) -> Result<()> {
    let object = lab.get(&[RESOURCE, NAME, "-n", NAMESPACE])?;
    let replicas = &object["spec"]["replicas"];
    ensure!(replicas.is_u64(), "{RESOURCE} {NAME}: {object}");
    if object["status"]["replicas"] == *replicas {
        return Ok(());
    }
    let status: Value =
        json!({"status": {"replicas": replicas, "selector": format!("app={NAME}")}});
    let patch = [
        "patch",
        RESOURCE,
        NAME,
        "-n",
        NAMESPACE,
        "--subresource=status",
        "--type=merge",
        &format!("--patch={status}"),
    ];
    lab.kubectl(&patch).map(drop)
}

/// Takes the kind away, and with it the object.
pub(crate) fn clear(lab: &Lab) -> Result<()> {
    let crd = format!("crd/{RESOURCE}");
    lab.kubectl(&["delete", &crd, "--ignore-not-found", "--wait"])
        .map(drop)
}
