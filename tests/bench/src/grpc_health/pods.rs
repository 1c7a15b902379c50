//! Pods in files, as `kubectl get pods -o json` prints them.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

/// Pods in a file.
const PODS_PER_FILE: usize = 100;
/// A period in which nothing is due for as long as a bench lasts, in seconds.
pub(super) const NEVER: u32 = 1_000_000;

/// Writes a pod with a liveness probe for each target. Files that are there already are replaced.
pub(super) fn write(folder: &Path, targets: &[SocketAddr], period_seconds: u32) -> io::Result<()> {
    for (index, chunk) in targets.chunks(PODS_PER_FILE).enumerate() {
        let first = index * PODS_PER_FILE;
        let pods: Vec<Value> = chunk
            .iter()
            .enumerate()
            .map(|(offset, target)| pod(first + offset, *target, period_seconds))
            .collect();
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": pods });
        // Put in place whole: the exporter looks at any time.
        let name = folder.join(format!("pods-{index}.json"));
        let draft = name.with_extension("draft");
        fs::write(&draft, list.to_string())?;
        fs::rename(draft, name)?;
    }
    Ok(())
}

fn pod(number: usize, target: SocketAddr, period_seconds: u32) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("recommendationservice-7d4f8c9b6d-{number:05}"),
            "namespace": "sre-demo",
            "uid": format!("00000000-0000-4000-8000-{number:012}"),
        },
        "spec": { "containers": [{
            "name": "server",
            "image": "server",
            "livenessProbe": {
                "grpc": { "port": target.port() },
                "timeoutSeconds": 1,
                "periodSeconds": period_seconds,
                "failureThreshold": 3,
            },
        }] },
        "status": {
            "phase": "Running",
            "podIP": target.ip().to_string(),
            "containerStatuses": [{
                "name": "server",
                "image": "server",
                "imageID": "",
                "ready": true,
                "restartCount": 0,
                "started": true,
                "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } },
            }],
        },
    })
}
