//! What is kept of a pod: the few hundred bytes that decide about its probes.

use std::net::IpAddr;
use std::time::Duration;

use kube_watch::ObjectKey;
use probe_engine::WrittenContainer;

/// A pod, trimmed.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Tells a pod from its successor of the same name.
    pub uid: String,
    /// Its address, once it has one.
    pub address: Option<IpAddr>,
    /// Succeeded or failed for good: its probes have ended.
    pub finished: bool,
    /// Being deleted: the kubelet no longer kills for liveness.
    pub terminating: bool,
    /// `terminationGracePeriodSeconds`.
    pub grace: u32,
    /// The containers that the kubelet keeps probing.
    pub containers: Vec<Container>,
}

/// A container and its probes.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Its name in the pod.
    pub name: String,
    /// `restartCount`.
    pub restarts: u32,
    /// Whether it runs.
    pub state: State,
    /// How its predecessor ended.
    pub last_exit: Option<Exit>,
    /// Its probes and ports, as their author wrote them.
    pub written: WrittenContainer,
}

/// Whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody says: a manifest without a status. Taken to run, for long.
    Unknown,
    /// It runs.
    Running {
        /// Since the epoch.
        since: Duration,
        /// The kubelet's `started`: the startup probe has passed, or there is none.
        started: bool,
    },
    /// It waits, or has ended.
    NotRunning,
}

/// The end of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Since the epoch.
    pub at: Duration,
    /// Whether a signal ended it, and not for want of memory: what a kill for a failed probe looks like.
    pub by_signal: bool,
}

/// The kubelet's event about a kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killing {
    /// The event's own name: a repeated event keeps it and counts up.
    pub key: ObjectKey,
    /// Whose.
    pub pod: ObjectKey,
    /// The container that failed its probe; `None` for any other event.
    pub container: Option<String>,
    /// How often by now.
    pub count: u32,
    /// The last time.
    pub at: Option<Duration>,
}
