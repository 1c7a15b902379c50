//! Nodes.

use k8s_openapi::api::core::v1 as core;

use crate::model::NamedNode;

/// Its labels, and the addresses that are addresses: a node's host names are none.
pub(super) fn node(node: core::Node) -> NamedNode {
    let addresses = node.status.unwrap_or_default().addresses;
    NamedNode {
        name: node.metadata.name.unwrap_or_default(),
        node: netpol_engine::Node {
            labels: node.metadata.labels.unwrap_or_default(),
            addresses: addresses
                .into_iter()
                .flatten()
                .filter_map(|it| it.address.parse().ok())
                .collect(),
        },
    }
}
