//! The controller itself: which process of it leads, and the flags of its pod.

use hpa_engine::Moment;
use kube_watch::ObjectKey;

/// The Lease by which controller managers agree on which of them works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Its name.
    pub key: ObjectKey,
    /// `spec.holderIdentity`: a process, and after a restart another.
    pub holder: String,
    /// `spec.leaseTransitions`.
    pub transitions: i64,
    /// `spec.acquireTime`.
    pub since: Option<Moment>,
}

/// A pod of the controller manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// Its name.
    pub key: ObjectKey,
    /// The controller's command and arguments.
    pub arguments: Vec<String>,
    /// The tag of its image, which is its version where it is upstream's.
    pub tag: String,
}
