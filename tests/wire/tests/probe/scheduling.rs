//! The scheduler on real sockets: how many a silent target may hold, what happens to it when its target goes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grpc_health_exporter::probe::schedule::{
    Handle, PodId, Progress, Settings, Skip, StartLag, Target, TargetId, scheduler,
};
use grpc_health_exporter::probe::{Endpoint, Limits};
use probe_engine::{Attempt, Ending, Phase};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::SERVING;
use crate::server::{self, says};

const INTERVAL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);

type Told = UnboundedReceiver<(TargetId, Progress, StartLag)>;

struct Running {
    handle: Handle,
    told: Told,
    task: JoinHandle<std::convert::Infallible>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    fn start(settings: Settings) -> Self {
        let (tell, told) = unbounded_channel();
        let sink = move |id, progress, lag| {
            let _ = tell.send((id, progress, lag));
        };
        let (handle, scheduler) = scheduler(settings, Arc::new(sink));
        let task = tokio::spawn(scheduler.run());
        Self { handle, told, task }
    }

    async fn hear(&mut self) -> (TargetId, Progress, StartLag) {
        timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap()
    }

    /// The next attempt that has ended.
    async fn next(&mut self) -> (TargetId, Attempt, StartLag) {
        loop {
            if let (id, Progress::Finished(attempt), lag) = self.hear().await {
                return (id, attempt, lag);
            }
        }
    }
}

fn target(address: SocketAddr, limits: Limits) -> Target {
    Target {
        endpoint: Arc::new(Endpoint::at(address, "", None).unwrap()),
        limits,
        interval: INTERVAL,
        pod: PodId(1),
    }
}

fn limits() -> Limits {
    Limits {
        budget: Duration::from_millis(200),
        cap: Duration::from_mins(1),
    }
}

#[tokio::test]
async fn a_target_is_probed_again_and_again() {
    let address = server::grpc(server::serving).await;
    let mut running = Running::start(Settings::default());
    running.handle.set(TargetId(7), target(address, limits()));
    for _ in 0..3 {
        let (id, attempt, _) = running.next().await;
        assert_eq!((id, attempt.ending), (TargetId(7), SERVING));
    }
    assert_eq!(running.handle.statistics().targets(), 1);
}

#[tokio::test]
async fn a_silent_target_holds_at_most_two_sockets() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let mut running = Running::start(Settings::default());
    running.handle.set(TargetId(1), target(address, limits()));
    // The first goes on into its overtime; those after it find the permit taken.
    for _ in 0..3 {
        let (_, attempt, _) = running.next().await;
        assert_eq!(
            attempt.ending,
            Ending::Cut {
                phase: Phase::Http2
            }
        );
        assert!(attempt.total() < INTERVAL, "{attempt:?}");
    }
    let statistics = running.handle.statistics();
    assert_eq!(statistics.started(), 4);
    assert!(statistics.in_flight() <= 2);
}

#[tokio::test]
async fn a_hang_is_told_of_when_the_budget_is_over_and_not_when_it_ends() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let mut running = Running::start(Settings::default());
    let limits = Limits {
        cap: Duration::from_millis(700),
        ..limits()
    };
    running.handle.set(TargetId(1), target(address, limits));
    let (_, Progress::Started(began), _) = running.hear().await else {
        panic!("the start comes first");
    };
    let (_, overdue, _) = running.hear().await;
    let budget = limits.budget;
    assert_eq!(overdue, Progress::Overdue { at: began, budget });
    let (_, Progress::Finished(attempt), _) = running.hear().await else {
        panic!("the end comes last");
    };
    assert_eq!(attempt.started_at, began);
    assert!(attempt.total() >= limits.cap, "{attempt:?}");
}

#[tokio::test]
async fn an_attempt_that_goes_with_its_target_is_told_of() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let mut running = Running::start(Settings::default());
    let long = Limits::of_budget(Duration::from_mins(1));
    running.handle.set(TargetId(1), target(address, long));
    let (_, Progress::Started(began), _) = running.hear().await else {
        panic!("the start comes first");
    };
    running.handle.remove(TargetId(1));
    assert_eq!(running.hear().await.1, Progress::Dropped(began));
}

