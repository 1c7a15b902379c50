//! Each page through Prometheus' own parser.
//!
//! [`serve`] puts a page on loopback, [`prometheus`] has a real Prometheus scrape it and asks what arrived, [`promtool`] has
//! the page linted. All of it is for tests: what goes wrong here is a finding, and panics.

pub mod prometheus;
pub mod promtool;
pub mod serve;
