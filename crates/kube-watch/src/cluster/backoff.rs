//! How long to wait after a failure.

use std::time::Duration;

/// Doubles from one failure to the next, and takes between half and all of that, so that a thousand
/// watches that lost the same server do not come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        wait.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_longest_and_start_anew() {
        let seconds = Duration::from_secs;
        let mut backoff = Backoff::new(seconds(1), seconds(5));
        for whole in [1, 2, 4, 5, 5] {
            let wait = backoff.wait();
            assert!(
                wait >= seconds(whole) / 2 && wait <= seconds(whole),
                "{wait:?} of {whole}"
            );
        }
        backoff.reset();
        assert!(backoff.wait() <= seconds(1));
    }

    #[test]
    fn two_waits_are_not_alike() {
        let wait = || Backoff::new(Duration::from_secs(1), Duration::from_secs(1)).wait();
        let waits: std::collections::BTreeSet<_> = (0..20).map(|_| wait()).collect();
        assert!(waits.len() > 1);
    }
}
