//! Which of the calls that this pod has to make does the network really let through?
//!
//! ```text
//! ask -> dial -> report
//! learn ---------^
//! ```
//! `ask` fetches the plan from netpol-exporter and takes reports there; `dial` makes the plan's connections, always new
//! ones, from the pod's own network; `report` keeps what came of them until it is told, and shows the latest on the page.
//! `learn` looks whom the application itself dials, for an exporter that has no plan yet.
//!
//! No Kubernetes: the exporter knows who has to reach whom, and this program only what it is told.

pub mod config;

pub mod ask;

pub mod dial;

pub mod report;

pub mod learn;

pub mod metrics;

mod run;

pub use run::run;
