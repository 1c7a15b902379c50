//! Objects in, page out: objects as `kubectl get -o yaml` prints them, a fixed clock, and the page that comes of it.
//!
//! A case is a folder of `tests/fixtures`: `objects.yaml` and the golden `page.prom`. `REWRITE_PAGES=1 cargo test -p hpa-exporter
//! --test page` writes the golden pages anew; the difference is then for a person to judge.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

mod pages;
mod story;
mod table;
