//! A cluster as the exporter sees it: autoscalers, each on a Deployment of two pods, in a namespace of its own; and what the metric APIs
//! answer.

use std::fs;

use api_server::{Answer, Server, Watch};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::exporter::{Exporter, PATIENCE, POLL};

const AUTOSCALERS: &str = "/apis/autoscaling/v2/horizontalpodautoscalers";
/// What else is watched, and is empty here.
const NOTHING: [&str; 5] = [
    "/api/v1/events",
    "/api/v1/namespaces/kube-system/pods",
    "/apis/apps/v1/replicasets",
    "/apis/apps/v1/statefulsets",
    "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
];

/// The API server, and an exporter that watches it.
pub(crate) struct Cluster {
    pub(crate) server: Server,
    pub(crate) exporter: Exporter,
    autoscalers: Watch,
    _kubeconfig: TempDir,
}

/// An autoscaler, its target and its namespace, all of one name.
pub(crate) struct Autoscaler {
    pub(crate) name: String,
    pub(crate) metrics: Vec<Metric>,
    /// The version and the kind of what it scales.
    target: (&'static str, &'static str),
}

/// A metric as a specification has it, and as a status tells it.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    kind: &'static str,
    spec: Value,
    current: Value,
}

impl Metric {
    fn new(kind: &'static str, mut identity: Value, target: Value, current: Value) -> Self {
        let field = format!("{}{}", kind[..1].to_lowercase(), &kind[1..]);
        let mut told = identity.clone();
        told["current"] = current;
        identity["target"] = target;
        let of = |value: Value| json!({"type": kind, field.as_str(): value});
        Self {
            kind,
            spec: of(identity),
            current: of(told),
        }
    }

    /// 45 of the 50 % of its request that a pod is to use.
    pub(crate) fn cpu() -> Self {
        Self::new(
            "Resource",
            json!({"name": "cpu"}),
            json!({"type": "Utilization", "averageUtilization": 50}),
            json!({"averageUtilization": 45, "averageValue": "45m"}),
        )
    }

    /// Of each pod, 9 of 10.
    pub(crate) fn pods() -> Self {
        Self::new(
            "Pods",
            json!({"metric": {"name": "requests"}}),
            json!({"type": "AverageValue", "averageValue": "10"}),
            json!({"averageValue": "9"}),
        )
    }

    /// Of a Service, exactly what it is to be.
    pub(crate) fn object() -> Self {
        Self::new(
            "Object",
            json!({"metric": {"name": "length"}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "queue"}}),
            json!({"type": "Value", "value": "100"}),
            json!({"value": "100"}),
        )
    }

    /// From outside, 95 of 100.
    pub(crate) fn external() -> Self {
        Self::new(
            "External",
            json!({"metric": {"name": "queue"}}),
            json!({"type": "Value", "value": "100"}),
            json!({"value": "95"}),
        )
    }

    /// As the label `metric_source` has it.
    pub(crate) const fn source(&self) -> &'static str {
        self.kind
    }

    /// Where the exporter asks for it.
    pub(crate) fn path(&self, namespace: &str) -> String {
        let (group, rest) = match self.kind {
            "Resource" => ("metrics.k8s.io/v1beta1", "pods"),
            "Pods" => ("custom.metrics.k8s.io/v1beta2", "pods/*/requests"),
            "Object" => ("custom.metrics.k8s.io/v1beta2", "services/queue/length"),
            _ => ("external.metrics.k8s.io/v1beta1", "queue"),
        };
        format!("/apis/{group}/namespaces/{namespace}/{rest}")
    }
}

impl Autoscaler {
    pub(crate) fn new(name: impl Into<String>, metrics: &[Metric]) -> Self {
        Self {
            name: name.into(),
            metrics: metrics.to_vec(),
            target: ("apps/v1", "Deployment"),
        }
    }

    /// The same on a kind that nobody watches.
    pub(crate) fn on_a_rollout(name: impl Into<String>, metrics: &[Metric]) -> Self {
        Self {
            target: ("argoproj.io/v1alpha1", "Rollout"),
            ..Self::new(name, metrics)
        }
    }

    fn object(&self, version: u32) -> Value {
        let specs: Vec<_> = self.metrics.iter().map(|it| &it.spec).collect();
        let (version_of_target, kind) = self.target;
        json!({
            "metadata": {"name": self.name, "namespace": self.name, "uid": self.name, "resourceVersion": version.to_string()},
            "spec": {"scaleTargetRef": {"apiVersion": version_of_target, "kind": kind, "name": self.name},
                "minReplicas": 1, "maxReplicas": 5, "metrics": specs},
        })
    }

