//! Keeps cartservice starved: a container that was restarted has nothing wrong with it until it is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use cluster_tests::{Lab, set_faults};

use super::cart::SELECTOR;

/// Beyond a budget of one second and far within one of five: a process that gets no CPU sends its SETTINGS late, or its answer.
const STARVED: [&str; 2] = [r#"{"settings_delay_ms":1400}"#, r#"{"rpc_delay_ms":1400}"#];
/// Its probes begin 15 s after its start.
const PAUSE: Duration = Duration::from_millis(500);

/// A thread that starves every container of cartservice.
pub(crate) struct Starvation {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Starvation {
    pub(crate) fn begin(lab: &Lab) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (lab, over) = (lab.clone(), Arc::clone(&over));
            move || {
                let mut starved = BTreeSet::new();
                while !over.load(Ordering::Relaxed) {
                    // What fails while a container comes up or goes is done at the next look.
                    let _ = starve(&lab, &mut starved);
                    sleep(PAUSE);
                }
            }
        });
        Self { over, thread }
    }

    /// All is well again, from the next container on.
    pub(crate) fn end(self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.map_err(|_| anyhow!("the starving thread panicked"))
    }
}

/// The first container of a pod is late with its SETTINGS, the next with its answer, and so in turn.
fn starve(lab: &Lab, starved: &mut BTreeSet<(String, u64)>) -> Result<()> {
    let pods = lab.get(&["pods", "-n", "sre-demo", "-l", SELECTOR])?;
    for pod in pods["items"].as_array().context("a list")? {
        let status = &pod["status"]["containerStatuses"][0];
        let (Some(name), Some(address), Some(restarts)) = (
            pod["metadata"]["name"].as_str(),
            pod["status"]["podIP"].as_str(),
            status["restartCount"].as_u64(),
        ) else {
            continue;
        };
        let container = (name.to_owned(), restarts);
        if status["state"]["running"].is_null() || starved.contains(&container) {
            continue;
        }
        set_faults(address, STARVED[usize::from(restarts % 2 == 1)])?;
        starved.insert(container);
    }
    Ok(())
}
