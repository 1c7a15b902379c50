//! Objects in, page out: manifests as one applies them, required flows, a fixed clock, and the page that comes of it.
//!
//! A case's golden page lies in `tests/fixtures`; `REWRITE_PAGES=1 cargo test -p netpol-exporter --test page` writes them anew; the
//! difference is then for a person to judge.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

mod refused;
mod shop;
mod story;
mod table;