#[tokio::test]
async fn an_attempt_within_its_budget_is_not_joined_by_another() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let running = Running::start(Settings::default());
    let long = Limits::of_budget(Duration::from_mins(1));
    running.handle.set(TargetId(1), target(address, long));
    let statistics = Arc::clone(running.handle.statistics());
    let skipped = async {
        while statistics.skipped_for(Skip::Busy) < 2 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, skipped).await.unwrap();
    assert_eq!((statistics.started(), statistics.in_flight()), (1, 1));
}

#[tokio::test]
async fn a_budget_as_long_as_the_interval_costs_no_start() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let mut running = Running::start(Settings::default());
    let whole = Limits {
        budget: INTERVAL,
        cap: Duration::from_mins(1),
    };
    running.handle.set(TargetId(1), target(address, whole));
    for _ in 0..3 {
        running.next().await;
    }
    let statistics = running.handle.statistics();
    assert!(statistics.started() >= 4);
    assert_eq!(statistics.skipped_for(Skip::Busy), 0);
}

#[tokio::test]
async fn no_more_attempts_are_under_way_than_allowed() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let settings = Settings {
        most_in_flight: 2,
        ..Settings::default()
    };
    let running = Running::start(settings);
    for id in 0..5 {
        let mut target = target(address, Limits::of_budget(Duration::from_mins(1)));
        target.pod = PodId(id);
        running.handle.set(TargetId(id), target);
    }
    let statistics = Arc::clone(running.handle.statistics());
    let skipped = async {
        while statistics.skipped_for(Skip::Crowded) < 3 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, skipped).await.unwrap();
    assert_eq!(statistics.in_flight(), 2);
}

#[tokio::test]
async fn a_removed_target_takes_its_sockets_with_it() {
    let (told, mut closed) = unbounded_channel();
    let address = server::raw(move |mut stream| {
        let told = told.clone();
        async move {
            server::listen(&mut stream).await;
            let _ = told.send(());
        }
    })
    .await;
    let mut running = Running::start(Settings::default());
    running.handle.set(TargetId(1), target(address, limits()));
    // The result of the second; the first is still open, in its overtime.
    running.next().await;
    closed.recv().await;
    running.handle.remove(TargetId(1));
    assert_eq!(timeout(PATIENCE, closed.recv()).await, Ok(Some(())));
    sleep(2 * INTERVAL).await;
    while let Ok((_, progress, _)) = running.told.try_recv() {
        assert!(matches!(progress, Progress::Dropped(_)), "{progress:?}");
    }
    let statistics = running.handle.statistics();
    assert_eq!((statistics.targets(), statistics.in_flight()), (0, 0));
}

#[tokio::test]
async fn a_changed_endpoint_is_where_the_next_attempt_goes() {
    let silent = server::raw(|stream| says(stream, b"")).await;
    let healthy = server::grpc(server::serving).await;
    let mut running = Running::start(Settings::default());
    running.handle.set(TargetId(1), target(silent, limits()));
    running.next().await;
    running.handle.set(TargetId(1), target(healthy, limits()));
    assert_eq!(running.next().await.1.ending, SERVING);
}

#[tokio::test]
async fn starts_beyond_a_bound_are_counted() {
    let address = server::grpc(server::serving).await;
    for (settings, skip) in [
        (
            Settings {
                starts_per_second: 1.0,
                ..Settings::default()
            },
            Skip::Global,
        ),
        (
            Settings {
                starts_per_second_and_pod: 1.0,
                ..Settings::default()
            },
            Skip::Pod,
        ),
    ] {
        let running = Running::start(settings);
        for id in 0..5 {
            running.handle.set(TargetId(id), target(address, limits()));
        }
        let statistics = Arc::clone(running.handle.statistics());
        let skipped = async {
            while statistics.skipped_for(skip) < 4 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, skipped).await.unwrap();
        assert!(statistics.started() >= 1);
    }
}

#[tokio::test]
async fn a_runtime_that_stands_still_taints_what_it_measures() {
    let address = server::grpc(|call| async move {
        // Starves the whole runtime, ours included.
        std::thread::sleep(Duration::from_millis(300));
        server::serving(call).await;
    })
    .await;
    let mut running = Running::start(Settings::default());
    let patient = Limits::of_budget(Duration::from_secs(5));
    running.handle.set(TargetId(1), target(address, patient));
    let (_, attempt, lag) = running.next().await;
    assert_eq!(attempt.ending, SERVING);
    assert!(lag.stall >= Duration::from_millis(200), "{lag:?}");
    assert!(lag.tainted);
}
