//! Claims, each set against all that the scraped pages said.

use std::time::Duration;

use serde::Serialize;

use crate::look::{Look, Service};
use crate::moments::{Moments, SUBJECT};
use crate::scrape::{Answer, Format};

mod exporter;
mod onset;
mod remedy;

/// The services with gRPC probes.
const PROBED: usize = 9;
/// All services.
const PODS: u64 = 12;

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
pub(crate) type Outcome = Result<String, String>;

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
            "attempts are measured beyond the budget, to their end",
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
    .map(|(claim, outcome)| Row::new("grpc-health-exporter", claim, outcome))
    .into()
}

impl Row {
    /// Of a claim about one of the programs.
    pub(crate) fn new(component: &'static str, claim: &'static str, outcome: Outcome) -> Self {
        let (status, evidence) = match outcome {
            Ok(evidence) => (Status::Ok, evidence),
            Err(evidence) => (Status::Failed, evidence),
        };
        Self {
            component,
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

    fn before_change(&self) -> Option<&'a Service> {
        self.moments.old_budget?.service(SUBJECT)
    }
}

fn serving(look: &Look) -> usize {
    look.services
        .values()
        .filter(|service| service.serving)
        .count()
}

fn between(first: &Look, second: &Look) -> String {
    clock(second.at.saturating_sub(first.at))
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
