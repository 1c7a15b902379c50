//! When the pages first said what matters about the service that the story is about.

use std::time::Duration;

use crate::look::{Look, Service};

/// The service that the story is about.
pub(crate) const SUBJECT: &str = "cartservice";
/// Below this share of the budget there is little headroom.
pub(crate) const LITTLE: f64 = 0.25;
/// Looks at which there has to be little headroom before it is believed: the alert, too, goes by a quantile and not by one value.
const LOOKS: usize = 3;

/// The looks at which something was first to be seen.
#[derive(Debug, Default)]
pub(crate) struct Moments<'a> {
    /// The first three looks with little headroom: the first and the last of them.
    pub(crate) little_headroom: Option<(&'a Look, &'a Look)>,
    /// An attempt over its budget.
    pub(crate) failure: Option<&'a Look>,
    /// Failures in a row, fewer than the threshold, and no kill yet.
    pub(crate) run: Option<&'a Look>,
    /// A would-be kill.
    pub(crate) kill: Option<&'a Look>,
    /// The last look before the budget changed, or the very last one.
    pub(crate) old_budget: Option<&'a Look>,
    /// Another budget than at first.
    pub(crate) new_budget: Option<&'a Look>,
}

impl<'a> Moments<'a> {
    /// Finds them.
    pub(crate) fn of(looks: &'a [Look]) -> Self {
        let first = |holds: &dyn Fn(&Service) -> bool| {
            looks
                .iter()
                .find(|look| look.service(SUBJECT).is_some_and(holds))
        };
        let begin = looks
            .iter()
            .find_map(|look| look.service(SUBJECT))
            .map(|service| service.liveness);
        let changed = |look: &Look| {
            look.service(SUBJECT)
                .is_some_and(|service| Some(service.liveness) != begin)
        };
        let little = |look: &Look| look.service(SUBJECT).is_some_and(has_little_headroom);
        let change = looks.iter().position(changed);
        Self {
            little_headroom: looks
                .iter()
                .find(|look| little(look))
                .zip(looks.iter().filter(|look| little(look)).nth(LOOKS - 1)),
            failure: first(&|service| service.failed > 0),
            run: first(&|service| {
                (1..service.liveness.failures).contains(&service.consecutive)
                    && service.kills.1 == 0
            }),
            kill: first(&|service| service.kills.1 > 0),
            old_budget: match change {
                Some(index) => index.checked_sub(1).and_then(|index| looks.get(index)),
                None => looks.last(),
            },
            new_budget: change.and_then(|index| looks.get(index)),
        }
    }

    /// The moments in words, in their order.
    pub(crate) fn told(&self) -> Vec<(Duration, String)> {
        let mut told = Vec::new();
        let mut tell = |look: Option<&Look>, words: &dyn Fn(&Service) -> String| {
            if let Some((look, service)) =
                look.and_then(|look| Some((look, look.service(SUBJECT)?)))
            {
                told.push((look.at, words(service)));
            }
        };
        tell(self.little_headroom.map(|(first, _)| first), &|service| {
            let left = percent(service.headroom);
            let failed = service.failed;
            format!("little headroom: {left} of the budget is left, {failed} probes have failed")
        });
        tell(self.failure, &|service| {
            let budget = service.liveness.timeout;
            format!("first failure: no answer within the budget of {budget} s")
        });
        tell(self.kill, &|service| {
            let failures = service.liveness.failures;
            format!(
                "the kubelet would have killed it: {failures} failures in a row, in the worst tick phase"
            )
        });
        tell(
            self.old_budget.filter(|_| self.kill.is_some()),
            &|service| {
                let kills = |timeout| service.what_if.get(&timeout).copied().unwrap_or_default();
                let recommended = service
                    .recommended
                    .map_or_else(|| "none yet".to_owned(), |seconds| format!("{seconds} s"));
                format!(
                    "would-be kills with 1 s: {}, 2 s: {}, 3 s: {}, 5 s: {}; recommended: {recommended}",
                    kills(1),
                    kills(2),
                    kills(3),
                    kills(5)
                )
            },
        );
        tell(self.new_budget, &|service| {
            let budget = service.liveness;
            format!(
                "read from the manifest: {} s every {} s, {} failures; headroom {}",
                budget.timeout,
                budget.period,
                budget.failures,
                percent(service.headroom)
            )
        });
        told.sort_by_key(|(at, _)| *at);
        told
    }
}

/// Whether little of the budget is left.
pub(crate) fn has_little_headroom(service: &Service) -> bool {
    service.headroom.is_some_and(|headroom| headroom < LITTLE)
}

/// A share as people read it.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

/// A duration as people read it.
pub(crate) fn seconds(seconds: f64) -> String {
    let milliseconds = seconds * 1000.0;
    if milliseconds < 9.95 {
        format!("{milliseconds:.1} ms")
    } else if milliseconds < 999.5 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{seconds:.2} s")
    }
}
