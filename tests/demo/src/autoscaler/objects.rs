//! The objects that an API server would hold of the frontend, in files.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::manager::stamp;

/// The first pod has been running for that long.
const AGE: Duration = Duration::from_hours(1);

/// What lies in the folder. A file appears whole or not at all.
#[derive(Debug)]
pub(super) struct Objects {
    folder: TempDir,
    pods: Vec<Value>,
    made: u32,
}

impl Objects {
    /// The Deployment and its one pod. The autoscaler is made later, as somebody would.
    pub(super) fn new() -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the autoscaler's objects")?;
        let mut objects = Self {
            folder,
            pods: Vec::new(),
            made: 0,
        };
        objects.add_pod(SystemTime::now() - AGE);
        objects.write_pods()?;
        objects.scale(1)?;
        Ok(objects)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn pods(&self) -> &[Value] {
        &self.pods
    }

    pub(super) fn write_autoscaler(&self, object: &Value) -> Result<()> {
        self.write("autoscaler", object)
    }

    /// Tells the Deployment how many replicas to have.
    pub(super) fn scale(&self, replicas: i32) -> Result<()> {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "sre-demo", "name": "frontend"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "frontend"}}},
            "status": {"replicas": self.pods.len()},
        });
        self.write("deployment", &deployment)
    }

    /// Has as many pods as the Deployment was told: new ones are ready at once, the youngest go.
    pub(super) fn run(&mut self, replicas: i32) -> Result<()> {
        let count = usize::try_from(replicas).unwrap_or_default();
        self.pods.truncate(count);
        while self.pods.len() < count {
            self.add_pod(SystemTime::now());
        }
        self.write_pods()?;
        self.scale(replicas)
    }

    fn add_pod(&mut self, started: SystemTime) {
        self.made += 1;
        let since = stamp(started);
        self.pods.push(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": "sre-demo", "name": format!("frontend-5b7d4c-{}", self.made), "labels": {"app": "frontend"},
                "creationTimestamp": since,
            },
            "spec": {"containers": [{"name": "server", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]},
            "status": {
                "phase": "Running", "startTime": since,
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
            },
        }));
    }

    fn write_pods(&self) -> Result<()> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": self.pods});
        self.write("pods", &list)
    }

    fn write(&self, name: &str, object: &Value) -> Result<()> {
        let path = self.folder.path().join(format!("{name}.json"));
        let half = self.folder.path().join(format!(".{name}.half"));
        std::fs::write(&half, object.to_string())
            .and_then(|()| std::fs::rename(&half, &path))
            .with_context(|| path.display().to_string())
    }
}
