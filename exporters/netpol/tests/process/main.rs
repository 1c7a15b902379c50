//! The program itself: files that change under it, agents that report to it, and the pages it shows.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

mod agents;
mod exporter;
mod files;
mod learnt;
