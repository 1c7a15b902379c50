//! The controller manager's flags.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `HPAControllerConfiguration`, as far as a decision depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `--horizontal-pod-autoscaler-sync-period`.
    pub sync_period: Duration,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`.
    pub downscale_stabilization: Duration,
    /// `--horizontal-pod-autoscaler-tolerance`.
    pub tolerance: f64,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub cpu_initialization: Duration,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub initial_readiness: Duration,
}

impl Default for Settings {
    /// The defaults of `podautoscaler/config/v1alpha1/defaults.go`.
    fn default() -> Self {
        Self {
            sync_period: Duration::from_secs(15),
            downscale_stabilization: Duration::from_mins(5),
            tolerance: 0.1,
            cpu_initialization: Duration::from_mins(5),
            initial_readiness: Duration::from_secs(30),
        }
    }
}
