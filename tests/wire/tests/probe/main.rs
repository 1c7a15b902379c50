//! The prober against servers that misbehave: each test names the phase and the reason that have to come out.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod asking;
mod connecting;
mod encrypted;
mod opening;
mod patience;
mod rpc;
mod scheduling;
mod server;
mod sockets;

use std::net::SocketAddr;
use std::time::Duration;

use grpc_health_exporter::probe::{Endpoint, Limits, Observation, attempt, observe};
use probe_engine::{Attempt, Ending, Phase, Reason, ServingStatus};

/// Long enough for a loopback server on a busy machine, short of the first redial.
const BUDGET: Duration = Duration::from_millis(900);

const SERVING: Ending = Ending::Answered(ServingStatus::Serving);

fn failed(phase: Phase, reason: Reason) -> Ending {
    Ending::Failed { phase, reason }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::at(address, "", None).unwrap()
}

/// One attempt without overtime.
async fn probe(address: SocketAddr) -> Attempt {
    probe_within(address, BUDGET).await
}

async fn probe_within(address: SocketAddr, budget: Duration) -> Attempt {
    attempt(&endpoint(address), &Limits::strict(budget), no_overtime).await
}

async fn look(endpoint: &Endpoint) -> Observation {
    observe(endpoint, &Limits::strict(BUDGET), no_overtime).await
}

fn no_overtime() -> Option<()> {
    None
}

fn phases(attempt: &Attempt) -> Vec<Phase> {
    attempt.phases.entered().map(|(phase, _)| phase).collect()
}

#[tokio::test]
async fn a_healthy_server_is_measured_in_each_phase_of_a_connection_in_clear() {
    let address = server::grpc(server::serving).await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, SERVING);
    assert_eq!(phases(&attempt), [Phase::Connect, Phase::Http2, Phase::Rpc]);
    assert!(attempt.total() < BUDGET);
}
