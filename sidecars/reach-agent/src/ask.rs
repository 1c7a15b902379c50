//! The exchange with the exporter: what was seen goes out, and another plan comes in.

mod exporter;

use std::convert::Infallible;
use std::time::Duration;

use reach::{Agent, Plan, Report, Revision};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

pub use exporter::{ExchangeError, Exporter};

use crate::learn::Peers;
use crate::metrics::{ExchangeCounts, RESULTS};
use crate::report::Results;

/// News are collected for so long before they are sent: dials that belong together end together.
const GATHER: Duration = Duration::from_millis(100);
/// The first wait after a failure, doubled with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A random share of each wait, so that the agents of a cluster do not come all at once.
const JITTER: f64 = 0.1;

/// Asks and reports, for ever. Plans go to `plans`.
pub async fn keep_asking(
    mut exporter: Exporter,
    agent: Agent,
    results: Results,
    peers: Peers,
    plans: watch::Sender<Plan>,
    counts: ExchangeCounts,
) -> Infallible {
    let mut revision: Option<Revision> = None;
    let mut state = State::default();
    // Agents that start together do not all ask together.
    sleep(FIRST_WAIT.mul_f64(fastrand::f64())).await;
    loop {
        let dropped = results.dropped();
        let report = Report {
            agent: agent.clone(),
            revision,
            sightings: results.untold(Instant::now()),
            peers: peers.untold(Instant::now()),
        };
        let exchanged = exporter.exchange(&report).await;
        counts.ended(result(&exchanged));
        state.note(&exchanged);
        match exchanged {
            Ok(answer) => {
                results.told(report.sightings.len(), dropped);
                peers.told(&report.peers, Instant::now());
                let wait = answer.ask_again();
                if let Some(plan) = answer.plan {
                    revision = Some(plan.revision);
                    plans.send_replace(admitted(plan, &counts));
                }
                let by = Instant::now() + jittered(wait);
                tokio::select! {
                    () = results.news() => sleep(GATHER).await,
                    () = sleep_until(by) => {}
                }
            }
            Err(_) => sleep(jittered(state.wait())).await,
        }
    }
}

/// What of a plan is dialled; what is not is said once for each plan.
fn admitted(plan: Plan, counts: &ExchangeCounts) -> Plan {
    let (plan, faults) = plan.checked();
    counts.refused(&faults);
    if let Some(first) = faults.first() {
        tracing::warn!(refused = faults.len(), %first, "not all of the plan can be dialled");
    }
    tracing::info!(dials = plan.dials.len(), "a new plan");
    plan
}

fn result(exchanged: &Result<reach::Answer, ExchangeError>) -> &'static str {
    match exchanged {
        Ok(_) => RESULTS[0],
        Err(error) => error.as_str(),
    }
}

fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + JITTER * (fastrand::f64() * 2.0 - 1.0))
}

/// How exchanges have gone of late.
#[derive(Debug, Default)]
struct State {
    failed: Option<&'static str>,
    failures: u32,
}

// === impl State ===

impl State {
    /// Only a change is worth a line: an exporter that is away is away for each report.
    fn note(&mut self, exchanged: &Result<reach::Answer, ExchangeError>) {
        match exchanged {
            Ok(_) => {
                if self.failed.take().is_some() {
                    tracing::info!(failures = self.failures, "the exporter takes reports again");
                }
                self.failures = 0;
            }
            Err(error) => {
                if self.failed != Some(error.as_str()) {
                    tracing::warn!(%error, "the exporter takes no reports");
                }
                self.failed = Some(error.as_str());
                self.failures = self.failures.saturating_add(1);
            }
        }
    }

    fn wait(&self) -> Duration {
        let doubled = FIRST_WAIT * 2_u32.saturating_pow(self.failures.saturating_sub(1).min(8));
        doubled.min(LONGEST_WAIT)
    }
}
