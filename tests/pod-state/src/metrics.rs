//! The two series, as kube-state-metrics writes them (`internal/store/pod.go` there).

use std::fmt::Result;
use std::sync::Arc;

use parking_lot::RwLock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::model::Model;

/// The statuses that a condition can have: a series for each, of which one is 1.
const STATUSES: [(&str, &str); 3] = [("True", "true"), ("False", "false"), ("Unknown", "unknown")];

/// The page's part about pods.
#[derive(Debug)]
pub struct PodState {
    model: Arc<RwLock<Model>>,
}

impl PodState {
    /// Shows the pods that there are at the time of the scrape.
    pub fn new(model: Arc<RwLock<Model>>) -> Self {
        Self { model }
    }
}

impl Collector for PodState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result {
        let model = self.model.read();
        let mut series = encoder.encode_descriptor(
            "kube_pod_status_ready",
            "Whether the pod's condition Ready has this status",
            None,
            MetricType::Gauge,
        )?;
        for pod in model.pods() {
            let Some(ready) = &pod.ready else { continue };
            for (status, condition) in STATUSES {
                let labels = [
                    ("namespace", &*pod.key.namespace),
                    ("pod", &*pod.key.name),
                    ("uid", &*pod.uid),
                    ("condition", condition),
                ];
                let value = i64::from(ready == status);
                ConstGauge::new(value).encode(series.encode_family(&labels)?)?;
            }
        }
        // The encoders put `_total` behind it.
        let mut series = encoder.encode_descriptor(
            "kube_pod_container_status_restarts",
            "How often the container was restarted",
            None,
            MetricType::Counter,
        )?;
        for pod in model.pods() {
            for container in &pod.containers {
                let labels = [
                    ("namespace", &*pod.key.namespace),
                    ("pod", &*pod.key.name),
                    ("uid", &*pod.uid),
                    ("container", &*container.name),
                ];
                ConstCounter::new(container.restarts).encode(series.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
