//! Past the budget: with a permit, without one, and at the cap.

use std::time::Duration;

use grpc_health_exporter::probe::{Limits, attempt};
use probe_engine::{Ending, Phase};
use tokio::time::sleep;

use crate::server::{self, says};
use crate::{SERVING, endpoint};

const LIMITS: Limits = Limits {
    budget: Duration::from_millis(100),
    cap: Duration::from_millis(600),
};

#[tokio::test]
async fn with_a_permit_a_late_answer_is_measured_past_the_budget() {
    let address = server::grpc(|call| async move {
        sleep(Duration::from_millis(300)).await;
        call.message(server::SERVING);
    })
    .await;
    let attempt = attempt(&endpoint(address), &LIMITS, || Some(())).await;
    assert_eq!(attempt.ending, SERVING);
    assert!(attempt.total() >= Duration::from_millis(300), "{attempt:?}");
}

#[tokio::test]
async fn without_a_permit_it_is_cut_at_the_budget() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let attempt = attempt(&endpoint(address), &LIMITS, || None::<()>).await;
    assert_eq!(
        attempt.ending,
        Ending::Cut {
            phase: Phase::Http2
        }
    );
    assert!(attempt.total() >= LIMITS.budget, "{attempt:?}");
    assert!(attempt.total() < LIMITS.cap, "{attempt:?}");
}

#[tokio::test]
async fn at_the_cap_it_is_cut_whatever_the_permit() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let attempt = attempt(&endpoint(address), &LIMITS, || Some(())).await;
    assert_eq!(
        attempt.ending,
        Ending::Cut {
            phase: Phase::Http2
        }
    );
    assert!(attempt.total() >= LIMITS.cap, "{attempt:?}");
}

#[tokio::test]
async fn a_permit_is_not_asked_for_within_the_budget() {
    let address = server::grpc(server::serving).await;
    let limits = Limits::of_budget(Duration::from_secs(5));
    let asked = || -> Option<()> { panic!("asked for overtime") };
    let attempt = attempt(&endpoint(address), &limits, asked).await;
    assert_eq!(attempt.ending, SERVING);
}
