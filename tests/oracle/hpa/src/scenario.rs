//! Scenarios and records as they are on disk: `scenario.go` beside this crate has the same shapes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One controller's life. Times are nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// What it is called, with the seed it came from.
    pub name: String,
    /// How long after the start of a bubble the controller starts.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub begin: u64,
    /// The controller manager's flags.
    pub settings: Flags,
    /// Feature gates that are set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, bool>,
    /// At each step the target reports what it was last told to have, unless the step says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
    /// The syncs.
    pub steps: Vec<Step>,
}

/// Flags of the controller manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flags {
    /// The tolerance.
    pub tolerance: f64,
    /// The stabilization window downwards.
    pub downscale_stabilization: u64,
    /// How long a pod's CPU may be that of its start.
    pub cpu_initialization: u64,
    /// Within which a pod that was never ready is not counted.
    pub initial_readiness: u64,
}

/// A change of the surroundings, a wait, and a sync. What is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The wait.
    pub after: u64,
    /// The autoscaler to sync.
    pub key: String,
    /// It is deleted first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete: bool,
    /// The autoscaler as it is from now on; its status stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hpa: Option<Value>,
    /// Its status from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
    /// A scale from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Value>,
    /// All pods from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Vec<Value>>,
    /// What the metric APIs answer from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// What the controller remembers from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Remembered>,
    /// In this step the scale cannot be read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub get_error: String,
    /// In this step the first attempts to write the scale fail, some of them as a `conflict`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_errors: Vec<String>,
}

/// What the controller keeps of an autoscaler, in a [`Record`]'s form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// Wishes: replicas, time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recommendations: Vec<[i64; 2]>,
    /// Scale-ups: change, time, outdated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ups: Vec<[i64; 3]>,
    /// Scale-downs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downs: Vec<[i64; 3]>,
}

/// The answers of the three metric APIs, by metric name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Pods' resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Answer>,
    /// Pods' custom metrics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pods: BTreeMap<String, Answer>,
    /// Objects' custom metrics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, Answer>,
    /// External metrics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<String, Answer>,
}

/// A list, or an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Value>,
    /// The error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// What a scenario came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The scenario's name.
    pub name: String,
    /// The version of Kubernetes that played it.
    pub version: String,
    /// One for each step.
    pub records: Vec<Record>,
}

/// What one sync came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The error that it ended with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// The wish before all limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wish: Option<i32>,
    /// The metric that it comes from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metric: String,
    /// What each metric proposed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposed>,
    /// What was written to the scale, or tried to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put: Option<i32>,
    /// When.
    #[serde(skip_serializing_if = "is_zero")]
    pub put_at: i64,
    /// Whether a status was written.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub written: bool,
    /// The status after the sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
    /// Events: type, reason, message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<[String; 3]>,
    /// The memory after it.
    #[serde(flatten)]
    pub memory: Remembered,
    /// How long the sync took, in nanoseconds, where that was asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub took: i64,
}

/// One metric's proposal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Proposed {
    /// The replicas.
    pub replicas: i32,
    /// The controller's name of the metric.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The error that came instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_nothing(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}
