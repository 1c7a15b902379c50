//! What differs between controller versions, gates and machines, as switches: one [`Profile`] for each.

use serde::{Deserialize, Serialize};

/// The processor that the controller runs on. Go leaves what comes of an out-of-range float to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// Anything out of range, and NaN, becomes the smallest integer.
    #[default]
    Amd64,
    /// Out of range stops at the nearest end, and NaN becomes zero. ppc64le and s390x are said to do the same (golang/go#76264).
    Arm64,
}

/// A minor version of Kubernetes 1 whose controller is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Minor(u32);

/// A minor version that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes 1.{0} is not known; 1.30 to 1.37 are")]
pub struct UnknownMinor(pub u32);

/// Feature gates, where somebody set them; nothing means the version's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Gates {
    /// `HPAScaleToZero`.
    pub scale_to_zero: Option<bool>,
    /// `HPAConfigurableTolerance`.
    pub configurable_tolerance: Option<bool>,
    /// `PodLevelResources`.
    pub pod_level_resources: Option<bool>,
    /// `HPAGeneration`.
    pub generation: Option<bool>,
}

/// How the band around a ratio of one is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ToleranceForm {
    /// `|1 - ratio| <= tolerance`, until 1.32: exactly ten percent above is outside, for want of a bit.
    Distance,
    /// `1 - down <= ratio <= 1 + up`, since 1.33.
    Band,
}

/// When an autoscaler whose target has no replicas computes its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FromZero {
    /// When `minReplicas` is zero, whatever the gate says: until 1.35.
    ByMinimum,
    /// When the gate is on and the condition `ScaledToZero` says that the controller did it: since 1.36.
    ByCondition,
}

/// The rules of one controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one change of one version"
)]
pub struct Profile {
    /// The minor version whose rules these are.
    pub minor: Minor,
    /// Where the controller runs.
    pub architecture: Architecture,
    /// The tolerance test.
    pub tolerance_form: ToleranceForm,
    /// `HPAConfigurableTolerance` is on: a direction's own tolerance counts.
    pub configurable_tolerance: bool,
    /// `HPAScaleToZero` is on.
    pub scale_to_zero: bool,
    /// What brings a target back from zero.
    pub from_zero: FromZero,
    /// Requests of the pod itself count (`PodLevelResources`, read by the controller since 1.34).
    pub pod_level_requests: bool,
    /// Memory is reported in powers of 1024: since 1.34.
    pub binary_memory: bool,
    /// A named container that a pod's metrics lack fails the metric: until 1.32. Later the pod counts as missing.
    pub missing_container_metric_fails: bool,
    /// A named container that a pod lacks fails the metric: since 1.35. Earlier it requests nothing.
    pub missing_container_request_fails: bool,
    /// The average of external metrics is kept within an `i32`, and a negative sum counts as overflown: since 1.34.
    pub external_average_clamped: bool,
    /// The count for a value target is kept within an `i32`: since 1.35.
    pub ratio_clamped: bool,
    /// The sum of external values stops at the greatest `i64`: since 1.35.
    pub external_sum_saturates: bool,
    /// The status of an object's average names the object: since 1.33.
    pub object_average_described: bool,
    /// The status tells the generation that it is of (`HPAGeneration`): since 1.37.
    pub observed_generation: bool,
    /// The error about an object's metric names the object where it should: since 1.37.
    pub object_error_ordered: bool,
    /// An autoscaler that the controller does not know any more is an error: since 1.37.
    pub unregistered_fails: bool,
    /// A failed PUT of the scale is tried again on a conflict: since 1.34.
    pub put_retried: bool,
}

// === impl Architecture ===

impl Architecture {
    /// Go's `int32(value)` for a float.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "in range, or saturating, as wanted"
    )]
    pub fn to_i32(self, value: f64) -> i32 {
        const BELOW: f64 = -2_147_483_649.0;
        const ABOVE: f64 = 2_147_483_648.0;
        match self {
            Self::Amd64 if !(BELOW < value && value < ABOVE) => i32::MIN,
            _ => value as i32,
        }
    }

    /// Go's `int64(value)` for a float.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "in range, or saturating, as wanted"
    )]
    pub fn to_i64(self, value: f64) -> i64 {
        const END: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Self::Amd64 if !(-END..END).contains(&value) => i64::MIN,
            _ => value as i64,
        }
    }
}

// === impl Minor ===

impl Minor {
    /// The version that the engine follows most closely.
    pub const V36: Self = Self(36);

    /// All that are known.
    pub fn all() -> impl Iterator<Item = Self> {
        (30..=37).map(Self)
    }
}

impl TryFrom<u32> for Minor {
    type Error = UnknownMinor;

    fn try_from(minor: u32) -> Result<Self, UnknownMinor> {
        if (30..=37).contains(&minor) {
            Ok(Self(minor))
        } else {
            Err(UnknownMinor(minor))
        }
    }
}

impl From<Minor> for u32 {
    fn from(minor: Minor) -> Self {
        minor.0
    }
}

// === impl Profile ===

impl Profile {
    /// The rules of a version, with the gates that its operator set. A gate that the version does not have, or does not let
    /// one set, is what it is there.
    pub fn new(minor: Minor, architecture: Architecture, gates: Gates) -> Self {
        let since = |first| minor.0 >= first;
        Self {
            minor,
            architecture,
            tolerance_form: if since(33) {
                ToleranceForm::Band
            } else {
                ToleranceForm::Distance
            },
            configurable_tolerance: match minor.0 {
                ..33 => false,
                33 | 34 => gates.configurable_tolerance.unwrap_or(false),
                35 | 36 => gates.configurable_tolerance.unwrap_or(true),
                _ => true,
            },
            scale_to_zero: gates.scale_to_zero.unwrap_or(since(37)),
            from_zero: if since(36) {
                FromZero::ByCondition
            } else {
                FromZero::ByMinimum
            },
            pod_level_requests: since(34) && gates.pod_level_resources.unwrap_or(true),
            binary_memory: since(34),
            missing_container_metric_fails: !since(33),
            missing_container_request_fails: since(35),
            external_average_clamped: since(34),
            ratio_clamped: since(35),
            external_sum_saturates: since(35),
            object_average_described: since(33),
            observed_generation: since(37) && gates.generation.unwrap_or(true),
            object_error_ordered: since(37),
            unregistered_fails: since(37),
            put_retried: since(34),
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::new(Minor::V36, Architecture::default(), Gates::default())
    }
}
