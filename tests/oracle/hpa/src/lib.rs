//! generate -> scenario -> (oracle, play) -> compare -> shrink
//!
//! Made-up autoscalers, played by the controller's own code and by our engine, and what differs. The Go program beside
//! this crate is the oracle; both sides read the same native JSON and write the same records.

pub mod command;
pub mod compare;
pub mod corpus;
pub mod generate;
pub mod native;
pub mod oracle;
pub mod play;
pub mod quantities;
pub mod recording;
pub mod scenario;
pub mod shrink;
pub mod timing;
