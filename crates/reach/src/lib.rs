//! ```text
//! reach-agent                                     netpol-exporter
//!     | -- POST /api/v1/reach, a Report ----------------> |   what came of the dials since the last one
//!     | <------------------------ an Answer, perhaps a Plan |   what to dial, when it is another plan than the agent's
//! ```
//!
//! What an agent and the exporter say to each other, in JSON. One exchange does both ways: an agent without news sends an
//! empty report, which is also how the exporter knows that it lives.
//!
//! Neither side trusts the other: what is too large, unknown or meaningless is left out and counted ([`Dial::check`],
//! [`Report::check`]). No time of day is sent, only ages: the clocks of two machines need not agree. Fields and words that one
//! side does not know yet are passed over, so either may be the older one.
//!
//! Pure: no I/O, no clock.

mod dial;
mod outcome;
mod peer;
mod plan;
mod report;

pub use dial::{Dial, DialFault, DialId, Kind, PodName, Protocol, Workload};
pub use outcome::{Evidence, Outcome};
pub use peer::{Peer, is_elsewhere};
pub use plan::{Answer, Plan, PlanFault, Revision};
pub use report::{Agent, Report, ReportFault, Sighting};

/// Where reports are sent.
pub const PATH: &str = "/api/v1/reach";

/// A report may be this long, in bytes.
pub const LARGEST_REPORT: usize = 256 * 1024;
/// An answer may be this long, in bytes.
pub const LARGEST_ANSWER: usize = 1024 * 1024;
/// A report may hold so many sightings: an agent with more sends several.
pub const MOST_SIGHTINGS: usize = 1_000;
/// A report may hold so many peers: an agent with more sends several.
pub const MOST_PEERS: usize = 100;
/// A plan may hold so many dials.
pub const MOST_DIALS: usize = 2_000;
/// The longest name of an object in Kubernetes, in bytes (RFC 1123's longest host name).
pub const LONGEST_NAME: usize = 253;

/// Whether this can be the name of an object, as far as size and characters go: it may then be logged and shown.
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !text.is_empty() && text.len() <= LONGEST_NAME && text.bytes().all(plain)
}
