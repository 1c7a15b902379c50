//! Scenarios from a seed: the same seed gives the same scenario.

mod behavior;
mod metric;
mod pod;

use serde_json::{Value, json};

use crate::native::time;
use crate::play::START;
use crate::scenario::{Flags, Scenario, Step};

const SECOND: u64 = 1_000_000_000;

/// What a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bit of everything, in sizes as they occur.
    Random,
    /// On the edges: ratios at the tolerance, ages at a window, numbers that overflow, odd pods, every error.
    Boundary,
}

/// How often the odd things come. Each boundary scenario is fond of some of them.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "any of them may come with any other"
)]
struct Taste {
    /// Ratios at exactly one more or less than a tolerance.
    edges: bool,
    /// Waits that are exactly as long as a window or a period, or a nanosecond off.
    ages: bool,
    /// Quantities and numbers that do not fit.
    extremes: bool,
    /// Pods that are going, have ended, or lack something.
    odd_pods: bool,
    /// Errors of every API.
    errors: bool,
    /// Other autoscalers on the same pods.
    rivals: bool,
    /// To zero and back.
    zero: bool,
    /// Policies that bind.
    policies: bool,
}

/// A generator at work on one scenario.
struct Maker {
    random: fastrand::Rng,
    taste: Taste,
    /// Nanoseconds since the start.
    elapsed: u64,
    /// What the pods' containers request of cpu, in thousandths; by it usage is made.
    request: u64,
}

/// The scenario of a seed.
pub fn scenario(kind: Kind, seed: u64) -> Scenario {
    let mut random = fastrand::Rng::with_seed(
        seed.wrapping_mul(2)
            .wrapping_add(u64::from(kind == Kind::Boundary)),
    );
    let taste = match kind {
        Kind::Random => Taste::default(),
        Kind::Boundary => Taste {
            edges: random.u8(..3) == 0,
            ages: random.u8(..3) == 0,
            extremes: random.u8(..4) == 0,
            odd_pods: random.u8(..4) == 0,
            errors: random.u8(..6) == 0,
            rivals: random.u8(..8) == 0,
            zero: random.u8(..6) == 0,
            policies: random.u8(..4) == 0,
        },
    };
    let request = [100, 200, 250, 500, 1000, 333][random.usize(..6)];
    let mut maker = Maker {
        random,
        taste,
        elapsed: 0,
        request,
    };
    let name = match kind {
        Kind::Random => format!("random-{seed}"),
        Kind::Boundary => format!("boundary-{seed}"),
    };
    maker.scenario(name)
}

