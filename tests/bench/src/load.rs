//! A scraper of `/probe`: connections that are kept, requests at an even pace.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::http::Client;

/// What to ask, how often and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    /// Who is asked.
    pub(crate) prober: SocketAddr,
    /// Whom to probe, in turn.
    pub(crate) targets: &'a [SocketAddr],
    /// Requests a second in all.
    pub(crate) rate: f64,
    /// How long.
    pub(crate) length: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Probes that found their target serving.
    pub(crate) successes: u32,
    /// All others.
    pub(crate) failures: u32,
}

/// So many connections share the rate: more than are ever waiting for an answer.
const CONNECTIONS: u32 = 25;

/// Asks at an even pace, and counts.
pub(crate) async fn run(load: Load<'_>) -> anyhow::Result<Outcome> {
    let mut lanes = JoinSet::new();
    let pace = Duration::from_secs_f64(f64::from(CONNECTIONS) / load.rate);
    let start = Instant::now();
    for lane in 0..CONNECTIONS {
        let first = start + pace * lane / CONNECTIONS;
        let targets: Vec<SocketAddr> = load
            .targets
            .iter()
            .copied()
            .skip(lane as usize)
            .step_by(CONNECTIONS as usize)
            .collect();
        lanes.spawn(ask(load.prober, targets, first, pace, start + load.length));
    }
    let mut all = Outcome::default();
    while let Some(lane) = lanes.join_next().await {
        let lane = lane??;
        all.successes += lane.successes;
        all.failures += lane.failures;
    }
    Ok(all)
}

async fn ask(
    prober: SocketAddr,
    targets: Vec<SocketAddr>,
    first: Instant,
    pace: Duration,
    until: Instant,
) -> anyhow::Result<Outcome> {
    let mut client = Client::connect(prober).await?;
    let mut ticks = interval_at(first, pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outcome = Outcome::default();
    for target in targets.iter().cycle() {
        if ticks.tick().await >= until {
            break;
        }
        let path = format!("/probe?target={target}&module=grpc");
        let answer = client.get(&path, &[]).await?;
        if answer.value("probe_success") == Some(1.0) {
            outcome.successes += 1;
        } else {
            outcome.failures += 1;
        }
    }
    Ok(outcome)
}
