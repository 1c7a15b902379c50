//! The built binary from outside: its HTTP answers, its command line, its files.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

mod ask;
mod blackbox;
mod exporter;
mod files;
mod flags;
mod lint;
mod replay;
