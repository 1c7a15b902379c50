//! What the binary does besides exporting: answers on the command line.

pub mod explain;
pub mod simulate;
pub mod upgrade;
mod written;
