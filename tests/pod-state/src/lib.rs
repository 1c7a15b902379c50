//! watch -> model -> metrics
//!
//! A stand-in for kube-state-metrics in the lab, which cannot have the real one: the two series that the shop's alerts read, by the
//! rules of kube-state-metrics. For tests only; a real cluster runs the real one.

pub mod watch;

pub mod model;

pub mod metrics;

mod run;

pub use run::run;
