//! The controller itself: which process of it leads, and the flags of its pod.

use hpa_engine::Moment;
use kube_watch::{Index, ObjectKey};

use super::Model;

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

impl Index<Leader> for Model {
    fn apply(&mut self, leader: Leader) {
        let known = self.leader.replace(leader.clone());
        // Nobody holds it for a moment when a process gives it up before it ends.
        let other = known.is_some_and(|known| {
            known.holder != leader.holder || known.transitions != leader.transitions
        });
        self.restarts += u64::from(other && !leader.holder.is_empty());
    }

    fn delete(&mut self, _: &ObjectKey) {
        self.leader = None;
    }

    fn reset(&mut self, _: Option<&str>, objects: Vec<Leader>) {
        for leader in objects {
            self.apply(leader);
        }
    }
}

impl Index<Manager> for Model {
    fn apply(&mut self, manager: Manager) {
        self.manager = Some(manager);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.manager = self.manager.take().filter(|manager| manager.key != *key);
    }

    fn reset(&mut self, _: Option<&str>, objects: Vec<Manager>) {
        self.manager = objects.into_iter().next();
    }
}
