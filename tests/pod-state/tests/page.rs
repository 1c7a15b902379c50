//! Pods in, page out.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use exposition::{BuildInfo, Page};
use kube_watch::{Scope, WatchStatus, Watcher};
use parking_lot::RwLock;
use pod_state::metrics::PodState;
use pod_state::model::Model;
use pod_state::watch;
use prometheus_client::registry::Registry;

/// A pod in `CrashLoopBackOff`, one that no kubelet has taken yet, and one whose node is silent.
const PODS: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: cartservice-1, namespace: sre-demo, uid: aa}
status:
  conditions:
    - {type: ContainersReady, status: 'True'}
    - {type: Ready, status: 'False'}
  containerStatuses:
    - {name: server, image: a, imageID: '', ready: false, restartCount: 83}
  initContainerStatuses:
    - {name: init, image: a, imageID: '', ready: true, restartCount: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: new-1, namespace: sre-demo, uid: bb}
status: {phase: Pending}
---
apiVersion: v1
kind: Pod
metadata: {name: silent-1, namespace: sre-demo, uid: cc}
status:
  conditions: [{type: Ready, status: Unknown}]
";

/// The page about these pods, in text 0.0.4.
async fn page(pods: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pods.yaml"), pods).unwrap();
    let (model, status) = (
        Arc::new(RwLock::new(Model::default())),
        WatchStatus::default(),
    );
    let watching = Watcher::files(folder.path())
        .watch(&Scope::default(), watch::pod, Arc::clone(&model), &status)
        .unwrap();
    let mut changes = status.changes();
    let first_list = async {
        while !status.ready() {
            changes.changed().await;
        }
    };
    let patience = Duration::from_secs(30);
    tokio::select! {
        never = watching => match never {},
        outcome = tokio::time::timeout(patience, first_list) => outcome.unwrap(),
    }
    assert_eq!(status.problems(), []);
    let mut registry = Registry::default();
    registry.register_collector(Box::new(PodState::new(model)));
    let mut page = Page::new(&BuildInfo::new("pod-state", "0.1.0"));
    page.add("pods", registry).unwrap();
    let body = page
        .respond(Some("text/plain;version=0.0.4"), None, &[])
        .body;
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn both_series_are_written_as_kube_state_metrics_writes_them() {
    let page = page(PODS).await;
    let mut series: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("kube_"))
        .collect();
    series.sort_unstable();
    assert_eq!(
        series,
        [
            r#"kube_pod_container_status_restarts_total{namespace="sre-demo",pod="cartservice-1",uid="aa",container="server"} 83"#,
            r#"kube_pod_status_ready{namespace="sre-demo",pod="cartservice-1",uid="aa",condition="false"} 1"#,
            r#"kube_pod_status_ready{namespace="sre-demo",pod="cartservice-1",uid="aa",condition="true"} 0"#,
            r#"kube_pod_status_ready{namespace="sre-demo",pod="cartservice-1",uid="aa",condition="unknown"} 0"#,
            r#"kube_pod_status_ready{namespace="sre-demo",pod="silent-1",uid="cc",condition="false"} 0"#,
            r#"kube_pod_status_ready{namespace="sre-demo",pod="silent-1",uid="cc",condition="true"} 0"#,
            r#"kube_pod_status_ready{namespace="sre-demo",pod="silent-1",uid="cc",condition="unknown"} 1"#,
        ]
    );
}
