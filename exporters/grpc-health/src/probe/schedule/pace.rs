//! Bounds on starts per second: a token bucket for all, and one for each pod.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{PodId, Settings, Skip};

/// The buckets.
#[derive(Debug)]
pub(super) struct Pace {
    all: Bucket,
    per_pod: f64,
    pods: HashMap<PodId, (Bucket, usize)>,
}

/// Holds what a second brings, and at least one start.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    tokens: f64,
    filled_at: Instant,
}

// === impl Pace ===

impl Pace {
    pub(super) fn new(settings: &Settings, now: Instant) -> Self {
        Self {
            all: Bucket::full(settings.starts_per_second, now),
            per_pod: settings.starts_per_second_and_pod,
            pods: HashMap::new(),
        }
    }

    /// A target of this pod came.
    pub(super) fn join(&mut self, pod: PodId, now: Instant) {
        let per_pod = self.per_pod;
        self.pods
            .entry(pod)
            .or_insert_with(|| (Bucket::full(per_pod, now), 0))
            .1 += 1;
    }

    /// A target of this pod went; with its last the bucket goes too.
    pub(super) fn leave(&mut self, pod: PodId) {
        if let Some((_, members)) = self.pods.get_mut(&pod) {
            *members -= 1;
            if *members == 0 {
                self.pods.remove(&pod);
            }
        }
    }

    /// One start of this pod, unless a bound is against it.
    pub(super) fn start(&mut self, pod: PodId, now: Instant) -> Result<(), Skip> {
        let pod = self.pods.get_mut(&pod).map(|(bucket, _)| bucket);
        if let Some(pod) = pod {
            if !pod.has_one(now) {
                return Err(Skip::Pod);
            }
            if !self.all.has_one(now) {
                return Err(Skip::Global);
            }
            pod.tokens -= 1.0;
            self.all.tokens -= 1.0;
        }
        Ok(())
    }
}

// === impl Bucket ===

impl Bucket {
    fn full(rate: f64, now: Instant) -> Self {
        Self {
            rate,
            tokens: rate.max(1.0),
            filled_at: now,
        }
    }

    fn has_one(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.filled_at = now;
        self.tokens = (self.tokens + passed * self.rate).min(self.rate.max(1.0));
        self.tokens >= 1.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pace(all: f64, per_pod: f64, now: Instant) -> Pace {
        let settings = Settings {
            starts_per_second: all,
            starts_per_second_and_pod: per_pod,
            ..Settings::default()
        };
        Pace::new(&settings, now)
    }

    #[test]
    fn a_pods_starts_are_bounded_without_costing_the_others() {
        let now = Instant::now();
        let mut pace = pace(3.0, 1.0, now);
        for pod in [1, 2, 3] {
            pace.join(PodId(pod), now);
        }
        assert_eq!(pace.start(PodId(1), now), Ok(()));
        assert_eq!(pace.start(PodId(1), now), Err(Skip::Pod));
        assert_eq!(pace.start(PodId(2), now), Ok(()));
        assert_eq!(pace.start(PodId(3), now), Ok(()));
        let later = now + Duration::from_secs(1);
        assert_eq!(pace.start(PodId(1), later), Ok(()));
    }

    #[test]
    fn all_starts_are_bounded_and_the_bucket_fills_with_time() {
        let now = Instant::now();
        let mut pace = pace(2.0, 100.0, now);
        pace.join(PodId(1), now);
        assert_eq!(pace.start(PodId(1), now), Ok(()));
        assert_eq!(pace.start(PodId(1), now), Ok(()));
        assert_eq!(pace.start(PodId(1), now), Err(Skip::Global));
        let later = now + Duration::from_millis(500);
        assert_eq!(pace.start(PodId(1), later), Ok(()));
        assert_eq!(pace.start(PodId(1), later), Err(Skip::Global));
    }

    #[test]
    fn a_pods_bucket_goes_with_its_last_target() {
        let now = Instant::now();
        let mut pace = pace(2.0, 1.0, now);
        pace.join(PodId(1), now);
        pace.join(PodId(1), now);
        pace.leave(PodId(1));
        assert_eq!(pace.pods.len(), 1);
        pace.leave(PodId(1));
        assert!(pace.pods.is_empty());
    }
}
