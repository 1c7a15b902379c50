//! The process as others see it: a program of the smallest kind, started for real, asked over sockets, stopped with signals.

#![expect(
    clippy::unwrap_used,
    reason = "clippy lets tests unwrap, and these functions are part of tests"
)]

mod certificates;
mod client;
mod clients_slow;
mod config_file;
mod credentials;
mod pages;
mod program;
mod receive;
mod start;
mod stop;
mod tls;
