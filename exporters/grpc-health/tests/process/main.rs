//! The built binary from outside: its HTTP answers, its command line, its files.

mod ask;
mod blackbox;
mod exporter;
mod files;
mod flags;
mod lint;
mod replay;
