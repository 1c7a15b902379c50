//! What the page said while things went from good to bad.

use super::{Outcome, PODS, PROBED, Story, between, clock, serving};
use crate::look::{Look, Service};
use crate::moments::{LITTLE, SUBJECT, percent, seconds};

impl Story<'_> {
    pub(super) fn all_measured(&self) -> Outcome {
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

    pub(super) fn announced(&self) -> Outcome {
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
                between(first, failure)
            )),
            Some(failure) => Err(format!(
                "below {below} % on three pages by {} s, first failure at {} s",
                clock(third.at),
                clock(failure.at)
            )),
            None => Err(format!(
                "below {below} % from {} s, but nothing failed",
                clock(first.at)
            )),
        }
    }

    pub(super) fn judged(&self) -> Outcome {
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

    pub(super) fn phase_named(&self) -> Outcome {
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

    pub(super) fn uncensored(&self) -> Outcome {
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
        // On a busy machine two attempts may be over their budget at a time, and the exporter keeps to one.
        if most > 1.0 && last.censored * 10 <= last.beyond_a_second() {
            Ok(figures)
        } else {
            Err(figures)
        }
    }

    pub(super) fn run_shown(&self) -> Outcome {
        let most = self.subject().map(|(_, service)| service.consecutive).max();
        match (self.moments.run, self.moments.kill) {
            (Some(run), Some(kill)) if run.at < kill.at => Ok(format!(
                "{} in a row at {} s, {} s before the would-be kill; {} near misses at the end",
                run.service(SUBJECT)
                    .map_or(0, |service| service.consecutive),
                clock(run.at),
                between(run, kill),
                self.last_subject()?.near_misses
            )),
            _ => Err(format!(
                "at most {} failures in a row",
                most.unwrap_or_default()
            )),
        }
    }

    pub(super) fn kill_counted(&self) -> Outcome {
        let (lower, upper) = self.last_subject()?.kills;
        match self.moments.kill.zip(self.moments.failure) {
            Some((kill, failure)) => Ok(format!(
                "{SUBJECT}: from {} s, {} s after the first failure; in the end {lower} to {upper}, by tick phase",
                clock(kill.at),
                between(failure, kill)
            )),
            None => Err(format!("{SUBJECT}: {lower} to {upper} would-be kills")),
        }
    }

    pub(super) fn nobody_else(&self) -> Outcome {
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
}

fn slowest(look: &Look) -> f64 {
    look.services
        .values()
        .map(Service::last)
        .fold(0.0, f64::max)
}
