//! How long what a controller remembers counts.

use std::time::Duration;

use hpa_engine::{Autoscaler, Controller};

/// How long a recommendation counts, and how long a scale event does.
pub(super) fn reach(autoscaler: &Autoscaler, controller: &Controller) -> (Duration, Duration) {
    let flag = controller.settings.downscale_stabilization;
    let Some(behavior) = &autoscaler.spec.behavior else {
        return (flag, Duration::ZERO);
    };
    let (up, down) = (&behavior.scale_up, &behavior.scale_down);
    let window = up.window().unwrap_or_default();
    (
        window.max(down.window().unwrap_or(flag)),
        up.longest_period().max(down.longest_period()),
    )
}
