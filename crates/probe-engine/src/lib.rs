//! ```text
//! spec ─┐
//!       ├─> verdict ─> worker ─> lane ─┬─> tracker     (online: what would the kubelet have done so far?)
//! attempt ─> sample ─> window          └─> replay ─> recommend   (offline: and with other settings?)
//!
//! spec ─┬─> lint    (what is wrong before anything runs)
//! command ┘
//! ```
//!
//! The kubelet's probe state machine, replay of recorded measurements under any settings, the recommended
//! timeout, and a lint of probe specifications.
//!
//! Pure: no I/O, no clock, no Kubernetes types. Points in time are a [`Duration`](std::time::Duration) since
//! the Unix epoch, handed in by the caller. What the kubelet does is mirrored from `k8s.io/kubernetes` v1.36.3;
//! each item names the file and function it follows.

mod attempt;
mod command;
mod detection;
mod lane;
mod lint;
mod recommend;
mod replay;
mod restart;
mod sample;
mod spec;
mod ticker;
mod tracker;
mod verdict;
mod window;
mod worker;

pub use attempt::{Attempt, Ending, Phase, PhaseDurations, Reason, ServingStatus};
pub use command::{CommandProblem, ProbeCommand};
pub use detection::Detection;
pub use lane::{Container, Probe};
pub use lint::{
    Finding, GrpcPort, Handler, Rule, Severity, WrittenContainer, WrittenPort, WrittenProbe, lint,
};
pub use recommend::{Note, Policy, Recommendation, Refusal, recommend};
pub use replay::{Replay, Spread, replay};
pub use restart::{RestartBackOff, termination_grace};
pub use sample::Sample;
pub use spec::{Field, ProbeFields, ProbeSpec, ProbeType, SpecProblem, UnknownProbeType};
pub use ticker::Ticker;
pub use tracker::{Bounds, Progress, Tracker};
pub use verdict::{Cause, Verdict};
pub use window::Window;
pub use worker::{ContainerState, ContainerView, PodView, ProbeResult, Skip, Step, Worker};
