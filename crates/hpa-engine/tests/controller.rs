//! The engine against the controller's own code: `tests/oracle/hpa` let the real `HorizontalController` of k8s.io/kubernetes
//! play made-up scenarios in fake time and wrote down each sync. Here the engine plays the same, and has to come to the same
//! wish, proposals, write, status, events and memory each time.
#![expect(clippy::unwrap_used, reason = "a broken golden file is a failed test")]

use hpa_engine::{Decision, Minor, Path};
use hpa_oracle::compare::differences;
use hpa_oracle::corpus;
use hpa_oracle::play::watch;

const V36: &[u8] = include_bytes!("golden/controller-1.36.jsonl.gz");
/// Other versions by their minor, played through their own controller's code. 1.30 and 1.31 decide as 1.32 does.
const OTHERS: [(u32, &[u8]); 5] = [
    (32, include_bytes!("golden/controller-1.32.jsonl.gz")),
    (33, include_bytes!("golden/controller-1.33.jsonl.gz")),
    (34, include_bytes!("golden/controller-1.34.jsonl.gz")),
    (35, include_bytes!("golden/controller-1.35.jsonl.gz")),
    (37, include_bytes!("golden/controller-1.37.jsonl.gz")),
];

/// Quantities, and what apimachinery makes of them.
const QUANTITIES: &[u8] = include_bytes!("golden/quantities.gz");

/// What came up in a corpus. One in which nothing happens would prove nothing.
#[derive(Debug, Default)]
struct Seen {
    syncs: usize,
    paths: std::collections::BTreeMap<String, usize>,
    held: std::collections::BTreeMap<String, usize>,
    bounds: std::collections::BTreeMap<String, usize>,
    dampened: usize,
    stabilized: usize,
    raised_past_current: usize,
}

impl Seen {
    fn look(&mut self, decision: &Decision) {
        self.syncs += 1;
        *self
            .paths
            .entry(format!("{:?}", decision.path))
            .or_default() += 1;
        for proposal in decision.proposals.iter().flatten() {
            if let Some(held) = proposal.calculation.held {
                *self.held.entry(format!("{held:?}")).or_default() += 1;
            }
            self.dampened += usize::from(proposal.calculation.is_dampened(proposal.replicas));
        }
        if let Some(bounds) = &decision.bounds {
            let name = format!("{:?}", bounds.bound);
            *self.bounds.entry(name).or_default() += 1;
        }
        if let Some(stabilization) = &decision.stabilization {
            self.stabilized += usize::from(stabilization.changed());
            let current = decision.current();
            self.raised_past_current += usize::from(
                decision.path == Path::Metrics
                    && stabilization.replicas > current
                    && stabilization.wish <= current,
            );
        }
    }
}

fn compare(compressed: &[u8], minor: u32) -> Seen {
    let minor = Minor::try_from(minor).unwrap();
    let mut seen = Seen::default();
    for (scenario, outcome) in corpus::read(compressed).unwrap() {
        let ours = watch(&scenario, minor, Some(&outcome), |_, decision| {
            seen.look(decision);
        });
        let found = differences(&outcome.records, &ours.unwrap());
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{}: {}", scenario.name, told.join("\n"));
    }
    seen
}

#[test]
fn every_sync_is_the_controllers_of_1_36() {
    let seen = compare(V36, 36);
    println!("{seen:#?}");
    assert!(seen.syncs > 5000);
    for path in [
        "NoScale",
        "Disabled",
        "AboveMaximum",
        "BelowMinimum",
        "NoSelector",
        "Ambiguous",
        "NoMetrics",
        "BlockedByMetric",
        "Metrics",
    ] {
        assert!(
            seen.paths.get(path).is_some_and(|count| *count > 5),
            "{path}"
        );
    }
    assert_eq!(seen.held.len(), 4);
    assert_eq!(seen.bounds.len(), 5);
    assert!(seen.dampened > 50 && seen.stabilized > 100 && seen.raised_past_current > 5);
}

#[test]
fn every_sync_is_the_controllers_of_other_versions() {
    for (minor, compressed) in OTHERS {
        let seen = compare(compressed, minor);
        assert!(seen.syncs > 800, "1.{minor}: {}", seen.syncs);
    }
}

/// The corpora tell versions apart: a profile that is another's would be found out.
#[test]
fn another_versions_profile_is_found_out() {
    for (minor, other) in [(32, 33), (33, 34), (34, 35), (35, 36), (37, 36)] {
        let (_, compressed) = *OTHERS.iter().find(|(it, _)| *it == minor).unwrap();
        let other = Minor::try_from(other).unwrap();
        let mut pairs = corpus::read(compressed).unwrap().into_iter();
        let differs = pairs.any(|(scenario, outcome)| {
            let ours = watch(&scenario, other, Some(&outcome), |_, _| {}).unwrap();
            !differences(&outcome.records, &ours).is_empty()
        });
        assert!(differs, "1.{minor} plays as {other:?}");
    }
}

#[test]
fn every_quantity_is_apimachinerys() {
    let (count, different) = hpa_oracle::quantities::check(QUANTITIES).unwrap();
    assert!(count >= 5000);
    assert_eq!(different, None);
}
