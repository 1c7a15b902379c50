//! Names of resources, and quantities by name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;
use crate::shared::Same;
use crate::table::Table;

/// `v1.ResourceName`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ResourceName {
    /// `cpu`, which alone has rules about a pod's first minutes.
    Cpu,
    /// `memory`.
    Memory,
    /// Any other.
    Other(Box<str>),
}

/// `v1.ResourceList`.
pub type Resources = Table<ResourceName, Quantity>;

impl ResourceName {
    /// As the API has it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Other(name) => name,
        }
    }

    /// `IsSupportedPodLevelResource` of `component-helpers/resource`.
    pub(crate) fn may_be_pod_level(&self) -> bool {
        match self {
            Self::Cpu | Self::Memory => true,
            Self::Other(name) => name.starts_with("hugepages-"),
        }
    }
}

impl Same for ResourceName {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

impl From<&str> for ResourceName {
    fn from(name: &str) -> Self {
        match name {
            "cpu" => Self::Cpu,
            "memory" => Self::Memory,
            other => Self::Other(other.into()),
        }
    }
}

impl From<String> for ResourceName {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<ResourceName> for String {
    fn from(name: ResourceName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
