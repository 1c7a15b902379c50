//! The engine against the controller's own code: `tests/oracle/hpa` let the real `HorizontalController` of k8s.io/kubernetes
//! play made-up scenarios in fake time and wrote down each sync. Here the engine plays the same, and has to come to the same
//! wish, proposals, write, status, events and memory each time.
#![expect(clippy::unwrap_used, reason = "a broken golden file is a failed test")]

use hpa_engine::{Architecture, Decision, Minor, Path};
use hpa_oracle::compare::differences;
use hpa_oracle::corpus;
use hpa_oracle::play::{Build, watch};

const V36: &[u8] = include_bytes!("golden/controller-1.36.jsonl.gz");
/// The same version built for arm64.
const V36_ARM64: &[u8] = include_bytes!("golden/controller-1.36-arm64.jsonl.gz");
/// Other versions by their minor, played through their own controller's code.
const OTHERS: [(u32, &[u8]); 7] = [
    (30, include_bytes!("golden/controller-1.30.jsonl.gz")),
    (31, include_bytes!("golden/controller-1.31.jsonl.gz")),
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

fn version(minor: u32) -> Build {
    Minor::try_from(minor).unwrap().into()
}

fn compare(compressed: &[u8], build: Build) -> Seen {
    let mut seen = Seen::default();
    for (scenario, outcome) in corpus::read(compressed).unwrap() {
        let ours = watch(&scenario, build, Some(&outcome), |_, decision| {
            seen.look(decision);
        });
        let found = differences(&outcome.records, &ours.unwrap());
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{}: {}", scenario.name, told.join("\n"));
    }
    seen
}

/// Whether the engine comes to something else somewhere in a corpus.
fn differs(compressed: &[u8], build: Build) -> bool {
    let mut pairs = corpus::read(compressed).unwrap().into_iter();
    pairs.any(|(scenario, outcome)| {
        let ours = watch(&scenario, build, Some(&outcome), |_, _| {}).unwrap();
        !differences(&outcome.records, &ours).is_empty()
    })
}

#[test]
fn every_sync_is_the_controllers_of_1_36() {
    let seen = compare(V36, version(36));
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
        let seen = compare(compressed, version(minor));
        assert!(seen.syncs > 800, "1.{minor}: {}", seen.syncs);
    }
}

/// The corpora tell versions apart: a profile that is another's would be found out.
#[test]
fn another_versions_profile_is_found_out() {
    for (minor, other) in [
        (30, 33),
        (31, 33),
        (32, 33),
        (33, 34),
        (34, 35),
        (35, 36),
        (37, 36),
    ] {
        let (_, compressed) = *OTHERS.iter().find(|(it, _)| *it == minor).unwrap();
        assert!(
            differs(compressed, version(other)),
            "1.{minor} plays as 1.{other}"
        );
    }
}

#[test]
fn every_sync_is_the_controllers_on_arm64() {
    let arm64 = Build {
        architecture: Architecture::Arm64,
        ..version(36)
    };
    let seen = compare(V36_ARM64, arm64);
    assert!(seen.syncs > 800, "{}", seen.syncs);
}

/// Numbers out of range are among both corpora.
#[test]
fn another_processors_profile_is_found_out() {
    let arm64 = Build {
        architecture: Architecture::Arm64,
        ..version(36)
    };
    assert!(differs(V36_ARM64, version(36)));
    assert!(differs(V36, arm64));
}

#[test]
fn every_quantity_is_apimachinerys() {
    let (count, different) = hpa_oracle::quantities::check(QUANTITIES).unwrap();
    assert!(count >= 5000);
    assert_eq!(different, None);
}
