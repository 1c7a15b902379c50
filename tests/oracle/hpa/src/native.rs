//! Native API JSON to the engine's types, and back. An exporter does this from k8s-openapi's types; here
//! it is from JSON, so that reading quantities and times is part of what is compared.

pub mod read;
pub mod time;
pub mod write;
