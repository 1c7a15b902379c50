//! One collector's part of a page.

use std::fmt;

use prometheus_client::registry::Registry;
use thiserror::Error;

use crate::body::Body;
use crate::lines::{self, Dialect};
use crate::names::{Claims, Filter, Kind};
use crate::negotiate::Format;
use crate::protobuf;

/// Why a collector is missing from a page.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    #[error("the encoder refused a metric")]
    Encode(#[from] fmt::Error),
    #[error("the name {0} is on the page already")]
    Duplicate(String),
    #[error("a line does not belong to its family {family}: {line}")]
    Stray { family: String, line: String },
    #[error("it panicked: {0}")]
    Panic(String),
}

/// Where a collector's families go: onto the body, under names that nobody else has.
pub(crate) struct Section<'p> {
    pub(crate) body: &'p mut Body,
    pub(crate) claims: &'p mut Claims,
    pub(crate) filter: Filter<'p>,
}

impl Section<'_> {
    /// Takes a family's names; whether the family was asked for.
    pub(crate) fn open(&mut self, family: &str, kind: Kind) -> Result<bool, Fault> {
        self.claims.claim(family, kind).map_err(Fault::Duplicate)?;
        Ok(self.filter.wants(family, kind))
    }

    /// Writes everything that the registry has.
    pub(crate) fn write(&mut self, registry: &Registry, format: Format) -> Result<(), Fault> {
        match format {
            Format::OpenMetrics => lines::write(registry, Dialect::OpenMetrics, self),
            Format::Text0 | Format::Text1 => lines::write(registry, Dialect::Text, self),
            Format::Protobuf => protobuf::write(registry, self),
        }
    }
}
