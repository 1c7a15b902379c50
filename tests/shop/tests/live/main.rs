//! The shop on real sockets.

mod client;
mod command;
mod faults;
mod graph;
mod many;
mod pods;
mod redis;
