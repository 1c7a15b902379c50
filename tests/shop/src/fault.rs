//! What can be made to go wrong with a role, and the switch by which it is.
//!
//! Several faults can be set at once. They meet a new connection in this order: `deaf_to`, `refuse`, `accept_delay_ms`, `reset: accept`, `silent`,
//! `settings_delay_ms`, `reset: frame`; and a request on it in this: `reset: rpc`, `rpc_delay_ms`, `queue`, `health`.
//! `burn` stops everything that the role does while it is busy.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use crate::stats::Counters;

/// No delay is longer: ten minutes.
const LONGEST_DELAY_MS: u64 = 600_000;
/// No role is deaf to more: a jump of the filter that drops their packets is a byte long.
const MOST_UNHEARD: u64 = 200;
/// No slice of burning is longer: a minute.
const LONGEST_SLICE_MS: u64 = 60_000;

/// All that is wrong with a role at one time. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Loopback addresses whose SYN is not answered: what a connection meets that a network policy denies. Connections that stand are left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deaf_to: Vec<Ipv4Addr>,
    /// Milliseconds that a connection waits in the listener's backlog, from its arrival. The kernel completes the TCP handshake meanwhile.
    #[serde(skip_serializing_if = "is_zero")]
    pub accept_delay_ms: u64,
    /// Milliseconds from accepting a connection to the first byte written to it: for gRPC, the SETTINGS frame.
    #[serde(skip_serializing_if = "is_zero")]
    pub settings_delay_ms: u64,
    /// Milliseconds added to every request, health checks included.
    #[serde(skip_serializing_if = "is_zero")]
    pub rpc_delay_ms: u64,
    /// What a health check is answered instead of SERVING.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// The listener is closed: a connection is refused. Connections that stand are left alone.
    #[serde(skip_serializing_if = "is_false")]
    pub refuse: bool,
    /// Connections end with a TCP reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset: Option<Reset>,
    /// Connections are accepted, and nothing is ever said on them.
    #[serde(skip_serializing_if = "is_false")]
    pub silent: bool,
    /// The role's only thread is kept busy in slices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burn: Option<Burn>,
    /// Requests queue for few workers, so that latency grows with their rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
}

/// What a health check is answered instead of SERVING.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// The status `NOT_SERVING`.
    NotServing,
    /// The status `UNKNOWN`.
    Unknown,
    /// The status `SERVICE_UNKNOWN`, which the protocol allows only to `Watch`: some servers send it all the same.
    ServiceUnknown,
    /// gRPC status 5, `NOT_FOUND`: the health server does not know the service that was asked about.
    UnknownService,
    /// gRPC status 12, `UNIMPLEMENTED`: the server has no health service.
    Unimplemented,
}

/// When a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// As soon as it is accepted.
    Accept,
    /// After a part of the first frame.
    Frame,
    /// When the first request has arrived.
    Rpc,
}

/// Work that blocks the role's only thread: `busy_ms` of it, then `idle_ms` in which everything else has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burn {
    /// Milliseconds of work at a stretch.
    pub busy_ms: u64,
    /// Milliseconds between two stretches.
    pub idle_ms: u64,
}

/// Workers as a thread pool has them: a request holds one for `work_ms`, a health check needs one for a moment and queues behind the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Milliseconds a request holds its worker.
    pub work_ms: u64,
    /// Requests worked on at a time.
    #[serde(default = "Queue::one_worker")]
    pub workers: usize,
    /// Requests that may wait; one more is answered `RESOURCE_EXHAUSTED`.
    #[serde(default = "Queue::long")]
    pub capacity: usize,
}

/// A fault that cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// Not JSON, or a key or a value that no fault has.
    #[error("these are no faults: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A number out of its range.
    #[error("`{key}` is {value}; it has to be from {least} to {most}")]
    OutOfRange {
        /// The key, with those above it.
        key: &'static str,
        /// What was given.
        value: u64,
        /// The least that is allowed.
        least: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// Two faults of which only one can be seen.
    #[error("`{0}` and `{1}` contradict each other")]
    Contradiction(&'static str, &'static str),
}

impl Faults {
    /// Reads and checks the JSON object of `PUT /faults`.
    pub fn from_json(text: &[u8]) -> Result<Self, FaultError> {
        let faults: Self = serde_json::from_slice(text)?;
        faults.check()?;
        Ok(faults)
    }

    /// Whether the numbers are in range and nothing contradicts.
    pub fn check(&self) -> Result<(), FaultError> {
        in_range("deaf_to", self.deaf_to.len() as u64, 0, MOST_UNHEARD)?;
        in_range("accept_delay_ms", self.accept_delay_ms, 0, LONGEST_DELAY_MS)?;
        in_range(
            "settings_delay_ms",
            self.settings_delay_ms,
            0,
            LONGEST_DELAY_MS,
        )?;
        in_range("rpc_delay_ms", self.rpc_delay_ms, 0, LONGEST_DELAY_MS)?;
        if let Some(burn) = self.burn {
            in_range("burn.busy_ms", burn.busy_ms, 1, LONGEST_SLICE_MS)?;
            in_range("burn.idle_ms", burn.idle_ms, 0, LONGEST_SLICE_MS)?;
        }
        if let Some(queue) = self.queue {
            in_range("queue.work_ms", queue.work_ms, 1, LONGEST_DELAY_MS)?;
            in_range("queue.workers", queue.workers as u64, 1, 10_000)?;
            in_range("queue.capacity", queue.capacity as u64, 0, 1_000_000)?;
        }
        if self.silent && self.reset.is_some() {
            return Err(FaultError::Contradiction("silent", "reset"));
        }
        Ok(())
    }
}

