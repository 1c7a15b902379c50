//! The shop on real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a test may; clippy knows only functions marked as tests, not those they share"
)]

mod client;
mod command;
mod faults;
mod graph;
mod many;
mod pods;
mod redis;
