//! registry -> section -> body -> page
//!
//! The metrics page: what was asked for ([`negotiate`]), the collectors that answer ([`Page`]), the three formats
//! (OpenMetrics 1.0.0, text 0.0.4, delimited protobuf), gzip, and the metrics every process of the workspace has
//! (`process_*`, `<name>_build_info`, `exporter_*`).
//!
//! Three parts are for the metrics themselves: [`Histogram`], classic and native in one, [`Series`], with which a collector
//! writes a family, and [`BoundedSet`], through which label values from outside pass.

mod body;
mod bounded;
mod build_info;
mod coalesce;
mod gzip;
mod histogram;
mod lines;
mod names;
pub mod negotiate;
mod openmetrics;
mod page;
mod process;
mod protobuf;
mod section;
mod series;
mod text;

pub use bounded::{BoundedSet, OTHER};
pub use build_info::BuildInfo;
pub use histogram::{Histogram, Snapshot};
pub use page::{AddError, Page, Response, render};
pub use process::Process;
pub use series::{Kind, Label, Series};
