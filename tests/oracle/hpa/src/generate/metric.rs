//! Metrics: what is asked, and what the APIs answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Maker;
use crate::scenario::{Answer, Metrics};

/// How far from the target things are, in thousandths.
const FACTORS: [u64; 20] = [
    0, 100, 300, 500, 800, 890, 899, 900, 901, 950, 1000, 1050, 1099, 1100, 1101, 1110, 1500, 2000,
    3100, 10_000,
];
/// Those at a tolerance.
const EDGES: [u64; 16] = [
    900, 899, 901, 1100, 1099, 1101, 950, 1050, 1000, 800, 1200, 990, 1010, 1009, 991, 700,
];
/// Numbers that do not fit, or hardly.
const EXTREMES: [&str; 26] = [
    "3000000000",
    "4e9",
    "9223372036854775807",
    "9223372036854775807m",
    "-9223372036854775808",
    "10E",
    "8E",
    "9300000000000000k",
    "1e30",
    "123456789012345678901234567890",
    "1n",
    "0",
    "-1",
    "-1n",
    "-1500m",
    "9000000000000Ei",
    "0.5Ki",
    "1e-12",
    "2147483647",
    "2147483648",
    "4000000000000",
    "9007199254740993",
    "1e18",
    "-0.0005",
    "0.1u",
    "92233720368547758.07",
];

impl Maker {
    /// In thousandths, as some quantity.
    fn quantity(&mut self, milli: u64) -> String {
        match self.random.u8(..6) {
            0 => format!("{}n", milli * 1_000_000),
            1 => format!("{}u", milli * 1000),
            2 if milli.is_multiple_of(1000) => format!("{}", milli / 1000),
            3 => format!("{}.{:03}", milli / 1000, milli % 1000),
            _ => format!("{milli}m"),
        }
    }

    fn factor(&mut self) -> u64 {
        if self.taste.edges {
            self.pick(&EDGES)
        } else {
            self.pick(&FACTORS)
        }
    }

    pub(super) fn metric_specs(&mut self, from_outside: bool) -> Vec<Value> {
        let count = self.pick(&[1, 1, 1, 2, 2, 3]);
        let mut specs: Vec<_> = (0..count).map(|index| self.metric_spec(index)).collect();
        if from_outside && !self.once_in(4) {
            specs.push(self.external(9));
        }
        if self.taste.errors && self.once_in(12) {
            specs.push(json!({"type": "Sideways"}));
        }
        specs
    }

    fn metric_spec(&mut self, index: u8) -> Value {
        match self.random.u8(..8) {
            0..=2 => self.resource(),
            3 => self.container_resource(),
            4 => {
                let target = self.average();
                json!({"type": "Pods", "pods": {"metric": self.identifier("qps", index), "target": target}})
            }
            5 => self.object(index),
            _ => self.external(index),
        }
    }

    fn resource_target(&mut self) -> Value {
        if self.once_in(3) {
            return self.average();
        }
        let percent = if self.taste.extremes && self.once_in(4) {
            self.pick(&[1, i32::MAX, 1_000_000])
        } else {
            self.pick(&[50, 60, 80, 100, 10, 20, 30, 75, 33, 150, 200])
        };
        json!({"type": "Utilization", "averageUtilization": percent})
    }

    fn resource(&mut self) -> Value {
        let name = self.pick(&["cpu", "cpu", "cpu", "memory", "example.com/gpu"]);
        let target = self.resource_target();
        json!({"type": "Resource", "resource": {"name": name, "target": target}})
    }

    fn container_resource(&mut self) -> Value {
        let name = self.pick(&["cpu", "cpu", "memory"]);
        let container = self.pick(&["app", "app", "app", "side", "setup", "gone"]);
        let target = self.resource_target();
        json!({"type": "ContainerResource", "containerResource": {"name": name, "container": container, "target": target}})
    }

