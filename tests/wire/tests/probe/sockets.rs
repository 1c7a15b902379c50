//! An attempt leaves nothing behind: no socket, no task.

use std::time::Duration;

use grpc_health_exporter::probe::{Limits, attempt};
use probe_engine::Phase;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::server::{self, SETTINGS};
use crate::{endpoint, probe_within};

/// Whoever is at the other end notices when a connection is closed.
async fn silent_and_watching(said: &'static [u8]) -> (std::net::SocketAddr, mpsc::Receiver<()>) {
    let (told, heard) = mpsc::channel(8);
    let address = server::raw(move |mut stream| {
        let told = told.clone();
        async move {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, said).await;
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes).await;
            let _ = told.send(()).await;
        }
    })
    .await;
    (address, heard)
}

#[tokio::test]
async fn a_cut_attempt_closes_its_socket() {
    for said in [b"", SETTINGS] {
        let (address, mut closed) = silent_and_watching(said).await;
        probe_within(address, Duration::from_millis(100)).await;
        let noticed = timeout(Duration::from_secs(5), closed.recv()).await;
        assert_eq!(noticed, Ok(Some(())));
    }
}

#[tokio::test]
async fn a_dropped_attempt_closes_its_socket() {
    for said in [b"", SETTINGS] {
        let (address, mut closed) = silent_and_watching(said).await;
        let endpoint = endpoint(address);
        let limits = Limits::of_budget(Duration::from_mins(1));
        let attempt = attempt(&endpoint, &limits, || None::<()>);
        assert!(timeout(Duration::from_millis(100), attempt).await.is_err());
        let noticed = timeout(Duration::from_secs(5), closed.recv()).await;
        assert_eq!(noticed, Ok(Some(())));
    }
}

/// In a process of its own, so that no other test's sockets are counted.
#[test]
fn no_descriptor_is_left_after_attempts_of_every_kind() {
    const ALONE: &str = "WIRE_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return count_descriptors();
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sockets::no_descriptor_is_left_after_attempts_of_every_kind",
        ])
        .env(ALONE, "1")
        .status()
        .unwrap();
    assert!(status.success());
}

fn count_descriptors() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let healthy = server::grpc(server::serving).await;
        let silent = server::raw(|stream| server::says(stream, b"")).await;
        let half = server::raw(|stream| server::says(stream, SETTINGS)).await;
        let wrong = server::raw(|stream| server::says(stream, b"HTTP/1.1 400 \r\n")).await;
        let all = [healthy, silent, half, wrong];
        // Once for whatever is opened only once.
        for address in all {
            probe_within(address, Duration::from_millis(50)).await;
        }
        let before = settled().await;
        for _ in 0..5 {
            for address in all {
                let attempt = probe_within(address, Duration::from_millis(50)).await;
                assert!(attempt.phases.get(Phase::Connect).is_some());
            }
        }
        assert_eq!(settled().await, before);
    });
}

/// The number of open descriptors once the servers have noticed that their clients are gone.
async fn settled() -> usize {
    tokio::time::sleep(Duration::from_millis(500)).await;
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