    /// Two replicas that are to stay two, by the numbers of the status.
    fn written(&self) -> Value {
        let condition = |kind, status, reason| json!({"type": kind, "status": status, "reason": reason, "message": ""});
        let current: Vec<_> = self.metrics.iter().map(|it| &it.current).collect();
        let mut object = self.object(3);
        object["status"] = json!({
            "currentReplicas": 2, "desiredReplicas": 2, "currentMetrics": current,
            "conditions": [
                condition("AbleToScale", "True", "ReadyForNewScale"),
                condition("ScalingActive", "True", "ValidMetricFound"),
                condition("ScalingLimited", "False", "DesiredWithinRange"),
            ],
        });
        object
    }

    fn deployment(&self) -> Value {
        json!({"metadata": {"name": self.name, "namespace": self.name, "resourceVersion": "1"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": self.name}}}, "status": {"replicas": 2}})
    }

    fn pods(&self) -> [Value; 2] {
        let long_ago = "2026-11-18T09:00:00Z";
        ["a", "b"].map(|name| {
            json!({"metadata": {"name": name, "namespace": self.name, "labels": {"app": self.name},
                    "creationTimestamp": long_ago, "resourceVersion": "1"},
                "spec": {"containers": [{"name": "server", "resources": {"requests": {"cpu": "100m"}}}]},
                "status": {"phase": "Running", "startTime": long_ago,
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": long_ago}]}})
        })
    }
}

impl Cluster {
    /// The autoscalers come after the exporter, which then knows all that their controller remembers.
    pub(crate) async fn start(autoscalers: &[Autoscaler], flags: &[&str]) -> Self {
        let server = Server::start();
        for path in NOTHING.iter().chain(&[AUTOSCALERS]) {
            server.list(path, &[], 1);
        }
        let on_deployments = autoscalers.iter().filter(|it| it.target.1 == "Deployment");
        let deployments: Vec<_> = on_deployments.map(Autoscaler::deployment).collect();
        server.list("/apis/apps/v1/deployments", &deployments, 1);
        let pods: Vec<_> = autoscalers.iter().flat_map(Autoscaler::pods).collect();
        server.list("/api/v1/pods", &pods, 1);
        let services = json!({"resources": [{"name": "services", "kind": "Service"}]});
        answer(&server, "/api/v1", &services);
        let kubeconfig = tempfile::tempdir().unwrap();
        let path = kubeconfig.path().join("config");
        fs::write(&path, server.kubeconfig()).unwrap();
        let exporter = Exporter::on_cluster(&path, flags);
        let watch = loop {
            let watch = server.next_watch().await;
            if watch.path() == AUTOSCALERS {
                break watch;
            }
            watch.keep();
        };
        let cluster = Self {
            server,
            exporter,
            autoscalers: watch,
            _kubeconfig: kubeconfig,
        };
        cluster
            .until("it is ready", || {
                cluster.exporter.get("/readyz").starts_with("HTTP/1.1 200")
            })
            .await;
        for autoscaler in autoscalers {
            cluster.autoscalers.event("ADDED", &autoscaler.object(2));
        }
        cluster
    }

    /// The controller has synced, and writes the status.
    pub(crate) fn write(&self, autoscaler: &Autoscaler) {
        self.autoscalers.event("MODIFIED", &autoscaler.written());
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            assert!(
                Instant::now() < end,
                "{what}: {}",
                self.exporter.get("/metrics")
            );
            sleep(POLL).await;
        }
    }

    /// What a counter of an autoscaler, or of one of its metrics, says.
    pub(crate) fn count(
        &self,
        autoscaler: &str,
        name: &str,
        labels: &[(&str, &str)],
    ) -> Option<f64> {
        let labels = [&[("horizontalpodautoscaler", autoscaler)], labels].concat();
        self.exporter
            .value(&format!("hpa_decision_{name}"), &labels)
    }
}

/// A path is answered so from now on.
pub(crate) fn answer(server: &Server, path: &str, body: &Value) {
    server.answer_lists(path, Answer::Body(body.to_string().into()));
}

/// What `metrics.k8s.io` says of these pods, each of which uses so much processor time.
pub(crate) fn usages(pods: &[&str], cpu: &str) -> Value {
    let items = pods.iter().map(|pod| {
        json!({"metadata": {"name": pod, "namespace": "any"}, "timestamp": "2026-11-18T13:46:20Z", "window": "15s",
            "containers": [{"name": "server", "usage": {"cpu": cpu, "memory": "1Mi"}}]})
    });
    json!({"items": items.collect::<Vec<_>>()})
}

/// What the other APIs say.
pub(crate) fn values(pods: &[&str], value: &str) -> Value {
    let items = pods
        .iter()
        .map(|pod| json!({"describedObject": {"kind": "Pod", "name": pod}, "value": value}));
    json!({"items": items.collect::<Vec<_>>()})
}
