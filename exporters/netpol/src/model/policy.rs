//! Policies as they came in: checked, with the version that tells one state of them from the next.

use std::fmt;

use netpol_engine::{ObjectKey, Problem};

/// A policy, or everything for which the API server would refuse it.
#[derive(Clone, Debug)]
pub struct Checked<P> {
    /// As the engine calls it.
    pub key: ObjectKey,
    /// Which state of it.
    pub version: Version,
    /// What came of the check.
    pub policy: Result<P, Vec<Problem>>,
}

/// One state of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Which.
    pub revision: Revision,
    /// Who wrote it last, if the API server knows: a field manager such as `kubectl-client-side-apply`.
    pub manager: Option<String>,
}

/// What tells one state of an object from the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

/// A policy by which the API server would not stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub policy: ObjectKey,
    /// Which state of it.
    pub version: Version,
    /// Why, field by field.
    pub problems: Vec<Problem>,
}

// === impl Revision ===

impl Revision {
    /// `metadata.resourceVersion`.
    pub fn of_object(resource_version: String) -> Self {
        Self(resource_version)
    }

    /// For what has none: FNV-1a of its content, in 8 digits. It tells states of one object apart and proves nothing.
    pub fn of_content(content: &[u8]) -> Self {
        let mut hash = 0x811c_9dc5_u32;
        for byte in content {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
        Self(format!("content {hash:08x}"))
    }
}

impl Revision {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Version {
    /// `8123 by kubectl-client-side-apply`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.revision)?;
        match &self.manager {
            Some(manager) => write!(formatter, " by {manager}"),
            None => Ok(()),
        }
    }
}
