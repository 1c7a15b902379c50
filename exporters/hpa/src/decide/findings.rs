//! What was found, for the page, the landing page and the command line alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpa_engine::{
    Autoscaler, Counterfactuals, Decision, Limiters, MetricStatus, Moment, Releases, SpecProblem,
    Status, Thresholds,
};
use kube_watch::ObjectKey;

use crate::config::known::Known;
use crate::model::Write;

use super::check::{Difference, Verdict};
use super::kept::Kept;

/// The findings of one pass.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// When they were found.
    pub at: Moment,
    /// How long that took, in seconds.
    pub took: f64,
    /// The controller that is followed.
    pub known: Known,
    /// How often another process of it has taken over.
    pub restarts: u64,
    /// The last disagreements with it.
    pub mismatches: Kept,
    /// One for each autoscaler, by name.
    pub autoscalers: Vec<Arc<Finding>>,
}

/// What was found about one autoscaler.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its name.
    pub key: ObjectKey,
    /// The autoscaler.
    pub autoscaler: Arc<Autoscaler>,
    /// What the controller wrote last.
    pub status: Arc<Status>,
    /// What an API server would refuse of it.
    pub problems: Vec<SpecProblem>,
    /// What was decided, or would be.
    pub decision: Decision,
    /// What occasioned it.
    pub occasion: Occasion,
    /// What limits it.
    pub limiters: Limiters,
    /// When that ends.
    pub releases: Releases,
    /// The first sync that gets the next release, if the controller keeps its rhythm.
    pub next_release: Option<Moment>,
    /// The same sync with one rule less.
    pub counterfactuals: Option<Counterfactuals>,
    /// For each metric, the usage that would move it.
    pub thresholds: Vec<Option<Thresholds>>,
    /// How far the memory reaches.
    pub history: History,
    /// The end of the sample that the metrics are from, where one was taken.
    pub sampled_at: Option<Moment>,
    /// When the controller was last seen to write a status.
    pub last_sync: Option<Moment>,
    /// What was wrong with what the metric APIs answered when they were asked last.
    pub complaints: Arc<[String]>,
    /// What happened so far.
    pub tally: Tally,
}

/// What a decision was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The controller wrote a status.
    Write,
    /// The controller must have synced by now, and had nothing to write.
    Rhythm,
    /// Something changed, or nothing was known yet: what the next sync would come to.
    Preview,
}

/// How far what is remembered can be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Every recommendation that still counts was seen.
    pub recommendations: bool,
    /// Every scale event that still counts was seen.
    pub scale_events: bool,
    /// Between these the replicas lie, whatever is not remembered.
    pub bounds: Option<(i32, i32)>,
}

/// Counts, since the exporter started or the autoscaler was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Writes by verdict, in the order of [`Verdict::ALL`].
    pub checks: [u64; Verdict::ALL.len()],
    /// Whether the last status that could be compared is what we would have written.
    pub agreement: Option<bool>,
    /// Samples that were asked for, by metric, in the order of [`Sampled::ALL`].
    pub samples: Vec<[u64; Sampled::ALL.len()]>,
    /// What differed the last time that something did.
    pub differences: Vec<Difference>,
    /// Metrics without a number, by reason.
    pub metric_errors: BTreeMap<(usize, String), u64>,
    /// What the controller scaled.
    pub scaled: BTreeMap<(Direction, String), u64>,
    /// By how many replicas: up, down.
    pub replicas: [u64; 2],
    /// Changes of the replicas that were not the controller's.
    pub external: u64,
}

impl Tally {
    /// Counts a sync: what had no number, and who changed the scale.
    pub(super) fn count(&mut self, decision: &Decision, write: &Write) {
        for (index, proposal) in decision.proposals.iter().enumerate() {
            if let Err(failure) = proposal {
                let key = (index, failure.reason.to_string());
                *self.metric_errors.entry(key).or_default() += 1;
            }
        }
        let (from, to) = (write.after.current_replicas, write.after.desired_replicas);
        if write.after.last_scale_time != write.before.last_scale_time && from != to {
            let direction = if to > from {
                Direction::Up
            } else {
                Direction::Down
            };
            let reason = decision.limiters().primary.as_str().to_owned();
            *self.scaled.entry((direction, reason)).or_default() += 1;
            self.replicas[usize::from(direction == Direction::Down)] +=
                u64::from(to.abs_diff(from));
        }
        let told = write.before.desired_replicas;
        let never = *write.before == Status::default();
        if !never && from != told && from != write.before.current_replicas {
            self.external += 1;
        }
    }

    /// Counts samples: for each metric that was asked for, what came of it.
    pub(super) fn count_samples(&mut self, fits: &[Option<Sampled>]) {
        let samples = &mut self.samples;
        samples.resize(samples.len().max(fits.len()), [0; Sampled::ALL.len()]);
        for (counts, fits) in samples.iter_mut().zip(fits) {
            for (count, result) in counts.iter_mut().zip(Sampled::ALL) {
                *count += u64::from(*fits == Some(result));
            }
        }
    }
}

/// What came of asking for a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// The number that the controller wrote.
    Match,
    /// Another one.
    Differs,
    /// None.
    Failed,
}

impl Sampled {
    /// All, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Match, Self::Differs, Self::Failed];

    /// As a label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Differs => "differs",
            Self::Failed => "failed",
        }
    }
}

/// Up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// More.
    Up,
    /// Fewer.
    Down,
}

impl Direction {
    /// As a label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl Finding {
    /// By how much the wish was cut, at which stage: by the windows, by the rate, by the maximum.
    pub fn unmet(&self) -> Unmet {
        let Some(wish) = self.decision.wish else {
            return Unmet::default();
        };
        let wish = wish.max(0);
        let stabilized = self
            .decision
            .stabilization
            .map_or(wish, |stabilization| stabilization.replicas);
        let rated = self.rated();
        let maximum = rated.min(self.decision.maximum);
        Unmet {
            stabilization: (wish - stabilized).max(0),
            rate: (stabilized.min(wish) - rated).max(0),
            maximum: (rated.min(wish) - maximum).max(0),
            excess: (stabilized - wish).max(0),
        }
    }

    /// Lets go of what no page shows: the status that would have been written, and its events.
    pub(super) fn slim(&mut self) {
        self.decision.status = Status::default();
        self.decision.events = Vec::new();
        for proposal in self.decision.proposals.iter_mut().flatten() {
            proposal.status = MetricStatus::default();
        }
    }

    /// What is left after the rate, before minimum and maximum.
    pub fn rated(&self) -> i32 {
        let Some(bounds) = &self.decision.bounds else {
            return self.decision.desired;
        };
        match &bounds.rate {
            Some(rate) if rate.direction == hpa_engine::Direction::Up => {
                bounds.wish.min(rate.limit)
            }
            Some(rate) => bounds.wish.max(rate.limit),
            None => bounds.wish,
        }
    }
}

/// What became of a wish on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unmet {
    /// Cut by a window upwards.
    pub stabilization: i32,
    /// Cut by the rate.
    pub rate: i32,
    /// Cut by the maximum.
    pub maximum: i32,
    /// Kept on top of it by a window downwards.
    pub excess: i32,
}
