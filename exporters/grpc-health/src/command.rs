//! What the binary does besides exporting: answers on the command line, from files.

pub mod lint;
pub mod replay;
