//! A pod, as far as an autoscaler asks.

use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::resource::Resources;
use crate::shared::{Same, Shared};
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
    pub containers: Shared<Container>,
    /// `spec.initContainers`.
    #[serde(default)]
    pub init_containers: Shared<InitContainer>,
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
    /// What is the same in another pod is kept once from now on: pods of one template differ in little but their names.
    pub fn share(&mut self, other: &Self) {
        self.labels.share(&other.labels);
        self.containers.share(&other.containers);
        self.init_containers.share(&other.init_containers);
        self.requests.share(&other.requests);
        self.overhead.share(&other.overhead);
    }

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

impl Same for Container {
    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.requests.is_same(&other.requests)
    }
}

impl Same for InitContainer {
    fn is_same(&self, other: &Self) -> bool {
        self.restartable == other.restartable && self.container.is_same(&other.container)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceName;

    fn pod(cpu: &str) -> Pod {
        let requests = [(ResourceName::Cpu, cpu.parse().unwrap())];
        Pod {
            labels: [("app".into(), "web".into())].into_iter().collect(),
            containers: [Container {
                name: "server".into(),
                requests: requests.into_iter().collect(),
            }]
            .into_iter()
            .collect(),
            ..Pod::default()
        }
    }

    /// Whether labels and containers are kept once.
    fn shared(cpu: &str, other: &str) -> (bool, bool) {
        let (mut pod, other) = (pod(cpu), pod(other));
        let before = format!("{pod:?}");
        pod.share(&other);
        assert_eq!(format!("{pod:?}"), before);
        let labels = |pod: &Pod| pod.labels.iter().next().map(|it| it.0.as_ptr());
        (
            labels(&pod) == labels(&other),
            pod.containers.as_ptr() == other.containers.as_ptr(),
        )
    }

    #[test]
    fn pods_share_what_is_the_same_and_not_what_is_only_equal() {
        assert_eq!(shared("100m", "100m"), (true, true));
        assert_eq!(shared("100m", "200m"), (true, false));
        assert_eq!(shared("1", "1000m"), (true, false));
    }
}
