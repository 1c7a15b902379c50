//! What other budgets would have done over the recorded window.

use probe_engine::{Policy, Probe, ProbeSpec, recommend, replay};

use super::Outlook;
use crate::model::target::{Judged, Target};

/// The timeouts that are tried, in seconds, beside the recommendation.
pub(super) const WHAT_IF_TIMEOUTS: [u32; 5] = [1, 2, 3, 5, 10];
/// A look is worth repeating once this share of the attempts is new.
const STALE_SHARE: u64 = 20;

/// Whether so many more attempts were judged that the outlook may have changed. Replaying costs a pass over the
/// window for each timeout, so it is done less often as the window grows.
pub(super) fn is_due(outlook: &Outlook, judged: u64) -> bool {
    let samples = u64::try_from(outlook.samples).unwrap_or(u64::MAX);
    // Fewer than then: the count began anew, with a pod of the same name or a probe that came back.
    let Some(new) = judged.checked_sub(outlook.judged) else {
        return true;
    };
    new > samples / STALE_SHARE
}

/// Replays the window under other timeouts.
pub(super) fn look(target: &Target, judged: &Judged, min_samples: usize) -> Outlook {
    let probe = judged.probe();
    let interval = Some(judged.tracker.interval());
    let kills = |timeout_seconds| {
        let probe = Probe {
            spec: ProbeSpec {
                timeout_seconds,
                ..probe.spec
            },
            ..*probe
        };
        let replayed = replay(target.window.iter(), &probe, interval);
        (timeout_seconds, replayed.decisions().max)
    };
    let policy = Policy {
        minimum_samples: min_samples,
        ..Policy::default()
    };
    let recommended = recommend(target.window.iter(), probe, interval, &policy);
    Outlook {
        samples: target.window.len(),
        judged: judged.judged(),
        what_if: WHAT_IF_TIMEOUTS.map(kills).to_vec(),
        detection: recommended
            .as_ref()
            .ok()
            .map(|found| found.detection_then.worst),
        recommended: Some(match recommended {
            Ok(found) => Ok(found.timeout_seconds),
            Err(refusal) => Err(refusal.to_string()),
        }),
    }
}
