//! An autoscaler as it came in.

use std::sync::Arc;

use hpa_engine::{Autoscaler, Moment, Status};
use kube_watch::ObjectKey;

/// An autoscaler, its status, and when it was seen.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When.
    pub seen: Moment,
    /// `metadata.uid`: another one is another autoscaler of the same name.
    pub uid: Arc<str>,
    /// The autoscaler.
    pub autoscaler: Arc<Autoscaler>,
    /// Its status.
    pub status: Arc<Status>,
}

impl Observed {
    /// Its name.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(&*self.autoscaler.namespace, &*self.autoscaler.name)
    }
}
