//! Which calls that the application needs do the `NetworkPolicies` forbid, does the network agree, and which policy is to blame?
//!
//! ```text
//! watch -> model -> observe -> decide -> metrics
//! ```
//! Objects in, a state for each required flow out. `watch` trims objects into `model`, which keeps the engine's matrix up to
//! date by events; `observe` says which connections agents are to try, and keeps what they saw; `decide` sets what is required,
//! what the policies say and what the network does side by side; `metrics` shows the latest findings.

pub mod config;
pub mod flows;

pub mod watch;

pub mod model;

pub mod observe;

pub mod decide;

pub mod metrics;

pub mod command;
pub mod grid;
mod landing;
mod pages;
pub mod receive;
mod run;

pub use run::run;
