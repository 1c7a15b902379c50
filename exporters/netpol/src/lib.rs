//! Which calls that the application needs do the `NetworkPolicies` forbid, does the network agree, and which policy is to blame?
//!
//! ```text
//! watch -> model -> decide -> metrics
//! ```
//! Objects in, a state for each required flow out. `watch` trims objects into `model`, which keeps the engine's matrix up to
//! date by events; `decide` sets what is required beside what the policies say; `metrics` shows the latest findings.

pub mod config;
pub mod flows;

pub mod watch;

pub mod model;

pub mod decide;

pub mod metrics;

mod landing;
mod run;

pub use run::run;
