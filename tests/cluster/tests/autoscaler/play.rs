//! What the metrics do: each its own way up and down, new every few seconds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use cluster_tests::Lab;
use cluster_tests::metrics_api::MetricsApi;
use serde_json::{Value, json};

use super::rollout;
use super::stage::{NAMES, NAMESPACE};

/// How long a number stays. Syncs are five seconds apart: most see another one.
const STAY: Duration = Duration::from_secs(4);
/// How often the metric of the broken autoscaler is away.
const AWAY_EVERY: u32 = 4;

/// The numbers, and when they are to change.
pub(crate) struct Play<'a> {
    api: &'a MetricsApi,
    random: fastrand::Rng,
    changed: Option<Instant>,
    /// Loads as shares of the target, by autoscaler.
    loads: [f64; NAMES.len()],
    /// Loads that are not left to chance.
    pressed: BTreeMap<&'static str, f64>,
    turn: u32,
}

impl<'a> Play<'a> {
    pub(crate) fn new(api: &'a MetricsApi, seed: u64) -> Self {
        Self {
            api,
            random: fastrand::Rng::with_seed(seed),
            changed: None,
            loads: [1.0; NAMES.len()],
            pressed: BTreeMap::new(),
            turn: 0,
        }
    }

    /// Goes on: other numbers if it is time, and those of pods for the pods that there are now.
    pub(crate) fn beat(&mut self, lab: &Lab) -> Result<()> {
        if self.changed.is_none_or(|changed| changed.elapsed() >= STAY) {
            self.changed = Some(Instant::now());
            self.turn += 1;
            for load in &mut self.loads {
                *load = match self.random.u8(0..4) {
                    0 => 0.2 + self.random.f64() * 0.5,
                    1 => 1.0 + self.random.f64() * 2.0,
                    _ => 0.85 + self.random.f64() * 0.3,
                };
            }
            self.totals();
        }
        rollout::follow(lab)?;
        self.pods(lab)
    }

    /// From now on this autoscaler has this load, as a share of its target.
    pub(crate) fn press(&mut self, name: &'static str, load: f64) {
        self.pressed.insert(name, load);
    }

    /// Chance has it again.
    pub(crate) fn release(&mut self, name: &str) {
        self.pressed.remove(name);
    }

    fn load(&self, name: &str) -> f64 {
        if let Some(load) = self.pressed.get(name) {
            return *load;
        }
        let place = NAMES.iter().position(|it| *it == name);
        place.map_or(1.0, |place| self.loads[place])
    }

    /// What is measured without pods.
    fn totals(&self) {
        let now = now();
        for (name, target) in [
            ("average", 90.0),
            ("broken", 100.0),
            (rollout::NAME, 90.0),
            ("value", 100.0),
            ("windows", 100.0),
        ] {
            let metric = format!("queue-{name}");
            let path =
                format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/{metric}");
            let item = json!({"metricName": metric, "metricLabels": {}, "timestamp": now, "value": milli(target * self.load(name))});
            let list = json!({"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {}, "items": [item]});
            self.api.answer(&path, list);
        }
        let item = json!({"describedObject": {"kind": "Service", "namespace": NAMESPACE, "name": "queue", "apiVersion": "/v1"},
            "metric": {"name": "length", "selector": null}, "timestamp": now, "value": milli(100.0 * self.load("object"))});
        self.api.answer(
            &format!(
                "/apis/custom.metrics.k8s.io/v1beta2/namespaces/{NAMESPACE}/services/queue/length"
            ),
            values(&[item]),
        );
    }

    /// What is measured of each pod that runs.
    fn pods(&self, lab: &Lab) -> Result<()> {
        let list = lab.get(&["pods", "-n", NAMESPACE])?;
        let items = list["items"].as_array().context("a list")?;
        let running = items.iter().filter(|pod| {
            pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null()
        });
        let (mut usages, mut requests) = (Vec::new(), Vec::new());
        let now = now();
        for pod in running {
            let (name, app) = (&pod["metadata"]["name"], &pod["metadata"]["labels"]["app"]);
            let load = self.load(app.as_str().unwrap_or_default());
            // Half of what each container requests, which is 40m, is the target.
            let usage = format!("{:.0}u", 20_000.0 * load);
            let containers = pod["spec"]["containers"].as_array().context("containers")?;
            let containers: Vec<Value> = containers
                .iter()
                .map(|container| json!({"name": container["name"], "usage": {"cpu": usage, "memory": "1Mi"}}))
                .collect();
            usages.push(json!({"metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": app}, "creationTimestamp": now},
                "timestamp": now, "window": "1s", "containers": containers}));
            requests.push(json!({"describedObject": {"kind": "Pod", "namespace": NAMESPACE, "name": name, "apiVersion": "/v1"},
                "metadata": {"labels": {"app": app}},
                "metric": {"name": "requests", "selector": null}, "timestamp": now, "windowSeconds": 1, "value": milli(10.0 * load)}));
        }
        let usages = json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": usages});
        self.api.answer(
            &format!("/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods"),
            usages,
        );
        let path =
            format!("/apis/custom.metrics.k8s.io/v1beta2/namespaces/{NAMESPACE}/pods/*/requests");
        if self.turn % AWAY_EVERY == 3 {
            self.api.forget(&path);
        } else {
            self.api.answer(&path, values(&requests));
        }
        Ok(())
    }
}

fn values(items: &[Value]) -> Value {
    json!({"kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {}, "items": items})
}

fn milli(number: f64) -> String {
    format!("{:.0}m", number * 1000.0)
}

/// The time as Kubernetes writes it.
fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let timestamp = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or_default());
    timestamp.unwrap_or_default().to_string()
}