impl Queue {
    const fn one_worker() -> usize {
        1
    }

    const fn long() -> usize {
        1_000
    }
}

fn in_range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), FaultError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(FaultError::OutOfRange {
            key,
            value,
            least,
            most,
        })
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The faults in force, with the queue that belongs to them.
#[derive(Debug, Default)]
pub(crate) struct InForce {
    pub(crate) faults: Faults,
    pub(crate) generation: u64,
    workers: Option<Workers>,
}

#[derive(Debug)]
struct Workers {
    free: Semaphore,
    waiting: AtomicUsize,
}

/// More requests wait than the queue holds.
#[derive(Debug)]
pub(crate) struct QueueFull;

impl InForce {
    fn new(faults: Faults, generation: u64) -> Self {
        let workers = faults.queue.map(|queue| Workers {
            free: Semaphore::new(queue.workers),
            waiting: AtomicUsize::new(0),
        });
        Self {
            faults,
            generation,
            workers,
        }
    }

    /// Goes through what every request goes through. A health check queues like all others and then holds its worker for no time.
    pub(crate) async fn pass(
        &self,
        is_health_check: bool,
        stats: &Counters,
    ) -> Result<(), QueueFull> {
        stats.delay_rpc(self.faults.rpc_delay_ms).await;
        let (Some(queue), Some(workers)) = (self.faults.queue, &self.workers) else {
            return Ok(());
        };
        let waiting = Waiting::enter(&workers.waiting);
        if waiting.before >= queue.workers.saturating_add(queue.capacity) {
            return Err(QueueFull);
        }
        // Closed never: an error is as good as a permit.
        let _worker = workers.free.acquire().await;
        if !is_health_check {
            tokio::time::sleep(Duration::from_millis(queue.work_ms)).await;
        }
        Ok(())
    }
}

/// Counts a request in the queue; a caller that hangs up leaves it.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        Self {
            count,
            before: count.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The two ends of a role's faults: whoever sets them, and the role, which says how far it has come.
#[derive(Debug, Clone)]
pub(crate) struct Switch {
    in_force: watch::Sender<Arc<InForce>>,
    applied: watch::Sender<u64>,
}

impl Switch {
    pub(crate) fn new() -> Self {
        Self {
            in_force: watch::Sender::default(),
            applied: watch::Sender::new(0),
        }
    }

    pub(crate) fn now(&self) -> Arc<InForce> {
        self.in_force.borrow().clone()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<InForce>> {
        self.in_force.subscribe()
    }

    /// The listener follows this generation of faults.
    pub(crate) fn applied(&self, generation: u64) {
        self.applied.send_replace(generation);
    }

    /// Puts the faults in force; their generation.
    pub(crate) fn put(&self, faults: Faults) -> u64 {
        let mut generation = 0;
        self.in_force.send_modify(|in_force| {
            generation = in_force.generation + 1;
            *in_force = Arc::new(InForce::new(faults, generation));
        });
        generation
    }

    /// Puts the faults in force and waits until the listener follows them.
    pub(crate) async fn set(&self, faults: Faults) {
        self.followed(self.put(faults)).await;
    }

    /// Returns when the listener follows this generation of faults.
    pub(crate) async fn followed(&self, generation: u64) {
        let mut applied = self.applied.subscribe();
        // Fails only when the role is gone, and then there is nothing to wait for.
        let _ = applied.wait_for(|applied| *applied >= generation).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_or_value_is_named() {
        for (text, part) in [
            (r#"{"accept_delay": 3}"#, "unknown field `accept_delay`"),
            (r#"{"health": "sick"}"#, "unknown variant `sick`"),
            (r#"{"accept_delay_ms": -1}"#, "-1"),
            (r#"{"burn": {"busy_ms": 10}}"#, "idle_ms"),
            (r#"{"burn": {"busy_ms": 0, "idle_ms": 1}}"#, "burn.busy_ms"),
            (
                r#"{"queue": {"work_ms": 5, "workers": 0}}"#,
                "queue.workers",
            ),
            (r#"{"rpc_delay_ms": 600001}"#, "600000"),
            (r#"{"silent": true, "reset": "rpc"}"#, "contradict"),
            ("", "EOF"),
        ] {
            let message = Faults::from_json(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn faults_are_shown_as_they_were_set_without_those_that_are_not() {
        let text = r#"{"rpc_delay_ms":7,"health":"not_serving","queue":{"work_ms":5,"workers":2,"capacity":9}}"#;
        let faults = Faults::from_json(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&faults).unwrap(), text);
        assert_eq!(serde_json::to_string(&Faults::default()).unwrap(), "{}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_health_check_waits_behind_the_work_before_it_and_a_full_queue_says_so() {
        let queue = Queue {
            work_ms: 40,
            workers: 1,
            capacity: 1,
        };
        let in_force = InForce::new(
            Faults {
                queue: Some(queue),
                ..Faults::default()
            },
            1,
        );
        let stats = Counters::default();
        let begin = tokio::time::Instant::now();
        let (worked, checked, refused) = tokio::join!(
            in_force.pass(false, &stats),
            in_force.pass(true, &stats),
            in_force.pass(true, &stats)
        );
        assert!(worked.is_ok() && checked.is_ok() && refused.is_err());
        assert_eq!(begin.elapsed().as_millis(), 40);
    }
}
