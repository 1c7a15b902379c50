//! What the binary does besides exporting: answers on the command line, from manifests, from a cluster, or from both.
//!
//! ```text
//! read ─> Scene ─┬─> check, matrix     (what is, as text and as what other programs read)
//!                ├─> explain, suggest  (one flow: why, and what would open it)
//!                └─> diff              (two sets of policies)
//! ```
//!
//! Exit codes: 0 if there is nothing to say, 1 if there is, 2 if something could not be read. What was read is answered in any case.

pub mod check;
pub mod diff;
pub mod explain;
pub mod matrix;
pub mod read;
pub mod suggest;

mod flow;
mod markup;
mod print;
