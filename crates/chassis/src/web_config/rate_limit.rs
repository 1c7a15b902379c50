//! `rate_limit`: a token bucket for all requests together, health apart.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::duration::parse_duration;
use crate::web_config::Problem;
use crate::web_config::file::RateSection;

/// One token comes back every `interval`, up to `burst`.
#[derive(Debug)]
pub(crate) struct RateLimit {
    interval: Duration,
    burst: u32,
    /// The bucket as a clock: when it was, or will be, full. A token taken moves this one interval later.
    full_at: Mutex<Instant>,
}

// === impl RateLimit ===

impl RateLimit {
    /// `None` when nothing is limited: no section, or no interval.
    pub(crate) fn new(section: Option<RateSection>) -> Result<Option<Self>, Problem> {
        let Some(section) = section else {
            return Ok(None);
        };
        let interval = match &section.interval {
            None => Duration::ZERO,
            Some(text) => parse_duration(&text.value).map_err(|what| Problem::at(text, what))?,
        };
        match (interval.is_zero(), section.burst) {
            (true, None) => Ok(None),
            (true, Some(burst)) if burst.value == 0 => Ok(None),
            (true, Some(burst)) => Err(Problem::at(
                &burst,
                "rate_limit.burst limits nothing without rate_limit.interval",
            )),
            (false, Some(burst)) if burst.value == 0 => Err(Problem::at(
                &burst,
                "rate_limit.burst of 0 would refuse every request",
            )),
            (false, None) => Err(Problem::new(
                "rate_limit.interval needs rate_limit.burst: how many requests may come at once",
            )),
            (false, Some(burst)) => Ok(Some(Self {
                interval,
                burst: burst.value,
                full_at: Mutex::new(Instant::now()),
            })),
        }
    }

    /// Takes a token; false when there is none.
    pub(crate) fn take(&self) -> bool {
        let now = Instant::now();
        let mut full_at = self.full_at.lock();
        let next = (*full_at).max(now) + self.interval;
        let granted = next <= now + self.interval.saturating_mul(self.burst);
        if granted {
            *full_at = next;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_through_and_then_one_an_interval() {
        let limit = RateLimit {
            interval: Duration::from_secs(1),
            burst: 3,
            full_at: Mutex::new(Instant::now()),
        };
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(
            [limit.take(), limit.take(), limit.take(), limit.take()],
            [true, true, true, false]
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!([limit.take(), limit.take()], [true, false]);
    }
}
