//! Online Boutique's twelve services on loopback, with faults to set at run time.
//!
//! role -> layout -> running -> listen -> (grpc | frontend | redis) -> boutique
//!
//! [`Shop::start`] starts all twelve inside the caller's process, [`Running::start`] one. Each works on a thread of its own, as if it were
//! a container: a fault that starves one leaves the others and the caller alone. Faults, figures and load are to be had over HTTP on
//! each role's admin address (`/faults`, `/stats`, `/load`; [`Remote`] is the client), or directly on [`Running`].

mod admin;
mod boutique;
mod command;
mod deaf;
mod fault;
mod frontend;
mod grpc;
mod layout;
mod listen;
mod load;
mod many;
pub mod pods;
mod redis;
mod remote;
pub mod role;
mod running;
mod service;
mod stats;

pub use boutique::HEALTH_CHECK;
pub use command::command;
pub use fault::{Burn, FaultError, Faults, Health, Queue, Reset};
pub use layout::{ADMIN_PORT, Layout, Place};
pub use load::{Load, LoadError};
pub use many::{Many, ManyError};
pub use remote::{Remote, RemoteError};
pub use role::Role;
pub use running::{Running, Settings, Shop, StartError};
pub use stats::{Outcomes, Stats};
