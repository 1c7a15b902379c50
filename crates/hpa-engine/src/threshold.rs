//! The usage at which a metric would leave its tolerance.

use serde::{Deserialize, Serialize};

use crate::proposal::{Calculation, Measure};
use crate::tolerance::Tolerance;

/// The edges of a metric's tolerance, in the unit of its calculation: percent, or thousandths. Beyond them it asks for another
/// number, as far as the pods that it is multiplied with make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Thresholds {
    /// The greatest usage that is too low to stay.
    pub down: i64,
    /// The smallest usage that is too high to stay.
    pub up: i64,
}

/// So many units to either side of the computed edge are tried: floats are off by less.
const NEAR: i64 = 2;

impl Calculation {
    /// The usages at which it would move, by the same test that the controller makes.
    pub fn thresholds(&self, tolerance: &Tolerance) -> Option<Thresholds> {
        let replicas = match self.measure {
            Measure::ReplicaAverage => self.counted,
            _ => 1,
        };
        let whole = self.target.checked_mul(replicas)?;
        if whole <= 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "the controller's conversions")]
        let ratio = |usage: i64| match self.measure {
            Measure::ReplicaAverage => usage as f64 / (self.target as f64 * replicas as f64),
            _ => usage as f64 / self.target as f64,
        };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "near enough is all that is wanted, and out of range saturates"
        )]
        let near = |factor: f64| (whole as f64 * factor) as i64;
        let low = near(1.0 - tolerance.down);
        let high = near(1.0 + tolerance.up);
        let down = (low.saturating_sub(NEAR)..=low.saturating_add(NEAR))
            .rev()
            .find(|usage| ratio(*usage) < 1.0 && !tolerance.is_within(ratio(*usage)));
        let up = (high.saturating_sub(NEAR)..=high.saturating_add(NEAR))
            .find(|usage| ratio(*usage) > 1.0 && !tolerance.is_within(ratio(*usage)));
        Some(Thresholds {
            down: down?,
            up: up?,
        })
    }
}
