//! What a role has done since it started, as `GET /stats` shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

/// Counted since the role started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Connections accepted, whatever became of them.
    pub connections: u64,
    /// Requests answered, by gRPC path, HTTP path or Redis command.
    pub requests: BTreeMap<String, Outcomes>,
    /// By name of the role called.
    pub calls: BTreeMap<String, Outcomes>,
    /// Load that the load generator had to leave out because all of its shoppers were waiting.
    pub skipped: u64,
    /// What the latest `settings_delay_ms` came to, in microseconds: a timer is never quite on time.
    pub settings_delay_us: u64,
    /// The same of the latest `rpc_delay_ms`.
    pub rpc_delay_us: u64,
}

/// How often something went well and how often it did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Answered as asked.
    pub succeeded: u64,
    /// Answered by an error, or not at all.
    pub failed: u64,
}

impl Stats {
    /// How often the method was asked for, whatever the outcome.
    pub fn requested(&self, method: &str) -> u64 {
        self.requests
            .get(method)
            .map_or(0, |outcomes| outcomes.succeeded + outcomes.failed)
    }
}

impl Outcomes {
    fn count(&mut self, succeeded: bool) {
        if succeeded {
            self.succeeded += 1;
        } else {
            self.failed += 1;
        }
    }
}

/// Names kept apart; what a peer makes up beyond them is counted together.
const MOST_METHODS: usize = 64;

/// Counts, shared by all of a role's connections.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Stats>);

impl Counters {
    pub(crate) fn connected(&self) {
        self.0.lock().connections += 1;
    }

    pub(crate) fn answered(&self, method: &str, succeeded: bool) {
        let mut stats = self.0.lock();
        if let Some(outcomes) = stats.requests.get_mut(method) {
            outcomes.count(succeeded);
            return;
        }
        let name = if stats.requests.len() < MOST_METHODS {
            method
        } else {
            "others"
        };
        stats
            .requests
            .entry(name.to_owned())
            .or_default()
            .count(succeeded);
    }

    pub(crate) fn called(&self, callee: &str, succeeded: bool) {
        self.0
            .lock()
            .calls
            .entry(callee.to_owned())
            .or_default()
            .count(succeeded);
    }

    pub(crate) fn skipped(&self) {
        self.0.lock().skipped += 1;
    }

    pub(crate) async fn delay_settings(&self, milliseconds: u64) {
        if milliseconds > 0 {
            let took = wait(milliseconds).await;
            self.0.lock().settings_delay_us = took;
        }
    }

    pub(crate) async fn delay_rpc(&self, milliseconds: u64) {
        if milliseconds > 0 {
            let took = wait(milliseconds).await;
            self.0.lock().rpc_delay_us = took;
        }
    }

    pub(crate) fn snapshot(&self) -> Stats {
        self.0.lock().clone()
    }
}

/// Microseconds that it really took.
async fn wait(milliseconds: u64) -> u64 {
    let start = Instant::now();
    sleep(Duration::from_millis(milliseconds)).await;
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}
