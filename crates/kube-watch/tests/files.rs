//! A files source from outside: opened from text, polled, and told by difference.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};
use kube_watch::{Index, ObjectKey, Scope, Source, State, WatchStatus, Watcher};
use parking_lot::RwLock;

#[derive(Default)]
struct Names(Vec<String>);

impl Index<String> for Names {
    fn apply(&mut self, object: String) {
        self.0.push(object);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.0.retain(|name| *name != key.name);
    }

    fn reset(&mut self, _namespace: Option<&str>, objects: Vec<String>) {
        self.0 = objects;
    }
}

fn pod(name: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\n")
}

/// Changes of the status until `holds`, or the test's end.
async fn until(status: &WatchStatus, holds: impl Fn() -> bool) {
    let mut changes = status.changes();
    let changing = async {
        while !holds() {
            changes.changed().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), changing)
        .await
        .expect("did not come true");
}

#[tokio::test]
async fn files_are_followed_for_as_long_as_the_watch_is_polled() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), pod("cart")).unwrap();
    let source: Source = format!("files:{}", folder.path().display())
        .parse()
        .unwrap();
    let watcher = Watcher::open(&source)
        .await
        .unwrap()
        .poll_every(Duration::from_millis(20));

    let (pods, events) = (
        Arc::new(RwLock::new(Names::default())),
        Arc::new(RwLock::new(Names::default())),
    );
    let status = WatchStatus::new();
    let scope = Scope::default();
    let pod_name = |pod: Pod| pod.metadata.name.unwrap_or_default();
    let event_reason = |event: Event| event.reason.unwrap_or_default();
    let watchings = [
        watcher
            .watch(&scope, pod_name, Arc::clone(&pods), &status)
            .unwrap(),
        watcher
            .watch(&scope, event_reason, Arc::clone(&events), &status)
            .unwrap(),
    ];
    assert!(
        !status.ready(),
        "a watch counts from when it was made, not from when it runs"
    );
    let tasks = watchings.map(|watch| tokio::spawn(async move { match watch.await {} }));

    until(&status, || status.synced()).await;
    assert_eq!(pods.read().0, ["cart"]);

    fs::write(
        folder.path().join("killing.yaml"),
        "apiVersion: v1\nkind: Event\nreason: Killing\nmetadata: {name: cart.1, namespace: shop}\n\
         involvedObject: {kind: Pod, name: cart}\n",
    )
    .unwrap();
    until(&status, || events.read().0 == ["Killing"]).await;

    fs::write(folder.path().join("a.yaml"), "kind: [").unwrap();
    let both_stale = || {
        status
            .watches()
            .iter()
            .all(|watched| watched.state == State::Stale)
    };
    until(&status, both_stale).await;
    assert_eq!(pods.read().0, ["cart"]);

    fs::write(folder.path().join("a.yaml"), pod("web")).unwrap();
    until(&status, || status.synced() && pods.read().0 == ["web"]).await;
    for task in tasks {
        assert!(!task.is_finished());
        task.abort();
    }
}

#[tokio::test]
async fn a_scope_that_makes_no_sense_is_refused_before_anything_runs() {
    let watcher = Watcher::files("/nowhere");
    let scope = Scope {
        labels: Some("app in cart".into()),
        ..Scope::default()
    };
    let (index, status) = (Arc::new(RwLock::new(Names::default())), WatchStatus::new());
    let refused = watcher.watch(&scope, |_: Pod| String::new(), index, &status);
    assert!(refused.is_err());
    assert!(status.watches().is_empty());
}

#[cfg(not(feature = "cluster"))]
#[tokio::test]
async fn without_cluster_access_the_source_says_so() {
    let refused = Watcher::open(&Source::Cluster).await.unwrap_err();
    assert!(refused.to_string().contains("files:PATH"), "{refused}");
}
