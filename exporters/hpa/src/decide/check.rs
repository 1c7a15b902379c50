//! Our answer beside the controller's: whether they are the same, and if not, whether that says anything.

use hpa_engine::{Condition, ConditionKind, Status, Truth};
use serde::{Deserialize, Serialize};

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The same replicas, conditions, reasons and metrics.
    Match,
    /// Something else, and nothing that could not be known explains it.
    Mismatch,
    /// Something else, but the controller may have seen other pods or another sample, or the clock may have been just across
    /// the edge of a window.
    Skewed,
    /// Not all is remembered that the controller remembers.
    Warming,
    /// The status does not tell what a comparison would take.
    Unsupported,
}

/// A field in which two statuses differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// The controller's.
    pub theirs: String,
    /// Ours.
    pub ours: String,
}

impl Verdict {
    /// All, in the order of the page.
    pub const ALL: [Self; 5] = [
        Self::Match,
        Self::Mismatch,
        Self::Skewed,
        Self::Warming,
        Self::Unsupported,
    ];

    /// As a label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Mismatch => "mismatch",
            Self::Skewed => "skewed",
            Self::Warming => "warming",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What differs. Messages and times do not count: they hold texts of errors, and the moment of the write.
pub fn differences(theirs: &Status, ours: &Status) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: String, theirs: String, ours: String| {
        if theirs != ours {
            found.push(Difference {
                field,
                theirs,
                ours,
            });
        }
    };
    for (field, theirs, ours) in [
        (
            "currentReplicas",
            theirs.current_replicas,
            ours.current_replicas,
        ),
        (
            "desiredReplicas",
            theirs.desired_replicas,
            ours.desired_replicas,
        ),
    ] {
        compare(field.to_owned(), theirs.to_string(), ours.to_string());
    }
    for kind in [
        ConditionKind::AbleToScale,
        ConditionKind::ScalingActive,
        ConditionKind::ScalingLimited,
        ConditionKind::ScaledToZero,
    ] {
        compare(
            format!("conditions[{kind:?}]"),
            told(theirs.condition(kind)),
            told(ours.condition(kind)),
        );
    }
    let (many, mine) = (&theirs.current_metrics, &ours.current_metrics);
    compare(
        "currentMetrics".to_owned(),
        format!("{} entries", many.len()),
        format!("{} entries", mine.len()),
    );
    for (index, (theirs, ours)) in many.iter().zip(mine).enumerate() {
        if theirs.current != ours.current {
            compare(
                format!("currentMetrics[{index}]"),
                format!("{:?}", theirs.current),
                format!("{:?}", ours.current),
            );
        }
    }
    found
}

/// Whether two statuses are the same, as far as [`differences`] looks, but for less work.
pub fn same(theirs: &Status, ours: &Status) -> bool {
    let conditions = |status: &Status| -> Vec<(ConditionKind, Truth, String)> {
        let conditions = status.conditions.iter();
        conditions
            .map(|it| (it.kind, it.status, it.reason.to_string()))
            .collect()
    };
    let metrics = |status: &Status| status.current_metrics.len();
    theirs.current_replicas == ours.current_replicas
        && theirs.desired_replicas == ours.desired_replicas
        && conditions(theirs) == conditions(ours)
        && metrics(theirs) == metrics(ours)
        && theirs
            .current_metrics
            .iter()
            .zip(&ours.current_metrics)
            .all(|(theirs, ours)| theirs.current == ours.current)
}

fn told(condition: Option<&Condition>) -> String {
    condition.map_or_else(
        || "-".to_owned(),
        |it| format!("{:?} {}", it.status, it.reason),
    )
}
