//! A pod, as far as an autoscaler asks.

use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::resource::Resources;
use crate::table::Table;

/// Labels by key.
pub type Labels = Table<Box<str>, Box<str>>;

/// `v1.Pod`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pod {
    /// `metadata.name`.
    pub name: Box<str>,
    /// `metadata.labels`.
    #[serde(default)]
    pub labels: Labels,
    /// `metadata.deletionTimestamp` is set.
    #[serde(default)]
    pub deleting: bool,
    /// `status.phase`.
    pub phase: Phase,
    /// `status.startTime`.
    #[serde(default)]
    pub start_time: Option<Moment>,
    /// The first condition of type `Ready`.
    #[serde(default)]
    pub ready: Option<Readiness>,
    /// `spec.containers`.
    pub containers: Box<[Container]>,
    /// `spec.initContainers`.
    #[serde(default)]
    pub init_containers: Box<[InitContainer]>,
    /// `spec.resources.requests`: the pod's own.
    #[serde(default)]
    pub requests: Resources,
    /// `spec.overhead`.
    #[serde(default)]
    pub overhead: Resources,
}

/// `v1.PodPhase`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// `Pending`.
    Pending,
    /// `Running`.
    Running,
    /// `Succeeded`.
    Succeeded,
    /// `Failed`.
    Failed,
    /// Anything else.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A pod's condition `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Readiness {
    /// `status`.
    pub status: Truth,
    /// `lastTransitionTime`.
    pub since: Moment,
}

/// `v1.ConditionStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Truth {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`, and anything else.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A container and what it requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// `name`.
    pub name: Box<str>,
    /// `resources.requests`.
    #[serde(default)]
    pub requests: Resources,
}

/// An init container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InitContainer {
    /// Its name and requests.
    pub container: Container,
    /// `restartPolicy` is `Always`: it runs beside the others.
    #[serde(default)]
    pub restartable: bool,
}

impl Pod {
    /// The containers that run together: the regular ones, then the restartable init containers.
    pub(crate) fn running_containers(&self) -> impl Iterator<Item = &Container> {
        let beside = self.init_containers.iter().filter(|it| it.restartable);
        self.containers.iter().chain(beside.map(|it| &it.container))
    }

    /// Phase Running and condition Ready true (`getReadyPodsCount`). A pod that is going counts.
    pub(crate) fn is_running_and_ready(&self) -> bool {
        let ready = self.ready.is_some_and(|ready| ready.status == Truth::True);
        self.phase == Phase::Running && ready
    }
}
