//! The house rules, each kept by a test.
//!
//! A rule that only people keep is broken by the next change in a hurry. `ARCHITECTURE.md` states the invariants; each has its test here,
//! and each test was seen failing on something that breaks its rule.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod dashboards;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod flags;
#[cfg(test)]
mod image;
#[cfg(test)]
mod lints;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod newcomers;
#[cfg(test)]
mod platform;
#[cfg(test)]
mod promql;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod rust_text;
#[cfg(test)]
mod supply;
#[cfg(test)]
mod walls;
#[cfg(test)]
mod workspace;
