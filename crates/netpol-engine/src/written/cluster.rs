//! Cluster-wide policies as written: `AdminNetworkPolicy` and `BaselineAdminNetworkPolicy` v1alpha1 and
//! `ClusterNetworkPolicy` v1alpha2 of `policy.networking.k8s.io`, in one shape: they share most names, and which field
//! belongs to which kind is for the check to say.

use serde::{Deserialize, Serialize};

use super::{WrittenMetadata, WrittenSelector};

/// One of the three kinds; `kind` says which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenClusterPolicy {
    /// `kind`
    pub kind: String,
    /// `metadata`
    pub metadata: WrittenMetadata,
    /// `spec`
    pub spec: Option<WrittenClusterSpec>,
}

/// The specification of any of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenClusterSpec {
    /// `tier`: `Admin` or `Baseline`; of `ClusterNetworkPolicy` alone
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// `priority`: not of the baseline policy
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// `subject`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<WrittenSubject>,
    /// `ingress`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Vec<WrittenClusterRule>>,
    /// `egress`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress: Option<Vec<WrittenClusterRule>>,
}

/// `subject`: namespaces or pods, exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenSubject {
    /// `namespaces`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<WrittenSelector>,
    /// `pods`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<WrittenNamespacedPods>,
}

/// Pods of namespaces: both selectors have to select.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenNamespacedPods {
    /// `namespaceSelector`
    pub namespace_selector: Option<WrittenSelector>,
    /// `podSelector`
    pub pod_selector: Option<WrittenSelector>,
}

/// A rule of either direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenClusterRule {
    /// `name`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `action`
    pub action: String,
    /// `from`, of ingress
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<WrittenClusterPeer>>,
    /// `to`, of egress
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<WrittenClusterPeer>>,
    /// `ports`, of v1alpha1
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<WrittenClusterPort>>,
    /// `protocols`, of v1alpha2
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocols: Option<Vec<WrittenClusterProtocol>>,
}

/// A peer: exactly one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenClusterPeer {
    /// `namespaces`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<WrittenSelector>,
    /// `pods`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<WrittenNamespacedPods>,
    /// `nodes`, of egress
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<WrittenSelector>,
    /// `networks`, of egress
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<String>>,
    /// `domainNames`, of egress
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_names: Option<Vec<String>>,
}

/// `AdminNetworkPolicyPort`: exactly one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenClusterPort {
    /// `portNumber`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_number: Option<WrittenPorts>,
    /// `namedPort`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_port: Option<String>,
    /// `portRange`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_range: Option<WrittenPortRange>,
}

/// One port of one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenPorts {
    /// `protocol`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// `port`
    pub port: i64,
}

/// Ports from `start` to `end`, both included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenPortRange {
    /// `protocol`, of v1alpha1
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// `start`
    pub start: i64,
    /// `end`
    pub end: i64,
}

/// `ClusterNetworkPolicyProtocol`: exactly one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenClusterProtocol {
    /// `tcp`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<WrittenTransport>,
    /// `udp`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<WrittenTransport>,
    /// `sctp`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sctp: Option<WrittenTransport>,
    /// `destinationNamedPort`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_named_port: Option<String>,
}

/// The ports of one protocol; all of them without `destinationPort`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenTransport {
    /// `destinationPort`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<WrittenDestinationPort>,
}

/// A number or a range: exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenDestinationPort {
    /// `number`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// `range`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<WrittenPortRange>,
}