    fn target_quantity(&mut self) -> String {
        if self.taste.extremes && self.once_in(3) {
            return self
                .pick(&["1n", "1m", "9223372036854775807", "1", "8E", "3e9", "1Ki"])
                .to_owned();
        }
        let milli = self.pick(&[100, 250, 500, 1000, 1500, 10_000, 333, 100_000, 60_000]);
        self.quantity(milli)
    }

    fn average(&mut self) -> Value {
        json!({"type": "AverageValue", "averageValue": self.target_quantity()})
    }

    fn value_or_average(&mut self) -> Value {
        if self.random.bool() {
            return self.average();
        }
        json!({"type": "Value", "value": self.target_quantity()})
    }

    fn identifier(&mut self, name: &str, index: u8) -> Value {
        let mut identifier = json!({"name": format!("{name}{index}")});
        if self.once_in(4) {
            identifier["selector"] = self.pick(&[
                json!({"matchLabels": {"verb": "GET", "app": "x"}}),
                json!({"matchExpressions": [{"key": "verb", "operator": "In", "values": ["GET", "PUT"]}]}),
                json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}),
                json!({}),
            ]);
        }
        identifier
    }

    fn object(&mut self, index: u8) -> Value {
        let described = self.pick(&[
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"}),
            json!({"apiVersion": "v1", "kind": "Namespace", "name": "elsewhere"}),
            json!({"apiVersion": "v1", "kind": "Service", "name": "web"}),
        ]);
        let mut target = self.value_or_average();
        if self.once_in(10) {
            target["averageValue"] = self.target_quantity().into();
            target["value"] = self.target_quantity().into();
        }
        if self.taste.errors && self.once_in(6) {
            target["type"] = self.pick(&["Utilization", "Value", "AverageValue"]).into();
        }
        let metric = self.identifier("hits", index);
        json!({"type": "Object", "object": {"describedObject": described, "metric": metric, "target": target}})
    }

    fn external(&mut self, index: u8) -> Value {
        let target = self.value_or_average();
        json!({"type": "External", "external": {"metric": self.identifier("queue", index), "target": target}})
    }

    /// What the APIs answer about these metrics.
    pub(super) fn metrics(&mut self, hpa: &Value) -> Metrics {
        let mut metrics = Metrics {
            resource: Some(self.pod_metrics(hpa)),
            ..Metrics::default()
        };
        let specs = hpa["spec"]["metrics"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for spec in specs {
            let (list, within): (&mut BTreeMap<_, _>, _) = match spec["type"].as_str() {
                Some("Pods") => (&mut metrics.pods, "pods"),
                Some("Object") => (&mut metrics.objects, "objects"),
                Some("External") => (&mut metrics.external, "external"),
                _ => continue,
            };
            let body = &spec[within.trim_end_matches('s')];
            let body = if within == "pods" {
                &spec["pods"]
            } else {
                body
            };
            let name = body["metric"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if let Some(answer) = self.answer(within, &body["target"]) {
                list.insert(name, answer);
            }
        }
        metrics
    }

    fn error(&mut self) -> Option<Answer> {
        let rarely = if self.taste.errors { 4 } else { 40 };
        let error = self
            .once_in(rarely)
            .then(|| self.pick(&["no metrics known", "timeout", ""]))?;
        Some(Answer {
            error: error.to_owned(),
            ..Answer::default()
        })
    }

    fn answer(&mut self, within: &str, target: &Value) -> Option<Answer> {
        if let Some(error) = self.error() {
            return Some(error);
        }
        if self.once_in(60) {
            return None;
        }
        let wanted = target["averageValue"]
            .as_str()
            .or(target["value"].as_str())
            .unwrap_or("1");
        let wanted = thousandths(wanted);
        let timestamp = self.ago(10);
        let items = match within {
            "pods" => (0..self.random.usize(1..11))
                .map(|index| {
                    let value = self.near(wanted);
                    json!({"describedObject": {"kind": "Pod", "name": format!("web-{index}")}, "value": value, "timestamp": timestamp})
                })
                .collect(),
            "objects" => {
                let pods = self.pods_worth();
                let value = self.near(wanted * pods);
                let one = json!({"describedObject": {"kind": "x"}, "value": value, "timestamp": timestamp});
                vec![one; if self.once_in(30) { 2 } else { 1 }]
            }
            _ => {
                let count = self.pick(&[1, 1, 1, 2, 3]);
                let pods = self.pods_worth();
                (0..count)
                    .map(|_| json!({"metricName": "x", "value": self.near(wanted * pods / count), "timestamp": timestamp}))
                    .collect()
            }
        };
        Some(Answer {
            items,
            error: String::new(),
        })
    }

    /// For how many pods there is work. For many, where it is to be more than a policy lets in.
    fn pods_worth(&mut self) -> u64 {
        if self.taste.policies {
            self.pick(&[1, 5, 60, 120, 300])
        } else {
            self.pick(&[1, 1, 2, 5])
        }
    }

    /// A quantity at some factor of the target.
    fn near(&mut self, wanted: u64) -> String {
        if self.taste.extremes && self.once_in(2) {
            return self.pick(&EXTREMES).to_owned();
        }
        let milli = wanted.saturating_mul(self.factor()) / 1000;
        let milli = milli.min(1 << 40);
        self.quantity(milli)
    }

    fn pod_metrics(&mut self, hpa: &Value) -> Answer {
        if let Some(error) = self.error() {
            return error;
        }
        let mut specs = hpa["spec"]["metrics"].as_array().into_iter().flatten();
        let percent = specs
            .find_map(|it| {
                let body = it.get("resource").or(it.get("containerResource"))?;
                body["target"]["averageUtilization"].as_u64()
            })
            .unwrap_or(100)
            .min(100_000);
        let factor = self.factor();
        let window = self.pick(&["30s", "1m0s", "15s", "10s"]);
        let count = self.random.usize(1..11);
        let mut items = Vec::new();
        for index in 0..count {
            if self.once_in(12) {
                continue;
            }
            // Uneven in the parts, even in the sum where edges are wanted.
            let uneven = if self.taste.edges {
                0
            } else {
                self.random.u64(..=self.request / 5)
            };
            let cpu = self.request * percent * factor / 100_000 + uneven;
            let cpu = if self.taste.extremes && self.once_in(3) {
                self.pick(&EXTREMES).to_owned()
            } else {
                self.quantity(cpu)
            };
            let memory = self.pick(&[
                "64Mi",
                "100M",
                "134217728",
                "131072Ki",
                "200Mi",
                "1500000001m",
            ]);
            let name = self.pick(&["app", "app", "app", "app", "app", "app", "app", "other"]);
            let mut containers =
                vec![json!({"name": name, "usage": {"cpu": cpu, "memory": memory}})];
            if self.once_in(5) {
                containers.push(json!({"name": "side", "usage": {"cpu": "10m", "memory": "10Mi"}}));
            }
            if self.once_in(20) {
                containers.push(json!({"name": "bare", "usage": {}}));
            }
            if self.once_in(40) {
                containers.clear();
            }
            let age = self.pick(&[0, 5, 15, 30, 60, 120]);
            items.push(json!({
                "metadata": {"name": format!("web-{index}"), "namespace": "default"},
                "timestamp": self.ago(age),
                "window": window,
                "containers": containers,
            }));
        }
        Answer {
            items,
            error: String::new(),
        }
    }
}

/// Roughly, of a quantity that this generator wrote.
fn thousandths(text: &str) -> u64 {
    let number = |text: &str| text.parse::<f64>().unwrap_or(1.0);
    let milli = if let Some(digits) = text.strip_suffix('m') {
        number(digits)
    } else if let Some(digits) = text.strip_suffix('n') {
        number(digits) / 1e6
    } else if let Some(digits) = text.strip_suffix('u') {
        number(digits) / 1e3
    } else {
        number(text) * 1e3
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in between"
    )]
    let milli = milli.clamp(1.0, 1e12) as u64;
    milli
}
