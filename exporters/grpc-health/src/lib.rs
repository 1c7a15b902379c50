//! How near is each pod's gRPC health probe to its own budget, in which phase is the time spent,
//! would the kubelet have killed it, and which budget would be safe?
//!
//! ```text
//! discover -> model -> probe -> decide -> metrics
//! ```
//! Pods in, verdicts out. `discover` trims pods into `model`; `probe` measures what the model lists and
//! writes the attempts back; `decide` asks the engine what they mean; `metrics` shows the latest findings.

pub mod config;

pub mod discover;

pub mod model;

pub mod probe;

pub mod decide;

pub mod metrics;

pub mod ask;
pub mod command;
mod landing;
mod plan;
mod reports;
mod run;

pub use run::run;
