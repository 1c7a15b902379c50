use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::*;
use crate::{ObjectKey, Place};

fn problem() -> Problem {
    Problem {
        kind: "Pod",
        place: Place::Api("/api/v1/pods".into()),
        object: Some(ObjectKey::new("shop", "cart")),
        reason: Reason::Malformed,
        message: "no".into(),
    }
}

fn page(status: &WatchStatus) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(status.clone()));
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    page
}

#[test]
fn no_watches_are_neither_ready_nor_synced() {
    let status = WatchStatus::new();
    assert!(!status.ready() && !status.synced() && !status.stale());
}

#[test]
fn one_watch_that_lags_holds_all_back() {
    let status = WatchStatus::new();
    let (pods, events) = (status.teller("Pod", None), status.teller("Event", None));
    pods.state(State::Current, Vec::new());
    assert!(!status.ready() && !status.synced());
    events.state(State::Absent, Vec::new());
    assert!(status.ready() && status.synced() && !status.stale());
    pods.state(State::Stale, vec![problem()]);
    assert!(status.ready() && !status.synced() && status.stale());
    assert_eq!(status.problems(), [problem()]);
}

#[tokio::test(start_paused = true)]
async fn a_change_between_two_waits_is_not_lost_and_no_news_wakes_nobody() {
    let status = WatchStatus::new();
    let teller = status.teller("Pod", None);
    let mut changes = status.changes();
    teller.event(Event::Apply, 1);
    teller.event(Event::Apply, 2);
    changes.changed().await;
    teller.contact();
    teller.state(State::Starting, Vec::new());
    let wait = tokio::time::timeout(std::time::Duration::from_mins(1), changes.changed());
    assert!(wait.await.is_err(), "woken without news");
    teller.state(State::Current, Vec::new());
    changes.changed().await;
}

#[test]
fn the_page_says_how_each_watch_stands() {
    let status = WatchStatus::new();
    let first = status.teller("Pod", Some("a".into()));
    let second = status.teller("Pod", Some("b".into()));
    let rules = status.teller("PrometheusRule", None);
    first.contact();
    first.state(State::Current, Vec::new());
    first.event(Event::Reset, 3);
    first.event(Event::Apply, 4);
    second.event(Event::Reset, 2);
    second.error(Reason::Forbidden);
    second.state(State::Stale, vec![problem()]);
    rules.state(State::Absent, Vec::new());

    let page = page(&status);
    for line in [
        "kube_watch_synced{kind=\"Pod\",namespace=\"a\"} 1",
        "kube_watch_synced{kind=\"Pod\",namespace=\"b\"} 0",
        "kube_watch_synced{kind=\"PrometheusRule\",namespace=\"\"} 1",
        "kube_watch_absent{kind=\"PrometheusRule\",namespace=\"\"} 1",
        "kube_watch_objects{kind=\"Pod\"} 6",
        "kube_watch_problems{kind=\"Pod\"} 1",
        "kube_watch_events_total{kind=\"Pod\",event=\"reset\"} 2",
        "kube_watch_events_total{kind=\"Pod\",event=\"apply\"} 1",
        "kube_watch_events_total{kind=\"Pod\",event=\"delete\"} 0",
        "kube_watch_errors_total{kind=\"Pod\",reason=\"forbidden\"} 1",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is not in\n{page}"
        );
    }
    assert!(page.contains("kube_watch_contact_timestamp_seconds{kind=\"Pod\",namespace=\"a\"} 1"));
    assert!(!page.contains("kube_watch_contact_timestamp_seconds{kind=\"Pod\",namespace=\"b\"}"));
}

#[test]
fn a_kind_that_is_watched_twice_is_one_series() {
    let status = WatchStatus::new();
    let (one, other) = (status.teller("Pod", None), status.teller("Pod", None));
    one.state(State::Current, Vec::new());
    one.event(Event::Reset, 3);
    other.event(Event::Reset, 2);
    let page = page(&status);
    assert_eq!(page.matches("kube_watch_synced{").count(), 1, "{page}");
    assert!(page.contains("kube_watch_synced{kind=\"Pod\",namespace=\"\"} 0"));
    assert!(page.contains("kube_watch_objects{kind=\"Pod\"} 5"));
}
