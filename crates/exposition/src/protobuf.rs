//! Delimited protobuf: each family preceded by its length.

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;
use prost::Message;

use crate::model;
use crate::section::{Fault, Section};

/// Writes the families that were asked for.
pub(crate) fn write(families: &[MetricFamily], section: &mut Section<'_>) -> Result<(), Fault> {
    for family in families {
        let (name, kind) = model::name_and_kind(family);
        if section.open(name, kind)? {
            section.body.write(&family.encode_length_delimited_to_vec());
        }
    }
    Ok(())
}
