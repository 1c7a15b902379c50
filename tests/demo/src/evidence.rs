//! Claims, each set against all that the scraped pages said.

use std::time::Duration;

use serde::Serialize;

use crate::look::{Look, Service};
use crate::moments::{LITTLE, Moments, SUBJECT, percent, seconds};
use crate::scrape::{Answer, Format};

/// The services with gRPC probes.
const PROBED: usize = 9;
/// All services.
const PODS: u64 = 12;
/// Beginning a probe later than this would be felt in a budget of 1 s.
const LATE_SECONDS: f64 = 0.2;

/// Everything that was scraped.
#[derive(Debug, Default)]
pub(crate) struct Day {
    /// What each page said, in its order.
    pub(crate) looks: Vec<Look>,
    /// Scrapes that failed, when and why.
    pub(crate) failures: Vec<(Duration, String)>,
    /// The same page asked for in each format.
    pub(crate) formats: Vec<(Format, anyhow::Result<Answer>)>,
}

/// A claim and how it was kept.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) component: &'static str,
    pub(crate) claim: &'static str,
    pub(crate) status: Status,
    pub(crate) evidence: String,
}

/// Whether it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Ok,
    Failed,
}

/// The figures that show it, or those that do not.
type Outcome = Result<String, String>;

/// All rows, in the order of the day.
pub(crate) fn rows(day: &Day) -> Vec<Row> {
    let moments = Moments::of(&day.looks);
    let story = Story { day, moments };
    [
        (
            "the nine services with gRPC probes are found, measured and serving",
            story.all_measured(),
        ),
        (
            "little headroom was announced before the first probe failed",
            story.announced(),
        ),
        (
            "an answer after the budget is a failure, as the kubelet judges it",
            story.judged(),
        ),
        (
            "the slow phase is named: SETTINGS and rpc, not the connection",
            story.phase_named(),
        ),
        (
            "attempts are measured beyond the budget, uncensored",
            story.uncensored(),
        ),
        (
            "failures in a row were shown before the would-be kill",
            story.run_shown(),
        ),
        (
            "the kill that the kubelet would have decided on is counted",
            story.kill_counted(),
        ),
        (
            "no other service would have been killed",
            story.nobody_else(),
        ),
        (
            "the replay says which budget would have held",
            story.budget_found(),
        ),
        (
            "the new budget was read from the changed manifest",
            story.budget_read(),
        ),
        (
            "under it the same slowness fails and kills no more",
            story.budget_holds(),
        ),
        (
            "afterwards all nine are serving, with headroom",
            story.calm(),
        ),
        (
            "the exporter's own lateness is measured, and small",
            story.punctual(),
        ),
        ("every scrape was answered", story.answered()),
        (
            "the page is served as text, OpenMetrics and protobuf",
            story.formats(),
        ),
    ]
    .map(|(claim, outcome)| Row::new(claim, outcome))
    .into()
}

impl Row {
    fn new(claim: &'static str, outcome: Outcome) -> Self {
        let (status, evidence) = match outcome {
            Ok(evidence) => (Status::Ok, evidence),
            Err(evidence) => (Status::Failed, evidence),
        };
        Self {
            component: "grpc-health-exporter",
            claim,
            status,
            evidence,
        }
    }
}

struct Story<'a> {
    day: &'a Day,
    moments: Moments<'a>,
}

