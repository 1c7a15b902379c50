//! What the page said of the way out, and after it was taken.

use super::{Outcome, PROBED, Story, clock, serving};
use crate::moments::{LITTLE, SUBJECT, percent, seconds};

impl Story<'_> {
    pub(super) fn budget_found(&self) -> Outcome {
        let service = self
            .before_change()
            .ok_or_else(|| format!("{SUBJECT} is not on the page"))?;
        let kills = |timeout: u32| service.what_if.get(&timeout).copied();
        let tried: Vec<String> = service
            .what_if
            .iter()
            .map(|(timeout, kills)| format!("{timeout} s {kills}"))
            .collect();
        let figures = format!(
            "would-be kills by timeout: {}; recommended {}",
            tried.join(", "),
            service
                .recommended
                .map_or_else(|| "nothing".to_owned(), |seconds| format!("{seconds} s"))
        );
        let found = kills(1) >= Some(1) && kills(5) == Some(0) && service.recommended >= Some(2);
        if found { Ok(figures) } else { Err(figures) }
    }

    pub(super) fn budget_read(&self) -> Outcome {
        let Some(change) = self.moments.new_budget else {
            return Err("the budget on the page never changed".to_owned());
        };
        let before = self
            .before_change()
            .map(|service| service.liveness)
            .unwrap_or_default();
        let service = change
            .service(SUBJECT)
            .ok_or_else(|| format!("{SUBJECT} is gone"))?;
        let figures = format!(
            "{} s: timeout {} s, period {} s, {} failures; before: {}, {}, {}",
            clock(change.at),
            service.liveness.timeout,
            service.liveness.period,
            service.liveness.failures,
            before.timeout,
            before.period,
            before.failures
        );
        let read = [service.liveness, service.readiness]
            .iter()
            .all(|budget| (budget.timeout, budget.period, budget.failures) == (5, 15, 5));
        if read { Ok(figures) } else { Err(figures) }
    }

    pub(super) fn budget_holds(&self) -> Outcome {
        let change = self
            .moments
            .new_budget
            .ok_or("the budget on the page never changed")?;
        let then = change
            .service(SUBJECT)
            .ok_or_else(|| format!("{SUBJECT} is gone"))?;
        let after = || self.subject().filter(|(look, _)| look.at >= change.at);
        let now = self.last_subject()?;
        let slowest = after()
            .map(|(_, service)| service.last())
            .fold(0.0, f64::max);
        let least = after()
            .filter_map(|(_, service)| service.headroom)
            .reduce(f64::min);
        let figures = format!(
            "{} more failures, {} more would-be kills; slowest {}, least headroom {}",
            now.failed - then.failed.min(now.failed),
            now.kills.1 - then.kills.1.min(now.kills.1),
            seconds(slowest),
            percent(least)
        );
        let held = (now.failed, now.kills) == (then.failed, then.kills)
            && slowest > 1.0
            && least.is_some_and(|least| least > 0.0);
        if held { Ok(figures) } else { Err(figures) }
    }

    pub(super) fn calm(&self) -> Outcome {
        let look = self.last()?;
        let least = look
            .services
            .values()
            .filter_map(|service| service.headroom)
            .reduce(f64::min);
        let figures = format!(
            "{} s: {} of {PROBED} SERVING, the least headroom is {}",
            clock(look.at),
            serving(look),
            percent(least)
        );
        let calm = serving(look) == PROBED && least.is_some_and(|least| least > LITTLE);
        if calm { Ok(figures) } else { Err(figures) }
    }
}
