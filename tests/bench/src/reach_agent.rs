//! reach-agent: its size, and its memory while next to nothing happens: the plan of the shop's busiest pod, a dial of each every
//! thirty seconds, scraped now and then.
//!
//! The exporter is a stand-in: it answers every report, and has one plan.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reach::{Answer, Dial, DialId, Kind, LARGEST_REPORT, Protocol, Report, Revision, Workload};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::figures::{Figures, Target};
use crate::http::Client;
use crate::page::Page;
use crate::process::{self, Place, Process};
use crate::targets::Many;

/// What frontend needs: seven services, and DNS over either protocol.
const DIALS: usize = 9;
/// netpol-exporter's own defaults.
const EVERY_SECONDS: f64 = 30.0;
const ASK_AGAIN_SECONDS: f64 = 1.0;
const SCRAPE_EVERY: Duration = Duration::from_secs(15);
const MEGABYTE: f64 = 1e6;
const DIALLED: &str = "reach_agent_dials_total";
/// A busy machine is no finding.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);

/// What is to be measured.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The agent's binary.
    pub(crate) agent: std::path::PathBuf,
    /// In seconds instead of minutes.
    pub(crate) quick: bool,
}

pub(crate) async fn run(plan: &Plan, figures: &Figures) -> anyhow::Result<()> {
    figures.note(&format!("agent {}", plan.agent.display()))?;
    #[expect(clippy::cast_precision_loss, reason = "a file's length")]
    let binary = std::fs::metadata(&plan.agent)?.len() as f64;
    let at_most = Target::AtMost(5.0);
    figures.against("reach_agent_binary", binary / MEGABYTE, "MB", at_most)?;

    let targets = Many::start(DIALS, 0.0)?;
    let dials = targets.addresses.iter().zip(0..);
    let dials = dials.map(|(address, id)| dial(id, *address)).collect();
    let exporter = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", exporter.local_addr()?);
    tokio::spawn(serve(
        exporter,
        Arc::new(reach::Plan {
            revision: Revision(1),
            dials,
        }),
    ));

    let (agent, address) = start(&plan.agent, &url)?;
    await_dials(address).await?;
    let length = Duration::from_secs(if plan.quick { 3 } else { 180 });
    let (start, before) = (Instant::now(), agent.cpu()?);
    while start.elapsed() < length {
        let page = Client::connect(address).await?;
        let page = { page }
            .get("/metrics", &[("accept-encoding", "gzip")])
            .await?;
        anyhow::ensure!(page.status.is_success(), "the page: {}", page.status);
        sleep(SCRAPE_EVERY.min(length.saturating_sub(start.elapsed()))).await;
    }
    let used = agent.cpu()?.saturating_sub(before);
    let memory = agent.memory()?;
    let resident = memory.resident / MEGABYTE;
    figures.against("reach_agent_idle_resident", resident, "MB", at_most)?;
    figures.plain(
        "reach_agent_idle_resident_peak",
        memory.peak / MEGABYTE,
        "MB",
    )?;
    figures.plain(
        "reach_agent_idle_anonymous",
        memory.anonymous / MEGABYTE,
        "MB",
    )?;
    let share = used.as_secs_f64() / start.elapsed().as_secs_f64();
    figures.plain("reach_agent_idle_cpu", share * 1000.0, "ms/s")?;
    Ok(())
}

fn start(agent: &Path, url: &str) -> anyhow::Result<(Process, std::net::SocketAddr)> {
    let address = process::free_address()?;
    let arguments = [
        format!("--web.listen-address={address}"),
        format!("--exporter.url={url}"),
        "--pod.namespace=sre-demo".to_owned(),
        "--pod.name=frontend-1".to_owned(),
        "--dial.allow=127.0.0.0/8".to_owned(),
    ];
    Ok((Process::start(agent, arguments, Place::Measured)?, address))
}

fn dial(id: u64, address: std::net::SocketAddr) -> Dial {
    Dial {
        id: DialId(id),
        address,
        protocol: Protocol::Tcp,
        kind: Kind::Grpc,
        destination: Workload {
            namespace: "sre-demo".to_owned(),
            name: format!("service-{id}"),
        },
        from: None,
        every_seconds: EVERY_SECONDS,
        timeout_seconds: 2.0,
        generation: 0,
    }
}

/// Waits until each was dialled.
async fn await_dials(address: std::net::SocketAddr) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = match Page::scrape(address, &[DIALLED]).await {
            Ok(page) => page.sum(DIALLED).unwrap_or(0.0),
            // It does not listen yet.
            Err(_) => -1.0,
        };
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        if seen >= DIALS as f64 {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < until,
            "the agent has made {seen} dials and not {DIALS} (-1: it does not answer)"
        );
        sleep(POLL).await;
    }
}

/// Answers reports, for ever.
async fn serve(listener: TcpListener, plan: Arc<reach::Plan>) {
    // Until somebody runs out of descriptors.
    while let Ok((stream, _)) = listener.accept().await {
        let plan = Arc::clone(&plan);
        let service = service_fn(move |request| answer(request, Arc::clone(&plan)));
        tokio::spawn(async move {
            // The agent sees what goes wrong, and the figures with it.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    plan: Arc<reach::Plan>,
) -> anyhow::Result<Response<Full<Bytes>>> {
    let body = Limited::new(request.into_body(), LARGEST_REPORT)
        .collect()
        .await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    let report: Report = serde_json::from_slice(&body)?;
    let answer = Answer {
        ask_again_seconds: ASK_AGAIN_SECONDS,
        plan: (report.revision != Some(plan.revision)).then(|| (*plan).clone()),
    };
    Ok(Response::new(serde_json::to_vec(&answer)?.into()))
}
