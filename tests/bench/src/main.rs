//! Figures beside a peer's in the same run.
//!
//! `command -> (grpc_health, hpa, reach_agent) -> (process, targets, page, load) -> figures`
//! `command -> netpol -> figures`
//!
//! Prints `figure NAME VALUE UNIT` lines and writes nothing but temporary files.

mod command;
mod figures;
mod grpc_health;
mod hpa;
mod http;
mod load;
mod netpol;
mod page;
mod process;
mod reach_agent;
mod targets;

fn main() -> std::process::ExitCode {
    command::run(std::env::args_os())
}
