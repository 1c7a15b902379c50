//! How long what a controller remembers counts.

use std::time::Duration;

use hpa_engine::{Autoscaler, Controller};

/// How long a recommendation counts, and how long a scale event does.
pub(super) fn reach(autoscaler: &Autoscaler, controller: &Controller) -> (Duration, Duration) {
    let flag = controller.settings.downscale_stabilization;
    let Some(behavior) = &autoscaler.spec.behavior else {
        return (flag, Duration::ZERO);
    };
    let window = |seconds: Option<i32>, default: Duration| {
        seconds.map_or(default, |seconds| {
            Duration::from_secs(seconds.max(0).unsigned_abs().into())
        })
    };
    let up = window(
        behavior.scale_up.stabilization_window_seconds,
        Duration::ZERO,
    );
    let down = window(behavior.scale_down.stabilization_window_seconds, flag);
    let policies = [&behavior.scale_up, &behavior.scale_down];
    let periods = policies
        .into_iter()
        .flat_map(|rules| &rules.policies)
        .map(hpa_engine::Policy::period);
    (up.max(down), periods.max().unwrap_or_default())
}
