//! Each fault as it looks from the other end of the socket.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use shop::{Burn, Faults, Health, Queue, Remote, Reset, Role, Running};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{HELLO, address, alone, check, everyone, http};

const DELAY: Duration = Duration::from_millis(1_500);
const SHORT: Duration = Duration::from_millis(400);
/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A HEADERS frame that ends its stream: POST, http, `/`, authority `shop`.
const REQUEST: &[u8] = b"\0\0\x09\x01\x05\0\0\0\x01\x83\x86\x84\x01\x04shop";

async fn cartservice_with(faults: Faults) -> Running {
    let running = alone(Role::CartService).await;
    running.set_faults(faults).await.unwrap();
    running
}

async fn greet(running: &Running) -> TcpStream {
    let mut stream = TcpStream::connect(address(running)).await.unwrap();
    stream.write_all(HELLO).await.unwrap();
    stream
}

#[tokio::test]
async fn without_faults_a_health_check_is_serving_and_other_services_are_not_found() {
    let running = alone(Role::CartService).await;
    assert_eq!(check(address(&running), "").await.unwrap(), 1);
    let unknown = check(address(&running), "hipstershop.CartService")
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn a_delay_before_accept_leaves_the_connection_in_the_backlog() {
    let running = cartservice_with(Faults {
        accept_delay_ms: 1_500,
        ..Faults::default()
    })
    .await;
    let begin = Instant::now();
    let mut stream = greet(&running).await;
    assert!(
        begin.elapsed() < DELAY,
        "the kernel completes the handshake"
    );
    tokio::time::sleep(SHORT).await;
    assert_eq!(running.stats().connections, 0, "nobody has accepted");
    stream.read_u8().await.unwrap();
    assert!(begin.elapsed() >= DELAY);
    assert_eq!(running.stats().connections, 1);
}

#[tokio::test]
async fn a_connection_in_the_backlog_waits_from_its_own_arrival() {
    let running = cartservice_with(Faults {
        accept_delay_ms: 1_500,
        ..Faults::default()
    })
    .await;
    for _ in 0..2 {
        // Long after the fault was set, and after another connection has come: neither lets this one in.
        let other = greet(&running).await;
        tokio::time::sleep(DELAY / 2).await;
        let begin = Instant::now();
        greet(&running).await.read_u8().await.unwrap();
        assert!(begin.elapsed() >= DELAY, "{:?}", begin.elapsed());
        drop(other);
    }
}

#[tokio::test]
async fn taking_the_delay_away_lets_in_what_waits_in_the_backlog() {
    let running = cartservice_with(Faults {
        accept_delay_ms: 600_000,
        ..Faults::default()
    })
    .await;
    let mut stream = greet(&running).await;
    assert!(timeout(SHORT, stream.read_u8()).await.is_err());
    running.set_faults(Faults::default()).await.unwrap();
    timeout(PATIENCE, stream.read_u8())
        .await
        .expect("it is let in")
        .unwrap();
}

#[tokio::test]
async fn connections_in_the_backlog_wait_side_by_side_not_one_after_another() {
    let running = cartservice_with(Faults {
        accept_delay_ms: 1_500,
        ..Faults::default()
    })
    .await;
    let begin = Instant::now();
    let wait = || async {
        greet(&running).await.read_u8().await.unwrap();
        assert!(begin.elapsed() >= DELAY);
    };
    tokio::join!(wait(), wait(), wait(), wait());
    assert!(begin.elapsed() < 3 * DELAY, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_delay_before_settings_is_after_accept() {
    let running = cartservice_with(Faults {
        settings_delay_ms: 1_500,
        ..Faults::default()
    })
    .await;
    let begin = Instant::now();
    let mut stream = greet(&running).await;
    assert!(
        timeout(SHORT, stream.read_u8()).await.is_err(),
        "no SETTINGS yet"
    );
    assert_eq!(running.stats().connections, 1);
    stream.read_u8().await.unwrap();
    assert!(begin.elapsed() >= DELAY);
    let stats = running.stats();
    assert!(stats.settings_delay_us >= 1_500_000, "{stats:?}");
    assert_eq!(stats.rpc_delay_us, 0);
}

#[tokio::test]
async fn a_delay_in_the_rpc_is_after_settings() {
    let running = cartservice_with(Faults {
        rpc_delay_ms: 1_500,
        ..Faults::default()
    })
    .await;
    let begin = Instant::now();
    greet(&running).await.read_u8().await.unwrap();
    assert!(begin.elapsed() < DELAY, "SETTINGS come at once");
    let begin = Instant::now();
    assert_eq!(check(address(&running), "").await.unwrap(), 1);
    assert!(begin.elapsed() >= DELAY);
    let stats = running.stats();
    assert!(stats.rpc_delay_us >= 1_500_000, "{stats:?}");
    assert_eq!(stats.settings_delay_us, 0);
}

#[tokio::test]
async fn a_health_check_is_answered_as_set() {
    let running = alone(Role::CartService).await;
    for (health, status) in [
        (Health::NotServing, 2),
        (Health::Unknown, 0),
        (Health::ServiceUnknown, 3),
    ] {
        running
            .set_faults(Faults {
                health: Some(health),
                ..Faults::default()
            })
            .await
            .unwrap();
        assert_eq!(check(address(&running), "").await.unwrap(), status);
    }
    for (health, code) in [
        (Health::UnknownService, tonic::Code::NotFound),
        (Health::Unimplemented, tonic::Code::Unimplemented),
    ] {
        running
            .set_faults(Faults {
                health: Some(health),
                ..Faults::default()
            })
            .await
            .unwrap();
        assert_eq!(check(address(&running), "").await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn refusing_closes_the_listener_and_taking_the_fault_away_opens_it_again() {
    let running = alone(Role::CartService).await;
    for _ in 0..3 {
        running
            .set_faults(Faults {
                refuse: true,
                ..Faults::default()
            })
            .await
            .unwrap();
        let refused = TcpStream::connect(address(&running)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        running.set_faults(Faults::default()).await.unwrap();
        assert_eq!(check(address(&running), "").await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_reset_on_accept_comes_before_any_byte() {
    let running = cartservice_with(Faults {
        reset: Some(Reset::Accept),
        ..Faults::default()
    })
    .await;
    let mut received = Vec::new();
    // It may come so early that connecting itself fails with it.
    let outcome = async {
        let mut stream = TcpStream::connect(address(&running)).await?;
        stream.read_to_end(&mut received).await
    };
    let reset = outcome.await.unwrap_err();
    assert_eq!(
        (reset.kind(), received.len()),
        (ErrorKind::ConnectionReset, 0)
    );
}

#[tokio::test]
async fn a_reset_in_a_frame_comes_after_a_part_of_it() {
    let running = cartservice_with(Faults {
        reset: Some(Reset::Frame),
        ..Faults::default()
    })
    .await;
    let mut stream = TcpStream::connect(address(&running)).await.unwrap();
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.unwrap();
    assert_eq!(
        header, *b"\0\0\x0c\x04\0\0\0\0\0",
        "SETTINGS of twelve bytes"
    );
    stream.write_all(HELLO).await.unwrap();
    let mut received = Vec::new();
    let reset = stream.read_to_end(&mut received).await.unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    assert!(received.len() < 12, "{received:?}");
}

#[tokio::test]
async fn a_reset_in_the_rpc_comes_when_the_request_has_arrived() {
    let running = cartservice_with(Faults {
        reset: Some(Reset::Rpc),
        ..Faults::default()
    })
    .await;
    let mut stream = greet(&running).await;
    let mut settings = [0; 9];
    stream.read_exact(&mut settings).await.unwrap();
    assert_eq!(settings[3], 4, "SETTINGS come first");
    assert!(
        timeout(SHORT, stream.read_to_end(&mut Vec::new()))
            .await
            .is_err(),
        "the connection stands"
    );
    stream.write_all(REQUEST).await.unwrap();
    let mut received = Vec::new();
    let reset = timeout(PATIENCE, stream.read_to_end(&mut received))
        .await
        .expect("it ends")
        .unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_silent_role_accepts_and_says_nothing_and_the_next_connection_after_it_is_answered() {
    let running = cartservice_with(Faults {
        silent: true,
        ..Faults::default()
    })
    .await;
    let mut stream = greet(&running).await;
    assert!(timeout(SHORT, stream.read_u8()).await.is_err());
    assert_eq!(running.stats().connections, 1);
    running.set_faults(Faults::default()).await.unwrap();
    greet(&running).await.read_u8().await.unwrap();
    assert!(
        timeout(SHORT, stream.read_u8()).await.is_err(),
        "what was silent stays silent"
    );
}

#[tokio::test]
async fn burning_starves_its_role_and_neither_the_others_nor_the_admin_server() {
    let shop = everyone().await;
    let cartservice = shop.role(Role::CartService);
    let burn = Burn {
        busy_ms: 1_500,
        idle_ms: 1,
    };
    cartservice
        .set_faults(Faults {
            burn: Some(burn),
            ..Faults::default()
        })
        .await
        .unwrap();

    let begin = Instant::now();
    let starved = async {
        assert_eq!(check(address(cartservice), "").await.unwrap(), 1);
        begin.elapsed()
    };
    let others = async {
        assert_eq!(
            check(address(shop.role(Role::PaymentService)), "")
                .await
                .unwrap(),
            1
        );
        Remote::new(cartservice.admin().actual)
            .stats()
            .await
            .unwrap();
        begin.elapsed()
    };
    let (starved, others) = tokio::join!(starved, others);
    assert!(starved >= Duration::from_millis(1_400), "{starved:?}");
    assert!(others < starved, "{others:?}");

    let begin = Instant::now();
    cartservice
        .set_faults(Faults {
            burn: Some(Burn {
                busy_ms: 60_000,
                idle_ms: 1,
            }),
            ..Faults::default()
        })
        .await
        .unwrap();
    cartservice.set_faults(Faults::default()).await.unwrap();
    assert_eq!(check(address(cartservice), "").await.unwrap(), 1);
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "a slice ends with its fault"
    );
}

#[tokio::test]
async fn with_few_workers_a_health_check_queues_behind_the_real_requests() {
    let shop = everyone().await;
    let cartservice = shop.role(Role::CartService);
    let queue = Queue {
        work_ms: 200,
        workers: 1,
        capacity: 1_000,
    };
    cartservice
        .set_faults(Faults {
            queue: Some(queue),
            ..Faults::default()
        })
        .await
        .unwrap();
    let timed = || async {
        let begin = Instant::now();
        assert_eq!(check(address(cartservice), "").await.unwrap(), 1);
        begin.elapsed()
    };
    let unloaded = timed().await;
    let frontend = address(shop.role(Role::Frontend));
    let visits: Vec<_> = (0..15)
        .map(|_| tokio::spawn(http(frontend, "GET", "/", "")))
        .collect();
    tokio::time::sleep(SHORT).await;
    let loaded = timed().await;
    assert!(
        loaded > Duration::from_secs(1) && unloaded < loaded,
        "{unloaded:?} {loaded:?}"
    );
    for visit in visits {
        assert_eq!(visit.await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn faults_are_set_shown_and_taken_away_over_http() {
    let running = alone(Role::CartService).await;
    let admin = running.admin().actual;
    assert_eq!(
        http(admin, "GET", "/faults", "").await,
        (200, "{}".to_owned())
    );
    let text = r#"{"rpc_delay_ms":5,"health":"not_serving"}"#;
    assert_eq!(
        http(admin, "PUT", "/faults", text).await,
        (200, text.to_owned())
    );
    assert_eq!(check(address(&running), "").await.unwrap(), 2);

    let (status, message) = http(admin, "PUT", "/faults", r#"{"helth":"unknown"}"#).await;
    assert_eq!(status, 400);
    assert!(message.contains("unknown field `helth`"), "{message}");
    assert_eq!(
        http(admin, "GET", "/faults", "").await.1,
        text,
        "those in force stay"
    );

    assert_eq!(
        http(admin, "DELETE", "/faults", "").await,
        (200, "{}".to_owned())
    );
    assert_eq!(check(address(&running), "").await.unwrap(), 1);
    assert_eq!(http(admin, "POST", "/faults", "").await.0, 405);
    assert_eq!(http(admin, "GET", "/load", "").await.0, 404);
}

#[tokio::test]
async fn the_load_generator_takes_no_faults() {
    let running = alone(Role::LoadGenerator).await;
    let (status, message) = http(
        running.admin().actual,
        "PUT",
        "/faults",
        r#"{"silent":true}"#,
    )
    .await;
    assert_eq!(status, 400, "{message}");
}
