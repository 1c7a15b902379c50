//! The binary, running.

#![expect(
    clippy::unwrap_used,
    reason = "a binary that does not start is a failed test"
)]

mod answers;
mod candidate;
mod cluster;
mod exporter;
mod files;
mod mismatch;
mod other_kinds;
mod query;
mod recording;
