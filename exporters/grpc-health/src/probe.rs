//! The act of probing: a fresh connection per attempt, as the kubelet opens one, timed phase by phase.
//!
//! ```text
//! schedule -> attempt -> connect -> tls -> http2 -> rpc
//! ```
//!
//! An attempt is one future and nothing else: dropping it closes its socket.

pub mod attempt;
pub mod certificate;
pub mod command;
mod connect;
pub mod endpoint;
pub mod failure;
mod http2;
mod progress;
pub mod resolve;
mod rpc;
pub mod schedule;
pub mod tls;

pub use attempt::{Observation, attempt, observe};
pub use endpoint::{Endpoint, EndpointError, Limits};
pub use failure::Failure;
