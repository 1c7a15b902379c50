//! Objects as somebody wrote them: any field may be missing, null, empty or absurd. The names are those of the API, so
//! that serde reads them from JSON or YAML.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod cluster;

pub use cluster::{
    WrittenClusterPeer, WrittenClusterPolicy, WrittenClusterPort, WrittenClusterProtocol,
    WrittenClusterRule, WrittenClusterSpec, WrittenDestinationPort, WrittenNamespacedPods,
    WrittenPortRange, WrittenPorts, WrittenSubject, WrittenTransport,
};

/// A `networking.k8s.io/v1` `NetworkPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenPolicy {
    /// `metadata`
    pub metadata: WrittenMetadata,
    /// `spec`
    pub spec: Option<WrittenSpec>,
}

/// The part of `metadata` that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenMetadata {
    /// `name`
    pub name: Option<String>,
    /// `namespace`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// `NetworkPolicySpec`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenSpec {
    /// `podSelector`
    pub pod_selector: Option<WrittenSelector>,
    /// `policyTypes`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_types: Option<Vec<String>>,
    /// `ingress`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Vec<WrittenRule>>,
    /// `egress`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress: Option<Vec<WrittenRule>>,
}

/// `LabelSelector`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenSelector {
    /// `matchLabels`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_labels: Option<BTreeMap<String, Option<String>>>,
    /// `matchExpressions`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_expressions: Option<Vec<WrittenExpression>>,
}

/// `LabelSelectorRequirement`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenExpression {
    /// `key`
    pub key: String,
    /// `operator`
    pub operator: String,
    /// `values`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// `NetworkPolicyIngressRule` or `NetworkPolicyEgressRule`. One with the other's list has no peers, which the API
/// server says nothing about: unknown fields are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenRule {
    /// `from`, of ingress
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<WrittenPeer>>,
    /// `to`, of egress
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<WrittenPeer>>,
    /// `ports`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<WrittenPort>>,
}

/// `NetworkPolicyPeer`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenPeer {
    /// `podSelector`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<WrittenSelector>,
    /// `namespaceSelector`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<WrittenSelector>,
    /// `ipBlock`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_block: Option<WrittenBlock>,
}

/// `IPBlock`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenBlock {
    /// `cidr`
    pub cidr: Option<String>,
    /// `except`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub except: Option<Vec<String>>,
}

/// `NetworkPolicyPort`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenPort {
    /// `protocol`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// `port`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<NumberOrName>,
    /// `endPort`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_port: Option<i64>,
}

/// `IntOrString`: an integer is a number and a string a name, also if it is made of digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NumberOrName {
    /// A port's number.
    Number(i64),
    /// A port's name.
    Name(String),
}
