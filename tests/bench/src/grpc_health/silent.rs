//! A server that accepts and says nothing: what a scraper with five seconds of patience gets from each prober.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::phases::Server;
use super::{Blackbox, Exporter, Plan};
use crate::figures::{Figures, Target};
use crate::http::Client;

/// A health check is held for this long: longer than anybody waits here, in milliseconds.
const FOR_EVER: u64 = 600_000;
const PATIENCE_HEADER: &str = "X-Prometheus-Scrape-Timeout-Seconds";

/// What came of a scrape.
#[derive(Clone, Copy, Debug)]
struct Scrape {
    /// How long it took; nothing when there was no answer for as long as we waited.
    answered: Option<Duration>,
    success: Option<f64>,
}

pub(super) async fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let (patience, waited) = if plan.quick { (2, 4) } else { (5, 20) };
    let from_start = Server::start().await?;
    from_start.set("silent", true).await?;
    let after_settings = Server::start().await?;
    after_settings.set("rpc_delay_ms", FOR_EVER).await?;
    let nobody = tempfile::tempdir()?;
    let exporter = Exporter::start(
        &plan.exporter,
        nobody.path(),
        &["--probe.allow=127.0.0.0/8"],
    )?;
    let blackbox = Blackbox::start()?;

    for (name, server) in [
        ("from_start", &from_start),
        ("after_settings", &after_settings),
    ] {
        let limit = Duration::from_secs(waited);
        let ours = scrape(exporter.address, server.listen, patience, limit);
        let peers = async {
            match &blackbox {
                Some(blackbox) => {
                    Some(scrape(blackbox.address, server.listen, patience, limit).await)
                }
                None => None,
            }
        };
        let (ours, peers) = tokio::join!(ours, peers);
        let ours = ours?;
        anyhow::ensure!(
            ours.success == Some(0.0),
            "silent {name}: no probe_success 0 but {ours:?}"
        );
        #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
        figures.against(
            &format!("grpc_health_silent_{name}_answered_after"),
            ours.answered
                .map_or(f64::INFINITY, |time| time.as_secs_f64()),
            "s",
            Target::AtMost(patience as f64),
        )?;
        if let Some(peers) = peers.transpose()? {
            let answered = peers.answered.map(|time| time.as_secs_f64());
            figures.plain(
                &format!("blackbox_silent_{name}_answered_after"),
                answered.unwrap_or(f64::INFINITY),
                &match (answered, peers.success) {
                    (None, _) => format!("s (no answer within {waited} s)"),
                    (Some(_), Some(success)) => format!("s (probe_success {success})"),
                    (Some(_), None) => "s (without probe_success)".to_owned(),
                },
            )?;
        }
    }
    Ok(())
}

async fn scrape(
    prober: SocketAddr,
    target: SocketAddr,
    patience: u64,
    limit: Duration,
) -> anyhow::Result<Scrape> {
    let mut client = connect(prober).await?;
    let path = format!("/probe?target={target}&module=grpc");
    let patience = patience.to_string();
    let headers = [(PATIENCE_HEADER, patience.as_str())];
    let start = Instant::now();
    let Ok(answer) = timeout(limit, client.get(&path, &headers)).await else {
        return Ok(Scrape {
            answered: None,
            success: None,
        });
    };
    Ok(Scrape {
        answered: Some(start.elapsed()),
        success: answer?.value("probe_success"),
    })
}

/// A connection, once the prober listens.
pub(super) async fn connect(prober: SocketAddr) -> anyhow::Result<Client> {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        match Client::connect(prober).await {
            Err(_) if Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            connected => return connected,
        }
    }
}
