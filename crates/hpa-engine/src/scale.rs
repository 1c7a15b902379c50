//! The target's scale, and what may go wrong with it.

use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// `autoscaling/v1` `Scale`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// `spec.replicas`: what the target is told to have.
    pub replicas: i32,
    /// `status.replicas`: what it reports.
    pub reported_replicas: i32,
    /// `status.selector`.
    pub selector: String,
}

/// Why there is no scale. The text is the API's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScaleFailure {
    /// The target's kind is not known to the API server (`RESTMappings`).
    Kind(String),
    /// It would not give the scale.
    Get(String),
}

/// What came of the PUT of the scale, if there was one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Put {
    /// It was done at that time.
    Done(Moment),
    /// It failed at that time, with that text.
    Failed(Moment, String),
    /// It is not even tried: the decision is made as if it were done, and nothing of it is remembered.
    Withheld,
}
