//! Points in time, which an engine is handed and never asks for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch. Before the first or after the last that fits, time stands still.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(i64);

const NANOSECONDS: i64 = 1_000_000_000;

impl Moment {
    /// Go's zero time, which a missing timestamp reads as. It lies before everything.
    pub const ZERO: Self = Self(i64::MIN);

    /// So many nanoseconds after the epoch.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// So many seconds after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOSECONDS))
    }

    /// Nanoseconds after the epoch.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// The second that it lies in: what is left of it in an API object (`metav1.Time`).
    #[must_use]
    pub const fn whole_seconds(self) -> Self {
        match self {
            Self::ZERO => self,
            Self(nanoseconds) => Self::from_seconds(nanoseconds.div_euclid(NANOSECONDS)),
        }
    }

    /// Later by that much.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        match self {
            Self::ZERO => self,
            Self(nanoseconds) => Self(nanoseconds.saturating_add(length(duration))),
        }
    }

    /// Earlier by that much.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(length(duration)))
    }

    /// How long after the other it is; zero if it is before.
    pub fn since(self, other: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(other.0).max(0).unsigned_abs())
    }
}

fn length(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
