//! ```text
//! quantity ─┐                                  memory
//! spec ─────┼─> proposal ─┐                      │
//! pod ──────┤   (each     ├─> decide ─> stabilize ─> bounds ─> decision ─> status, events
//! sample ───┘    metric)  │
//! profile, settings ──────┘
//!
//! decision ─┬─> limiter, counterfactual, threshold   (what limits it, and by how much)
//!           ├─> release                              (when that ends)
//!           └─> shadow, replay                       (and with another spec, or another version)
//!
//! status ───> echo ───> sample                       (the way back: what must have been measured)
//! ```
//!
//! The decision of Kubernetes' `HorizontalPodAutoscaler`, with every value that leads to it.
//!
//! Pure: no I/O, no clock, no Kubernetes types. A [`Moment`] is handed in by the caller. What the controller does is mirrored
//! from `pkg/controller/podautoscaler` of `k8s.io/kubernetes` v1.36.3, bit by bit and overflow by overflow, with a [`Profile`]
//! for what other versions do otherwise; each item names the function that it follows. That it is so is shown by
//! `tests/oracle/hpa`, which lets the controller's own code play the same scenarios.

mod bounds;
mod counterfactual;
mod decide;
mod decision;
mod echo;
mod group;
mod limiter;
mod memory;
mod moment;
mod pod;
mod profile;
mod proposal;
mod quantity;
mod release;
mod replay;
mod requests;
mod resource;
mod rivals;
mod sample;
mod scale;
mod selector;
mod settings;
mod shadow;
mod shared;
mod spec;
mod stabilize;
mod status;
mod table;
mod threshold;
mod tolerance;
mod written;

pub use bounds::{Bound, Bounds, Direction, PolicyLimit, Rate};
pub use counterfactual::{Counterfactuals, Outcome};
pub use decide::{Controller, Sync};
pub use decision::{Decision, Path, Rescale};
pub use echo::{Assumption, Echo};
pub use group::PodCounts;
pub use limiter::{Limiter, Limiters};
pub use memory::{Memory, Recommendation, ScaleEvent};
pub use moment::Moment;
pub use pod::{Container, InitContainer, Labels, Phase, Pod, Readiness, Truth};
pub use profile::{Architecture, FromZero, Gates, Minor, Profile, ToleranceForm, UnknownMinor};
pub use proposal::{Calculation, Held, Measure, MetricFailure, Proposal};
pub use quantity::{Format, Quantity, QuantityProblem};
pub use release::{Release, Releases};
pub use replay::{Before, Change, Recorded};
pub use resource::{ResourceName, Resources};
pub use rivals::Rivals;
pub use sample::{Answer, ContainerUsage, PodUsage, PodValue, Samples};
pub use scale::{Put, Scale, ScaleFailure};
pub use selector::{Selector, SelectorProblem};
pub use settings::Settings;
pub use shadow::Shadow;
pub use shared::Shared;
pub use spec::{
    Autoscaler, Behavior, LabelExpression, LabelSelector, MetricIdentifier, MetricSource,
    MetricSpec, ObjectReference, Policy, PolicyKind, PolicySelect, ScalingRules, Spec, Target,
    TargetKind,
};
pub use stabilize::Stabilization;
pub use status::{Condition, ConditionKind, Current, Event, MetricStatus, Status, Text};
pub use table::Table;
pub use threshold::Thresholds;
pub use tolerance::Tolerance;
pub use written::{SpecProblem, WrittenRules};
