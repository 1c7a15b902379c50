//! What the API server would refuse, said as it says it: the field first.

use std::fmt;

/// Something in an object that the API server would refuse, or that nobody can know the meaning of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct Problem {
    /// Where: `spec.ingress[0].from[1].ipBlock.cidr`.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// The API server's kinds of refusal (`k8s.io/apimachinery` `pkg/util/validation/field`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has to be there.
    #[error("Required value{}", detail(.0))]
    Required(String),
    /// It must not be there.
    #[error("Forbidden{}", detail(.0))]
    Forbidden(String),
    /// It has a value that it may not have.
    #[error("Invalid value: {value:?}{}", detail(.reason))]
    Invalid {
        /// As written.
        value: String,
        /// Why.
        reason: String,
    },
    /// It has none of the values that it may have.
    #[error("Unsupported value: {value:?}: supported values: {supported}")]
    NotSupported {
        /// As written.
        value: String,
        /// What it may be.
        supported: &'static str,
    },
    /// There are too many of them.
    #[error("Too many: {count}: must have at most {most} items")]
    TooMany {
        /// As written.
        count: usize,
        /// At most.
        most: usize,
    },
}

/// The way to a field.
#[derive(Clone)]
pub(crate) struct Path(String);

fn detail(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

// === impl Path ===

impl Path {
    pub(crate) fn root(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub(crate) fn child(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    pub(crate) fn required(&self, reason: &str) -> Problem {
        self.problem(Fault::Required(reason.to_owned()))
    }

    pub(crate) fn forbidden(&self, reason: &str) -> Problem {
        self.problem(Fault::Forbidden(reason.to_owned()))
    }

    pub(crate) fn invalid(&self, value: impl fmt::Display, reason: &str) -> Problem {
        self.problem(Fault::Invalid {
            value: value.to_string(),
            reason: reason.to_owned(),
        })
    }

    pub(crate) fn not_supported(&self, value: &str, supported: &'static str) -> Problem {
        self.problem(Fault::NotSupported {
            value: value.to_owned(),
            supported,
        })
    }

    pub(crate) fn problem(&self, fault: Fault) -> Problem {
        let field = self.0.clone();
        Problem { field, fault }
    }
}
