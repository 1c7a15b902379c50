//! Objects in, page out: pods as `kubectl get pods -o yaml` prints them, scripted attempts, a fixed clock, and the page that comes of it.
//!
//! A case is a folder of `tests/fixtures`: `pods.yaml` and the golden `page.prom`. `REWRITE_PAGES=1 cargo test -p grpc-health-exporter
//! --test page` writes the golden pages anew; the difference is then for a person to judge.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

mod changes;
mod outlook;
mod pages;
mod refused;
mod story;
mod table;
