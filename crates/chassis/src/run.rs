//! A process from its first line of log to its exit code.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use exposition::Page;
use prometheus_client::registry::Registry;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::about::About;
use crate::args::{ChassisArgs, FlagError};
use crate::chassis::Chassis;
use crate::drain::Drainer;
use crate::log;
use crate::signal::StopSignals;
use crate::supervise::{Ahead, Task, Tasks, yield_to_threads};
use crate::web::landing::Landing;
use crate::web::listen::{ListenAddress, ListenError};
use crate::web::request_metrics::RequestMetrics;
use crate::web::serve::{Door, serve};
use crate::web::site::{Limit, Site};
use crate::web_config::{WebConfig, WebConfigError};

/// Pages are rendered and passwords checked on these; both are bounded elsewhere.
const MOST_BLOCKING_THREADS: usize = 16;
/// For work on such threads that will not be needed any more.
const LAST_WAIT: Duration = Duration::from_millis(100);

/// Why the process ends otherwise than by request.
#[derive(Debug, Error)]
enum RunError {
    #[error("{0}")]
    Flags(#[from] FlagError),
    #[error("{0}")]
    WebConfig(#[from] WebConfigError),
    #[error("{0}")]
    Setup(String),
    #[error("{0}")]
    Page(#[from] exposition::AddError),
    #[error("{0}")]
    Listen(#[from] ListenError),
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    #[error("the task `{name}` must run as long as the process, and has ended: {how}")]
    TaskEnded { name: String, how: String },
    #[error("second signal ({0}): stopped at once, unfinished work is lost")]
    SecondSignal(&'static str),
}

/// An open listener and what it answers.
type Opened = (Door, TcpListener);

/// Runs a binary: starts the log and the runtime, checks the flags and the web configuration, listens, calls `setup`, serves until
/// SIGTERM or SIGINT, then stops in order: not ready, drained, requests finished.
///
/// The exit code is 0 after an orderly stop; 1 when a task died, an address could not be had or a second signal came; 2 when flags,
/// web configuration or `setup` were refused.
pub fn run<S, E>(about: &About, args: ChassisArgs, setup: S) -> ExitCode
where
    S: AsyncFnOnce(&mut Chassis) -> Result<(), E>,
    E: Display,
{
    log::start(&args);
    let outcome = runtime(&args).map_err(RunError::Start).and_then(|runtime| {
        let outcome = runtime.block_on(process(about, args, setup));
        runtime.shutdown_timeout(LAST_WAIT);
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(name = about.name, "{error}");
            error.exit_code()
        }
    }
}

async fn process<S, E>(about: &About, args: ChassisArgs, setup: S) -> Result<(), RunError>
where
    S: AsyncFnOnce(&mut Chassis) -> Result<(), E>,
    E: Display,
{
    let mut signals = StopSignals::listen()?;
    args.check()?;
    let config = Arc::new(WebConfig::load(args.web_config.as_deref())?);
    if config.current().wants_certificates && args.health_address.is_none() {
        tracing::warn!(
            "a kubelet has no client certificate: give --web.health-address for its probes"
        );
    }
    let opened = if args.config_check {
        Vec::new()
    } else {
        open(&args).await?
    };
    let mut chassis = Chassis::new(Page::new(&about.build()), web_addresses(&opened)?);
    tokio::select! {
        // The alternate form is anyhow's with all causes, and the same as the plain one for others.
        result = setup(&mut chassis) => result.map_err(|error| RunError::Setup(format!("{error:#}")))?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before it was set up");
            return Ok(());
        }
    }
    let telemetry = args.telemetry_path.as_str();
    if chassis.routes.contains_key(telemetry) || chassis.receivers.contains_key(telemetry) {
        return Err(FlagError::TelemetryOnRoute(args.telemetry_path).into());
    }
    if args.config_check {
        tracing::info!("flags and files are in order");
        return Ok(());
    }
    let ahead = start_ahead(&args, std::mem::take(&mut chassis.ahead))?;
    chassis.tasks.extend(ahead);
    work(about, args, config, opened, chassis, signals).await
}

/// From the end of setup to the end of the process.
async fn work(
    about: &About,
    args: ChassisArgs,
    config: Arc<WebConfig>,
    opened: Vec<Opened>,
    mut chassis: Chassis,
    mut signals: StopSignals,
) -> Result<(), RunError> {
    let build = about.build();
    tracing::info!(
        name = build.name,
        version = build.version,
        revision = build.revision,
        "starting"
    );
    let metrics = RequestMetrics::default();
    let mut registry = Registry::default();
    config.register(&mut registry);
    if !args.disable_exporter_metrics {
        metrics.register(&mut registry, &args.telemetry_path);
    }
    chassis.page.add("web", registry)?;

    let mut links = vec![
        (args.telemetry_path.clone(), "metrics".to_owned()),
        ("/readyz".to_owned(), "readiness".to_owned()),
        ("/livez".to_owned(), "liveness".to_owned()),
    ];
    links.append(&mut chassis.links);
    let readiness = chassis.readiness;
    let site = Arc::new(Site {
        telemetry_path: args.telemetry_path,
        page: Arc::new(chassis.page),
        routes: chassis.routes,
        receivers: chassis.receivers,
        landing: Landing {
            about: *about,
            links,
            tables: chassis.tables,
            readiness: readiness.clone(),
        },
        readiness: readiness.clone(),
        config,
        limit: Limit::new(args.max_requests),
        metrics,
    });

    let closer = Drainer::new();
    let mut tasks = Tasks::default();
    for (door, listener) in opened {
        let address = listener.local_addr()?;
        let tls = door == Door::Web && site.config.current().tls.is_some();
        tracing::info!(%address, tls, health_only = door == Door::Health, "listening");
        let serving = serve(listener, door, Arc::clone(&site), closer.drain());
        tasks.start(Task::new(format!("web server on {address}"), serving));
    }
    for task in chassis.tasks {
        tasks.start(task);
    }

    let signal = tokio::select! {
        signal = signals.next() => signal,
        ended = tasks.ended() => return Err(RunError::TaskEnded { name: ended.name, how: ended.how }),
    };
    tracing::info!(signal, grace = ?args.shutdown_grace, "stopping");
    readiness.stop();
    let drainer = chassis.drainer;
    let orderly = async {
        drainer.begin().released().await;
        closer.begin().released().await;
    };
    tokio::select! {
        waited = timeout(args.shutdown_grace, orderly) => if waited.is_ok() {
            tracing::info!("stopped");
        } else {
            tracing::warn!(grace = ?args.shutdown_grace, "stopped with unfinished work: the grace period is over");
        },
        () = tasks.watch_stopping() => {}
        signal = signals.next() => return Err(RunError::SecondSignal(signal)),
    }
    Ok(())
}

/// Threads first, and then the rest steps back: a thread has the niceness of the one that starts it.
fn start_ahead(args: &ChassisArgs, ahead: Vec<Ahead>) -> io::Result<Vec<Task>> {
    if ahead.is_empty() {
        return Ok(Vec::new());
    }
    let start = |task: Ahead| task.start(runtime(args)?);
    let tasks: io::Result<Vec<Task>> = ahead.into_iter().map(start).collect();
    if let Err(error) = yield_to_threads() {
        tracing::warn!(%error, "cannot step back behind what keeps time");
    }
    tasks
}

fn runtime(args: &ChassisArgs) -> io::Result<Runtime> {
    let mut builder = if args.threads == 1 {
        Builder::new_current_thread()
    } else {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(args.threads.into());
        builder
    };
    builder
        .enable_all()
        .max_blocking_threads(MOST_BLOCKING_THREADS)
        .build()
}

async fn open(args: &ChassisArgs) -> Result<Vec<Opened>, ListenError> {
    let web = args
        .listen_addresses
        .iter()
        .map(|address| (Door::Web, address));
    let health = args
        .health_address
        .iter()
        .map(|address| (Door::Health, address));
    let wanted: Vec<(Door, &ListenAddress)> = web.chain(health).collect();
    let mut opened = Vec::with_capacity(wanted.len());
    for (door, address) in wanted {
        opened.push((door, address.bind().await?));
    }
    Ok(opened)
}

fn web_addresses(opened: &[Opened]) -> io::Result<Vec<SocketAddr>> {
    let web = opened.iter().filter(|(door, _)| *door == Door::Web);
    web.map(|(_, listener)| listener.local_addr()).collect()
}

// === impl RunError ===

impl RunError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Flags(_) | Self::WebConfig(_) | Self::Setup(_) => ExitCode::from(2),
            Self::Page(_)
            | Self::Listen(_)
            | Self::Start(_)
            | Self::TaskEnded { .. }
            | Self::SecondSignal(_) => ExitCode::from(1),
        }
    }
}
