//! The band around the target in which nothing moves: `Tolerances` in `replica_calculator.go`.

use serde::{Deserialize, Serialize};

use crate::profile::{Profile, ToleranceForm};
use crate::settings::Settings;
use crate::spec::Spec;

/// The tolerance that counts, by direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Below the target.
    pub down: f64,
    /// Above it.
    pub up: f64,
    /// How it is tested.
    pub form: ToleranceForm,
}

impl Tolerance {
    /// `tolerancesForHpa`: the flag's, unless the gate is on and a direction has its own.
    pub fn of(spec: &Spec, settings: &Settings, profile: &Profile) -> Self {
        let mut tolerance = Self {
            down: settings.tolerance,
            up: settings.tolerance,
            form: profile.tolerance_form,
        };
        let Some(behavior) = spec
            .behavior
            .as_ref()
            .filter(|_| profile.configurable_tolerance)
        else {
            return tolerance;
        };
        if let Some(own) = &behavior.scale_down.tolerance {
            tolerance.down = own.approximate();
        }
        if let Some(own) = &behavior.scale_up.tolerance {
            tolerance.up = own.approximate();
        }
        tolerance
    }

    /// No band at all, for a counterfactual.
    #[must_use]
    pub const fn none(self) -> Self {
        Self {
            down: 0.0,
            up: 0.0,
            form: self.form,
        }
    }

    /// `isWithin`; until 1.32 the same with a distance. NaN never is.
    pub fn is_within(&self, ratio: f64) -> bool {
        match self.form {
            ToleranceForm::Band => (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up),
            ToleranceForm::Distance => (1.0 - ratio).abs() <= self.up,
        }
    }

    /// The opposite, as the per-pod averages ask for it: until 1.32, NaN was not outside either.
    pub(crate) fn is_outside(&self, ratio: f64) -> bool {
        match self.form {
            ToleranceForm::Band => !self.is_within(ratio),
            ToleranceForm::Distance => (1.0 - ratio).abs() > self.up,
        }
    }
}
