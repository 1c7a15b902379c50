//! Pods in all states.

use serde_json::{Value, json};

use super::Maker;

impl Maker {
    pub(super) fn pods(&mut self) -> Vec<Value> {
        let count = if self.once_in(30) {
            0
        } else {
            self.random.usize(1..11)
        };
        let template = self.resources();
        (0..count).map(|index| self.pod(index, &template)).collect()
    }

    /// What the pods of one step request: as a rule all the same.
    fn resources(&mut self) -> Value {
        let cpu = match self.random.u8(..8) {
            0 => format!("{}", self.request * 1_000_000 + 1) + "n",
            1 => format!("0.{:03}", self.request.min(999)),
            _ => format!("{}m", self.request),
        };
        json!({"cpu": cpu, "memory": self.pick(&["128Mi", "100M", "1Gi", "0.5Gi", "134217728", "1e8"])})
    }

    fn pod(&mut self, index: usize, template: &Value) -> Value {
        let odd = if self.taste.odd_pods { 3 } else { 14 };
        let phase = if self.once_in(odd) {
            self.pick(&["Pending", "Pending", "Succeeded", "Failed", "Unknown"])
        } else {
            "Running"
        };
        let age = self.pick(&[
            0, 5, 20, 29, 30, 31, 59, 60, 61, 200, 299, 300, 301, 600, 4000,
        ]);
        let settled = if self.taste.odd_pods {
            // Also as old as the delay that lets a pod be unready, and a second to either side.
            self.pick(&[0, 9, 10, 11, 29, 30, 31]).min(age)
        } else {
            self.random.u64(..=age.min(400))
        };
        let ready = if self.once_in(odd) {
            self.pick(&["False", "False", "Unknown"])
        } else {
            "True"
        };
        let mut containers = vec![json!({"name": "app", "resources": {"requests": template}})];
        if self.once_in(3) {
            containers.push(json!({"name": "side", "resources": {"requests": self.resources()}}));
        }
        let mut pod = json!({
            "metadata": {"name": format!("web-{index}"), "labels": {"app": "web", "tier": self.pick(&["front", "front", "db"])}},
            "spec": {"containers": containers},
            "status": {
                "phase": phase,
                "startTime": self.ago(age),
                "conditions": [
                    {"type": "Initialized", "status": "True"},
                    {"type": "Ready", "status": ready, "lastTransitionTime": self.ago(age - settled)},
                ],
            },
        });
        if self.once_in(odd * 2) {
            pod["metadata"]["deletionTimestamp"] = self.ago(1).into();
        }
        if self.once_in(odd * 3) {
            pod["status"]["startTime"].take();
        }
        if self.once_in(odd * 3) {
            pod["status"]["conditions"].take();
        }
        if self.once_in(odd * 4) {
            pod["metadata"]["labels"]["app"] = self.pick(&["api", "other"]).into();
        }
        self.odd_resources(&mut pod, odd);
        pod
    }

    fn odd_resources(&mut self, pod: &mut Value, odd: u32) {
        if self.once_in(odd * 8) {
            pod["spec"]["containers"][0]["resources"]["requests"]["cpu"].take();
            let requests = pod["spec"]["containers"][0]["resources"]["requests"].as_object_mut();
            requests.map(|requests| requests.remove("cpu"));
        }
        if self.once_in(odd * 8) {
            pod["spec"]["containers"][0]["name"] = "renamed".into();
        }
        if self.once_in(odd) {
            let mut init = json!({"name": "setup", "resources": {"requests": self.resources()}});
            if self.random.bool() {
                init["restartPolicy"] = "Always".into();
            }
            let mut list = vec![init];
            if self.random.bool() {
                list.push(json!({"name": "migrate", "resources": {"requests": {"cpu": self.pick(&["2", "10m", "750m"])}}}));
            }
            pod["spec"]["initContainers"] = list.into();
        }
        if self.once_in(odd * 2) {
            pod["spec"]["resources"]["requests"] = self.pick(&[
                json!({"cpu": "700m"}),
                json!({"cpu": "1", "memory": "256Mi"}),
                json!({"memory": "1Gi"}),
                json!({"hugepages-2Mi": "4Mi"}),
                json!({"example.com/gpu": "1"}),
            ]);
        }
        if self.once_in(odd * 2) {
            pod["spec"]["overhead"] = self.pick(&[
                json!({"cpu": "50m"}),
                json!({"memory": "10Mi", "cpu": "1n"}),
            ]);
        }
        if self.taste.extremes && self.once_in(4) {
            pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = self.extreme_request();
        }
    }

    fn extreme_request(&mut self) -> Value {
        self.pick(&[
            "1n",
            "0",
            "9E",
            "9223372036854775807m",
            "1e15",
            "0.0000000001",
            "92233720368547758",
            "8Ei",
            "100P",
        ])
        .into()
    }
}
