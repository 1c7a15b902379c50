//! source -> scope -> (files | cluster) -> index + status
//!
//! Kubernetes objects in, from a cluster or from files, as apply, delete and reset events, trimmed.
//!
//! A [`Watcher`] is an opened [`Source`]. [`Watcher::watch`] gives one kind's events to an [`Index`],
//! and tells a [`WatchStatus`] how far the index can be believed. Each object is trimmed by the
//! caller's function the moment it is decoded; the full object is never kept.
//!
//! Whatever goes wrong on the way is a [`Problem`], never a panic and never an end: a watch goes on
//! for as long as the process does, and what it held before it keeps, marked stale.

mod files;
mod index;
mod problem;
mod reader;
mod review;
mod scope;
mod sink;
mod source;
mod status;
mod watcher;

#[cfg(feature = "cluster")]
mod cluster;

pub use crate::files::{Manifest, manifests};
pub use crate::index::{Index, ObjectKey};
pub use crate::problem::{Place, Problem, Reason};
pub use crate::reader::{ReadError, Reader};
pub use crate::review::{ReviewError, Reviewed, Reviewer};
pub use crate::scope::{Scope, ScopeError};
pub use crate::source::{Source, SourceError};
pub use crate::status::{Changes, State, WatchStatus, Watched};
pub use crate::watcher::{Watcher, Watching};