impl Maker {
    /// Once in so many times.
    fn once_in(&mut self, times: u32) -> bool {
        self.random.u32(..times) == 0
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.random.usize(..choices.len())].clone()
    }

    /// So many seconds before now, as an API object tells it.
    fn ago(&self, seconds: u64) -> String {
        let now = START.after(std::time::Duration::from_nanos(self.elapsed));
        time::format(now.before(std::time::Duration::from_secs(seconds)))
    }

    fn scenario(&mut self, name: String) -> Scenario {
        let settings = self.flags();
        let mut gates = std::collections::BTreeMap::new();
        let zero = self.taste.zero || self.once_in(4);
        gates.insert("HPAScaleToZero".to_owned(), zero);
        gates.insert("HPAConfigurableTolerance".to_owned(), !self.once_in(5));
        let window = settings.downscale_stabilization;
        let mut scenario = Scenario {
            name,
            settings,
            gates,
            follow: !self.once_in(3),
            ..Scenario::default()
        };
        let count = self.random.usize(3..9);
        let mut hpa = Value::Null;
        for index in 0..count {
            let after = if index == 0 {
                15 * SECOND
            } else {
                self.wait(&hpa, window)
            };
            self.elapsed += after;
            let mut step = Step {
                after,
                key: "main".to_owned(),
                ..Step::default()
            };
            if index == 0 || self.once_in(9) {
                hpa = self.autoscaler();
                step.hpa = Some(hpa.clone());
            }
            if index == 0 || self.once_in(5) {
                step.scale = Some(self.scale(&hpa));
            }
            if index == 0 || self.once_in(3) {
                step.pods = Some(self.pods());
            }
            if index == 0 || !self.once_in(3) {
                step.metrics = Some(self.metrics(&hpa));
            }
            if self.taste.zero && self.once_in(3) {
                step.status = Some(self.scaled_to_zero());
            }
            self.trouble(&mut step);
            self.others(&mut scenario, &step, &hpa);
            scenario.steps.push(step);
        }
        scenario
    }

    fn flags(&mut self) -> Flags {
        let usual = !self.taste.ages && !self.once_in(4);
        let mut seconds = |choices: &[u64], default: u64| {
            let chosen = if usual { default } else { self.pick(choices) };
            chosen * SECOND
        };
        let mut flags = Flags {
            tolerance: 0.1,
            downscale_stabilization: seconds(&[0, 15, 30, 60, 300], 300),
            cpu_initialization: seconds(&[0, 60, 300], 300),
            initial_readiness: seconds(&[0, 10, 30], 30),
        };
        if self.once_in(12) {
            flags.downscale_stabilization += SECOND / 2;
        }
        if self.once_in(5) {
            flags.tolerance = self.pick(&[0.0, 0.01, 0.05, 0.2, 0.5, 1.0, 0.3]);
        }
        flags
    }

    /// Until the next sync: about a sync period, or what makes an entry of the memory just as old as a window.
    fn wait(&mut self, hpa: &Value, window: u64) -> u64 {
        if self.taste.ages || self.once_in(8) {
            let mut edges = vec![window, 15 * SECOND, 30 * SECOND, 60 * SECOND];
            for direction in ["scaleUp", "scaleDown"] {
                let rules = &hpa["spec"]["behavior"][direction];
                edges.extend(
                    rules["stabilizationWindowSeconds"]
                        .as_u64()
                        .map(|it| it * SECOND),
                );
                let policies = rules["policies"].as_array().into_iter().flatten();
                edges
                    .extend(policies.filter_map(|it| Some(it["periodSeconds"].as_u64()? * SECOND)));
            }
            let edge = self.pick(&edges);
            let part = self.pick(&[1, 1, 1, 2, 3]);
            return match self.random.u8(..4) {
                0 => (edge / part).saturating_sub(1),
                1 => edge / part + 1,
                _ => edge / part,
            };
        }
        match self.random.u8(..10) {
            0 => 0,
            1 => 60 * SECOND,
            2 => 15 * SECOND + self.random.u64(..SECOND),
            _ => 15 * SECOND,
        }
    }

    fn autoscaler(&mut self) -> Value {
        let extreme = self.taste.extremes && self.once_in(3);
        let (minimum, maximum) = if extreme {
            let maximum = self.pick(&[i32::MAX, i32::MAX, 1_000_000, 2_000_000_000]);
            (self.pick(&[1, 2, 100_000]), maximum)
        } else if self.taste.policies {
            (self.pick(&[1, 1, 2]), 1000)
        } else {
            let minimum = self.random.i32(1..5);
            (minimum, minimum + self.random.i32(0..25))
        };
        let minimum = if self.taste.zero || self.once_in(15) {
            self.pick(&[0, 0, minimum])
        } else {
            minimum
        };
        let metrics = self.metric_specs(minimum == 0);
        let mut spec = json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": minimum,
            "maxReplicas": maximum,
            "metrics": metrics,
        });
        if self.once_in(10) {
            spec["minReplicas"].take();
        }
        if self.taste.policies || self.random.bool() {
            spec["behavior"] = self.behavior();
        }
        let wrong = self.taste.errors && self.once_in(6);
        if wrong {
            spec["scaleTargetRef"] = self.pick(&[
                json!({"apiVersion": "a/b/c", "kind": "Deployment", "name": "web"}),
                json!({"apiVersion": "apps/v1", "kind": "Sandwich", "name": "web"}),
                json!({"apiVersion": "", "kind": "Deployment", "name": "web"}),
                json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "nowhere"}),
                json!({"apiVersion": "v1", "kind": "ReplicationController", "name": "web"}),
            ]);
        }
        json!({"metadata": {"generation": self.random.i64(1..5)}, "spec": spec})
    }

    fn scale(&mut self, hpa: &Value) -> Value {
        let maximum = hpa["spec"]["maxReplicas"].as_i64().unwrap_or(10);
        let minimum = hpa["spec"]["minReplicas"].as_i64().unwrap_or(1);
        let replicas = if self.taste.extremes && self.once_in(3) {
            self.pick(&[i64::from(i32::MAX), 1_200_000_000, 100_000, 1, 100, maximum])
        } else if self.taste.zero && self.once_in(2) || self.once_in(25) {
            0
        } else if self.taste.policies {
            // Some percentages of these are not what they are on paper.
            self.pick(&[100, 5, 10, 20, 30, 50, 110, 7, 3])
        } else if self.once_in(6) {
            self.random.i64(0..maximum.min(100) + 4)
        } else {
            self.random
                .i64(minimum.max(1)..=maximum.min(minimum + 12).max(minimum + 1))
        };
        let reported = if self.once_in(5) {
            self.random.i64(0..replicas.min(1000) + 3)
        } else {
            replicas
        };
        let selector = if self.taste.errors && self.once_in(4) {
            self.pick(&[
                "",
                "app=web,",
                "app in web",
                "=",
                "app=web x",
                "a!b",
                "app==web,!gone",
            ])
        } else {
            self.pick(&[
                "app=web",
                "app=web",
                "app=web",
                "app in (web,api)",
                "app=web,tier!=db",
            ])
        };
        json!({
            "metadata": {"name": "web"},
            "spec": {"replicas": replicas},
            "status": {"replicas": reported, "selector": selector},
        })
    }

    /// A status that says whether the controller brought the target to zero.
    fn scaled_to_zero(&mut self) -> Value {
        let status = self.pick(&["True", "True", "False"]);
        json!({
            "currentReplicas": 1,
            "desiredReplicas": 0,
            "conditions": [{"type": "ScaledToZero", "status": status, "reason": "ScaledToZero", "lastTransitionTime": self.ago(60)}],
        })
    }

    /// Errors about the scale.
    fn trouble(&mut self, step: &mut Step) {
        let (get, put) = if self.taste.errors { (8, 5) } else { (60, 30) };
        if self.once_in(get) {
            step.get_error = String::from("etcd is asleep");
        }
        if self.once_in(put) {
            let conflict = || "conflict".to_owned();
            step.put_errors = match self.random.u8(..5) {
                0 => vec![conflict()],
                1 => vec![conflict(); 4],
                2 => vec![conflict(); 5],
                3 => vec![conflict(), "admission says no".to_owned()],
                _ => vec!["admission says no".to_owned()],
            };
        }
    }

    /// Steps of other autoscalers before this one's.
    fn others(&mut self, scenario: &mut Scenario, step: &Step, hpa: &Value) {
        if !self.taste.rivals || scenario.steps.is_empty() || !self.once_in(2) {
            return;
        }
        let mut other = Step {
            key: self.pick(&["rival", "third", "main"]).to_owned(),
            ..Step::default()
        };
        match self.random.u8(..4) {
            0 => other.delete = true,
            1 => {
                other.scale = Some(json!({
                    "metadata": {"name": "other"},
                    "spec": {"replicas": 2},
                    "status": {"replicas": 2, "selector": self.pick(&["app=web", "app=other", "tier", "!tier"])},
                }));
                let mut hpa = hpa.clone();
                hpa["spec"]["scaleTargetRef"]["name"] = "other".into();
                other.hpa = Some(hpa);
            }
            _ => other.hpa = Some(hpa.clone()),
        }
        if other.key == "main" && other.delete && step.hpa.is_none() {
            // Deleted and never there again would be the end of the story.
            other.key = String::from("rival");
        }
        scenario.steps.push(other);
    }
}
