//! What happens between a kill and the next container: the grace period, then the restart back-off.

use std::time::Duration;

/// `minimumGracePeriodInSeconds` in `pkg/kubelet/kuberuntime/kuberuntime_manager.go`.
const MINIMUM_GRACE: Duration = Duration::from_secs(2);
/// `initialCrashLoopBackOff` in `pkg/kubelet/kubelet.go`.
const FIRST_BACK_OFF: Duration = Duration::from_secs(10);
/// `MaxCrashLoopBackOff`, the same file.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);
/// The API's default of `terminationGracePeriodSeconds`.
const DEFAULT_GRACE_SECONDS: u32 = 30;

/// How long a container may take to end after a failed probe: `setTerminationGracePeriod` and the floor in
/// `killContainer` (`pkg/kubelet/kuberuntime/kuberuntime_container.go`).
///
/// The probe's own value goes before the pod's; a pod without one has the API's default of 30 s.
pub fn termination_grace(probe_seconds: Option<u32>, pod_seconds: Option<u32>) -> Duration {
    let seconds = probe_seconds
        .or(pod_seconds)
        .unwrap_or(DEFAULT_GRACE_SECONDS);
    Duration::from_secs(seconds.into()).max(MINIMUM_GRACE)
}

/// The restart back-off of one container: `flowcontrol.Backoff` of client-go (`util/flowcontrol/backoff.go`), as
/// `doBackOff` in `kuberuntime_manager.go` uses it. 10 s, doubling to 300 s; back to 10 s once a container ended
/// more than 600 s after the last start, or once 600 s went by without a restart (`Backoff.GC`, which
/// `HandlePodCleanups` calls every 2 s).
///
/// A killed container's successor is started in the same sync, which still looks at the pod as it was before the
/// kill: so the exit it counts from is that of the container before, and kills that are far enough apart are
/// not delayed at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartBackOff {
    previous_exit: Option<Duration>,
    entry: Option<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    delay: Duration,
    updated_at: Duration,
}

// === impl RestartBackOff ===

impl RestartBackOff {
    /// A killed container ended at `exit`; gives when the next one starts.
    pub fn restart_after(&mut self, exit: Duration) -> Duration {
        let Some(known_exit) = self.previous_exit.replace(exit) else {
            return exit;
        };
        self.entry = self.entry.filter(|entry| !entry.has_expired(exit));
        if let Some(delay) = self.delay_since(known_exit, exit) {
            // The next sync knows this exit and waits from it.
            let start = exit + delay;
            self.next(exit, start);
            return start;
        }
        self.next(known_exit, exit);
        exit
    }

    /// `IsInBackOffSince`, with the delay.
    fn delay_since(&self, exit: Duration, now: Duration) -> Option<Duration> {
        let entry = self.entry.filter(|entry| !entry.has_expired(exit))?;
        (now.saturating_sub(exit) < entry.delay).then_some(entry.delay)
    }

    /// `Next`.
    fn next(&mut self, exit: Duration, now: Duration) {
        let delay = match self.entry.filter(|entry| !entry.has_expired(exit)) {
            Some(entry) => (entry.delay * 2).min(LONGEST_BACK_OFF),
            None => FIRST_BACK_OFF,
        };
        self.entry = Some(Entry {
            delay,
            updated_at: now,
        });
    }
}

// === impl Entry ===

impl Entry {
    /// `hasExpired`.
    fn has_expired(&self, exit: Duration) -> bool {
        exit.saturating_sub(self.updated_at) > LONGEST_BACK_OFF * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probes_grace_goes_before_the_pods_and_both_have_a_floor() {
        for (probe, pod, expected) in [
            (None, None, 30),
            (None, Some(5), 5),
            (None, Some(0), 2),
            (Some(1), Some(60), 2),
            (Some(90), Some(60), 90),
        ] {
            assert_eq!(
                termination_grace(probe, pod),
                Duration::from_secs(expected),
                "{probe:?} {pod:?}"
            );
        }
    }

    /// Each container lives that many seconds before it ends; gives the delays before the next one, in seconds.
    fn delays(lives: &[u64]) -> Vec<u64> {
        let mut back_off = RestartBackOff::default();
        let mut start = Duration::from_secs(1_000_000);
        lives
            .iter()
            .map(|life| {
                let exit = start + Duration::from_secs(*life);
                start = back_off.restart_after(exit);
                (start.saturating_sub(exit)).as_secs()
            })
            .collect()
    }

    #[test]
    fn kills_that_are_far_apart_are_not_delayed() {
        // cartservice: 46 s to the decision, 5 s of grace. The doubling goes on behind the scenes until it bites.
        assert_eq!(delays(&[51; 6]), [0, 0, 0, 0, 0, 80]);
    }

    #[test]
    fn quick_deaths_are_delayed_up_to_five_minutes() {
        // A wait of 300 s has used itself up when the next kill comes: it counts from the exit before.
        assert_eq!(delays(&[1; 10]), [0, 0, 10, 20, 40, 80, 160, 300, 0, 300]);
    }

    #[test]
    fn ten_quiet_minutes_forgive() {
        let mut lives = vec![1; 8];
        lives.extend([601, 1, 1]);
        assert_eq!(delays(&lives)[8..], [0, 10, 20]);
        lives[8] = 599;
        assert_eq!(delays(&lives)[8..], [0, 300, 0]);
    }
}
