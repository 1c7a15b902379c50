//! Times as API objects write them.

use std::time::{SystemTime, UNIX_EPOCH};

use hpa_engine::Moment;
use serde::{Deserialize, Deserializer};

/// `metav1.Time` and `metav1.MicroTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) Moment);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        let nanoseconds = i64::try_from(time.as_nanosecond());
        nanoseconds
            .map(|nanoseconds| Self(Moment::from_nanoseconds(nanoseconds)))
            .map_err(|_| serde::de::Error::custom(format!("{text} is out of range")))
    }
}

/// The wall clock. Objects are stamped with it as they come in, because a sync has no other time that an outside observer
/// could know to less than a second.
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = since.map_or(0, |since| since.as_nanos());
    Moment::from_nanoseconds(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
}