impl<'a> Story<'a> {
    fn subject(&self) -> impl Iterator<Item = (&'a Look, &'a Service)> + use<'a> {
        let looks = self.day.looks.iter();
        looks.filter_map(|look| Some((look, look.service(SUBJECT)?)))
    }

    fn last(&self) -> Result<&'a Look, String> {
        self.day
            .looks
            .last()
            .ok_or_else(|| "no page was scraped".to_owned())
    }

    fn last_subject(&self) -> Result<&'a Service, String> {
        self.last()?
            .service(SUBJECT)
            .ok_or_else(|| format!("{SUBJECT} is not on the page"))
    }

    fn all_measured(&self) -> Outcome {
        let complete = |look: &&Look| {
            look.services.len() == PROBED
                && look.targets == PROBED as u64
                && look.pods == PODS
                && look
                    .services
                    .values()
                    .all(|service| service.serving && service.measured > 0)
        };
        match self.day.looks.iter().find(complete) {
            Some(look) => Ok(format!(
                "{} s: {PROBED} of {PODS} pods have gRPC probes, {PROBED} answer SERVING, the slowest in {}",
                clock(look.at),
                seconds(slowest(look))
            )),
            None => Err(format!(
                "{} services on the last page, {} of them SERVING",
                self.last()?.services.len(),
                serving(self.last()?)
            )),
        }
    }

    fn announced(&self) -> Outcome {
        let Some((first, third)) = self.moments.little_headroom else {
            let least = self.subject().filter_map(|(_, service)| service.headroom);
            return Err(format!(
                "the least headroom was {}",
                percent(least.reduce(f64::min))
            ));
        };
        let left = percent(first.service(SUBJECT).and_then(|service| service.headroom));
        let below = LITTLE * 100.0;
        match self.moments.failure {
            Some(failure) if third.at < failure.at => Ok(format!(
                "below {below} % ({left}) from {} s, first failure on the page of {} s: {} s of warning",
                clock(first.at),
                clock(failure.at),
                clock(failure.at - first.at)
            )),
            Some(failure) => Err(format!(
                "below {below} % for three pages at {} s, first failure at {} s",
                clock(third.at),
                clock(failure.at)
            )),
            None => Err(format!(
                "below {below} % from {} s, but nothing failed",
                clock(first.at)
            )),
        }
    }

    fn judged(&self) -> Outcome {
        let last = self.last_subject()?;
        let late_but_serving = self
            .subject()
            .any(|(_, service)| service.serving && service.last() > 1.0);
        let figures = format!(
            "{} attempts failed and {} did not; {} were measured to take longer than 1 s",
            last.failed,
            last.successful,
            last.beyond_a_second()
        );
        // Fewer may be measured to the end than fail: a change of the budget drops what is under way.
        let agree = last.failed >= 3 && self.failed_before_change() >= self.slow_before_change();
        match self.moments.failure {
            Some(failure) if agree && late_but_serving => Ok(format!(
                "{figures}; from {} s, while the answer was SERVING",
                clock(failure.at)
            )),
            _ => Err(figures),
        }
    }

    fn failed_before_change(&self) -> u64 {
        self.before_change().map_or(0, |service| service.failed)
    }

    fn slow_before_change(&self) -> u64 {
        self.before_change().map_or(0, Service::beyond_a_second)
    }

    fn before_change(&self) -> Option<&'a Service> {
        self.moments.old_budget?.service(SUBJECT)
    }

    fn phase_named(&self) -> Outcome {
        let over = || self.subject().filter(|(_, service)| service.last() > 1.0);
        let most = |phase: fn(&Service) -> Option<f64>| {
            over()
                .filter_map(|(_, service)| phase(service))
                .fold(0.0, f64::max)
        };
        let connect = most(|service| service.connect);
        let http2 = most(|service| service.http2);
        let rpc = most(|service| service.rpc);
        let pages = over().count();
        let figures = format!(
            "on {pages} pages with an attempt over 1 s, at most {} in connect, {} in http2, {} in rpc",
            seconds(connect),
            seconds(http2),
            seconds(rpc)
        );
        // Both are late when a process is starved, and the kernel accepts for it as quickly as ever.
        let named = pages > 0 && http2 > 0.5 && rpc > 0.5 && connect < 0.25;
        if named { Ok(figures) } else { Err(figures) }
    }

    fn uncensored(&self) -> Outcome {
        let most = self
            .subject()
            .map(|(_, service)| service.last())
            .fold(0.0, f64::max);
        let last = self.last_subject()?;
        let budget = self
            .before_change()
            .map_or(0, |service| service.liveness.timeout);
        let figures = format!(
            "the longest answer took {}, under a budget of {budget} s; {} attempts were given up",
            seconds(most),
            last.censored
        );
        if most > 1.0 && last.censored == 0 {
            Ok(figures)
        } else {
            Err(figures)
        }
    }

    fn run_shown(&self) -> Outcome {
        let most = self.subject().map(|(_, service)| service.consecutive).max();
        match (self.moments.run, self.moments.kill) {
            (Some(run), Some(kill)) if run.at < kill.at => Ok(format!(
                "{} in a row at {} s, {} s before the would-be kill; {} near misses at the end",
                run.service(SUBJECT)
                    .map_or(0, |service| service.consecutive),
                clock(run.at),
                clock(kill.at - run.at),
                self.last_subject()?.near_misses
            )),
            _ => Err(format!(
                "at most {} failures in a row",
                most.unwrap_or_default()
            )),
        }
    }

    fn kill_counted(&self) -> Outcome {
        let (lower, upper) = self.last_subject()?.kills;
        match self.moments.kill.zip(self.moments.failure) {
            Some((kill, failure)) => Ok(format!(
                "{SUBJECT}: from {} s, {} s after the first failure; in the end {lower} to {upper}, by tick phase",
                clock(kill.at),
                clock(kill.at - failure.at)
            )),
            None => Err(format!("{SUBJECT}: {lower} to {upper} would-be kills")),
        }
    }

    fn nobody_else(&self) -> Outcome {
        let services = &self.last()?.services;
        let others = || services.iter().filter(|(name, _)| *name != SUBJECT);
        let killed: Vec<_> = others()
            .filter(|(_, service)| service.kills.1 > 0)
            .map(|(name, _)| name.as_str())
            .collect();
        if killed.is_empty() && others().count() == PROBED - 1 {
            let failed: u64 = others().map(|(_, service)| service.failed).sum();
            Ok(format!(
                "{} others: 0 would-be kills, {failed} failed attempts",
                others().count()
            ))
        } else {
            Err(format!(
                "{} others, would-be kills of: {}",
                others().count(),
                killed.join(", ")
            ))
        }
    }

    fn budget_found(&self) -> Outcome {
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

    fn budget_read(&self) -> Outcome {
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

    fn budget_holds(&self) -> Outcome {
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

    fn calm(&self) -> Outcome {
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

    fn punctual(&self) -> Outcome {
        let lag = &self.last()?.lag;
        let within = lag
            .within
            .iter()
            .filter(|(bound, _)| *bound <= LATE_SECONDS)
            .map(|(_, count)| *count)
            .max()
            .unwrap_or_default();
        let count = u32::try_from(lag.probes.max(1)).map_or(f64::INFINITY, f64::from);
        let figures = format!(
            "{within} of {} probes began within {LATE_SECONDS} s of their time, {} late on average",
            lag.probes,
            seconds(lag.seconds / count)
        );
        // One in twenty may be late on a machine that does other things.
        let punctual = lag.probes > 0 && within * 20 >= lag.probes * 19;
        if punctual { Ok(figures) } else { Err(figures) }
    }

    fn answered(&self) -> Outcome {
        let count = self.day.looks.len();
        match self.day.failures.first() {
            None if count > 0 => {
                let last = self.last()?.at;
                Ok(format!("{count} of {count} in {} s", clock(last)))
            }
            None => Err("no page was scraped".to_owned()),
            Some((at, why)) => Err(format!(
                "{} of {} failed, the first at {} s: {why}",
                self.day.failures.len(),
                count + self.day.failures.len(),
                clock(*at)
            )),
        }
    }

    fn formats(&self) -> Outcome {
        let mut figures = Vec::new();
        for (format, answer) in &self.day.formats {
            let answer = answer
                .as_ref()
                .map_err(|error| format!("{}: {error:#}", format.name))?;
            if !answer.content_type.starts_with(format.content_type) {
                return Err(format!(
                    "{} was answered as {}",
                    format.name, answer.content_type
                ));
            }
            figures.push(format!("{} in {} bytes", format.name, answer.body.len()));
        }
        if figures.len() == crate::scrape::FORMATS.len() {
            Ok(figures.join(", "))
        } else {
            Err("not every format was asked for".to_owned())
        }
    }
}

fn serving(look: &Look) -> usize {
    look.services
        .values()
        .filter(|service| service.serving)
        .count()
}

fn slowest(look: &Look) -> f64 {
    look.services
        .values()
        .map(Service::last)
        .fold(0.0, f64::max)
}

fn clock(at: Duration) -> String {
    format!("{:.1}", at.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_claimed_of_a_day_without_pages() {
        let rows = rows(&Day::default());
        assert!(
            rows.iter().all(|row| row.status == Status::Failed),
            "{rows:?}"
        );
    }
}
