//! One autoscaler, followed from write to write as a controller writes them: what is made of each, and what is remembered.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

mod reported;
mod young;

use std::time::Duration;

use hpa_engine::Moment;
use hpa_exporter::config::{ControllerArgs, Seen};
use hpa_exporter::decide::Decider;
use hpa_exporter::decide::check::Verdict;
use hpa_exporter::model::Model;
use hpa_exporter::model::autoscaler::Observed;
use kube_watch::Index;

/// An exporter that has looked, and found no autoscaler.
fn nobody_yet() -> (Model, Decider) {
    let args = ControllerArgs {
        // Only what was written is followed.
        sync_period: Some(Duration::from_hours(1)),
        ..ControllerArgs::default()
    };
    let mut model = Model::default();
    Index::<Observed>::reset(&mut model, None, Vec::new());
    (model, Decider::new(args.known(Seen::default()).unwrap()))
}

/// How many writes of the one autoscaler were judged so by then.
fn verdicts(model: &mut Model, decider: &mut Decider, now: Moment, verdict: Verdict) -> u64 {
    let found = decider.decide(model, now);
    let place = Verdict::ALL.iter().position(|it| *it == verdict).unwrap();
    found.autoscalers[0].tally.checks[place]
}
