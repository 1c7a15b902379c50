//! The way back: over every sync of the controller's own corpus, samples made from the status that it wrote come to the numbers
//! in that status again, and, where no pod was filled in, to the same proposal.

use hpa_engine::{
    Assumption, Autoscaler, Measure, Memory, MetricSource, Minor, Path, Rivals, Sync,
};
use hpa_oracle::corpus;
use hpa_oracle::play::watch;

const CORPUS: &[u8] = include_bytes!("golden/controller-1.36.jsonl.gz");

#[derive(Debug, Default)]
struct Seen {
    /// Syncs whose status no usage of all the pods leads to: some had no metric.
    contradicted: usize,
    metrics: usize,
    same_number: usize,
    undampened: usize,
    same_proposal: usize,
}

/// Whether two metrics are of one resource.
fn asks_twice(autoscaler: &Autoscaler) -> bool {
    let metrics = autoscaler.spec.metrics.iter();
    let mut names: Vec<_> = metrics
        .filter_map(|spec| match &spec.source {
            MetricSource::Resource { name } | MetricSource::ContainerResource { name, .. } => {
                Some(name.as_str())
            }
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

#[test]
fn a_status_leads_back_to_its_own_numbers() {
    let minor = Minor::try_from(36).unwrap();
    let mut seen = Seen::default();
    for (scenario, outcome) in corpus::read(CORPUS).unwrap() {
        watch(&scenario, minor, Some(&outcome), |before, decision| {
            if decision.path != Path::Metrics {
                return;
            }
            let Ok(scale) = before.sync.scale else { return };
            let autoscaler = before.sync.autoscaler;
            let echo = before.controller.echo(
                autoscaler,
                &decision.status,
                scale,
                before.sync.pods,
                Assumption::default(),
                before.sync.now,
            );
            // Two metrics of one resource whose pods we do not know contradict each other without either being wrong.
            if !echo.contradictions.is_empty() || asks_twice(autoscaler) {
                seen.contradicted += 1;
                return;
            }
            let mut alone = Rivals::default();
            alone.register(&autoscaler.namespace, &autoscaler.name);
            let sync = Sync {
                samples: &echo.samples,
                ..before.sync
            };
            let again = before
                .controller
                .sync(&sync, &mut Memory::default(), &mut alone);
            let pairs = decision.proposals.iter().zip(&again.proposals).enumerate();
            for (index, (theirs, ours)) in pairs {
                let (Ok(theirs), Ok(ours)) = (theirs, ours) else {
                    continue;
                };
                if echo.untold.contains(&index) {
                    continue;
                }
                seen.metrics += 1;
                seen.same_number += usize::from(theirs.status == ours.status);
                let (theirs_at, ours_at) = (&theirs.calculation, &ours.calculation);
                if theirs_at.measure == Measure::ReplicaAverage {
                    // Its total is known to a thousandth for each replica, as long as floats tell thousandths apart.
                    let apart = theirs_at.usage.abs_diff(ours_at.usage);
                    let exact = theirs_at.usage.unsigned_abs() < 1 << 50;
                    assert!(!exact || apart < theirs_at.counted.unsigned_abs().max(1));
                    continue;
                }
                let counts = |it: &hpa_engine::Proposal| it.calculation.pods;
                if theirs.calculation.dampened_ratio.is_none() && counts(theirs) == counts(ours) {
                    seen.undampened += 1;
                    seen.same_proposal += usize::from(theirs.replicas == ours.replicas);
                }
            }
        })
        .unwrap();
    }
    println!("{seen:#?}");
    assert!(seen.metrics > 1000 && seen.undampened > 500);
    // What is left are averages past the ends of an integer.
    assert!(seen.metrics - seen.same_number <= seen.metrics / 300);
    assert_eq!(seen.same_proposal, seen.undampened);
}
