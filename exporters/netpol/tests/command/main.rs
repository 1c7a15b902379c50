//! The commands as somebody types them, on the shop and on what is wrong.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

mod bad_input;
mod check;
mod diff;
mod explain;
mod formats;
mod matrix;
mod readme;
mod shop;
mod suggest;
