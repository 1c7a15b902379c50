//! What did the autoscaler want, what cut the wish, when will it let go, and is this the controller's own answer?
//!
//! ```text
//! watch -> model -> decide -> metrics
//! ```
//! Objects in, decisions out. `watch` trims autoscalers, scale targets and pods into `model`; `sample` says what was measured;
//! `decide` follows each sync of the controller with the engine, remembers what the controller remembers, and sets its answer
//! against the controller's; `metrics` shows the latest findings.

pub mod config;

pub mod watch;

pub mod sample;

pub mod model;

pub mod decide;

pub mod metrics;

pub mod command;
mod landing;
mod record;
pub mod recording;
mod run;

pub use run::run;
