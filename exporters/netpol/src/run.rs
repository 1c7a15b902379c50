//! The rooms put together: which task moves what from where to where.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chassis::{About, Chassis};
use kube_watch::{Reviewer, Source, WatchStatus, Watcher};
use parking_lot::{Mutex, RwLock};
use prometheus_client::collector::Collector;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::config::{Command, CommandLine, Config};
use crate::decide::{decide, survey};
use crate::metrics::{self, Latest};
use crate::model::Model;
use crate::observe::Observer;
use crate::receive::Receiver;
use crate::receive::identity::Gate;
use crate::{command, flows, landing, pages, watch};

/// Who we are.
const ABOUT: About = About {
    name: "netpol-exporter",
    description: "Which calls that the application needs do the NetworkPolicies forbid, does the network agree, and which policy is to blame?",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 9602,
};

/// How often files are looked at: a policy that is written down is to show within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often the files of required flows are read. They are small, and mounted ones change behind a link.
const READ_FLOWS_EVERY: Duration = Duration::from_secs(1);
/// How long a change waits for others to come with it.
const GATHERING: Duration = Duration::from_millis(20);
/// A survey looks at everything: it may take this share of the time at most.
const SURVEY_REST: u32 = 20;

/// How often what agents have reported is looked at.
const LOOK_AT_EVIDENCE_EVERY: Duration = Duration::from_millis(250);

/// What the deciding task has.
struct Deciding {
    model: Arc<RwLock<Model>>,
    observer: Arc<Mutex<Observer>>,
    latest: Latest,
    status: WatchStatus,
    /// Somebody new can dial.
    joined: Arc<Notify>,
    /// Whether what is learnt is required.
    learn: bool,
}

/// The whole program, from the command line to the exit code.
pub fn run() -> ExitCode {
    let line: CommandLine = chassis::parse(&ABOUT);
    match line.command {
        Some(Command::Check(args)) => command::check::run(&args),
        Some(Command::Explain(args)) => command::explain::run(&args),
        Some(Command::Suggest(args)) => command::suggest::run(&args),
        Some(Command::Diff(args)) => command::diff::run(&args),
        Some(Command::Matrix(args)) => command::matrix::run(&args),
        None => {
            let exporter = line.exporter;
            chassis::run(&ABOUT, line.chassis, async |chassis| {
                let config = Config::try_from(exporter)?;
                anyhow::Ok(set_up(chassis, config).await?)
            })
        }
    }
}

async fn set_up(chassis: &mut Chassis, config: Config) -> anyhow::Result<()> {
    let model = Arc::new(RwLock::new(Model::new(config.profile)));
    let observer = Arc::new(Mutex::new(Observer::new(config.observe)));
    let receiver = Receiver::new(
        gate(&config).await?,
        Arc::clone(&model),
        Arc::clone(&observer),
        since_epoch,
    );
    let latest = Latest {
        reports: receiver.counts(),
        ..Latest::default()
    };
    let status = WatchStatus::new();

    let read = flows::read(&config.flows);
    if let Some(problem) = read.problems.first().filter(|_| read.flows.is_empty()) {
        anyhow::bail!("no required flow can be read: {problem}");
    }
    model.write().require(read.flows, config.infer);
    latest.flow_problems.store(Arc::new(read.problems));
    if !config.flows.is_empty() {
        let reading = keep_reading(
            config.flows.clone(),
            config.infer,
            Arc::clone(&model),
            latest.clone(),
        );
        chassis.spawn("flows", never(reading));
    }

    let watcher = Watcher::open(&config.source).await?.poll_every(LOOK_EVERY);
    for (name, watching) in watch::watch(&watcher, &config.source, &model, &status)? {
        chassis.spawn(name, never(watching));
    }
    let ready = chassis.readiness("the first findings");
    let deciding = Deciding {
        model: Arc::clone(&model),
        observer: Arc::clone(&observer),
        latest: latest.clone(),
        status: status.clone(),
        joined: receiver.joined(),
        learn: config.learn,
    };
    chassis.spawn("decide", never(deciding.forever(ready)));
    chassis.receive(reach::PATH, move |request| receiver.answer(request));

    add(
        chassis,
        "flows",
        metrics::Page::new(latest.clone(), config.max_series),
    )?;
    add(chassis, "watches", status.clone())?;
    show(chassis, &model, &latest, status);
    chassis.route("/learnt.yaml", move |_| {
        let model = model.read();
        pages::learnt::file(&observer.lock(), &model, since_epoch())
    });
    chassis.link(
        "/learnt.yaml",
        "flows that agents have seen and nothing requires",
    );
    Ok(())
}

/// The pages for people, and for programs that want more than series.
fn show(chassis: &mut Chassis, model: &Arc<RwLock<Model>>, latest: &Latest, status: WatchStatus) {
    let findings = || Arc::clone(&latest.findings);
    let shown = findings();
    chassis.route("/flows.json", move |_| pages::flows(&shown.load()));
    chassis.link("/flows.json", "every required flow");
    let shown = findings();
    chassis.route("/changes.json", move |_| pages::changes(&shown.load()));
    chassis.link("/changes.json", "the last changes of state");
    chassis.route("/matrix", |_| pages::matrix::page());
    chassis.link("/matrix", "who may dial whom");
    chassis.route("/matrix.js", |_| pages::matrix::script());
    let shown = Arc::clone(model);
    chassis.route("/matrix.json", move |_| pages::matrix::data(&shown.read()));
    let shown = Arc::clone(model);
    chassis.route("/explain", move |request| {
        pages::matrix::why(&shown.read(), request.uri().query())
    });
    let shown = findings();
    chassis.findings(move || landing::flows(&shown.load(), since_epoch()));
    let (shown, survey) = (findings(), Arc::clone(&latest.survey));
    chassis.findings(move || landing::policies(&shown.load(), &survey.load()));
    let problems = Arc::clone(&latest.flow_problems);
    chassis.findings(move || landing::problems(&status, &problems.load()));
}

/// Who is let in as an agent.
async fn gate(config: &Config) -> anyhow::Result<Gate> {
    Ok(match (&config.token_file, &config.source) {
        (Some(path), _) => {
            let token = std::fs::read_to_string(path);
            let token = token.map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
            anyhow::ensure!(
                !token.trim().is_empty(),
                "{}: no token in it",
                path.display()
            );
            Gate::Shared(path.clone())
        }
        (None, Source::Cluster) => {
            Gate::reviewed(Reviewer::open().await?, config.node_account.clone())
        }
        (None, Source::Files(_)) => Gate::Closed,
    })
}

/// A task that ends is a bug, and the chassis treats it as one.
async fn never(task: impl Future<Output = Infallible>) -> Result<(), Infallible> {
    match task.await {}
}

fn add(chassis: &mut Chassis, name: &'static str, collector: impl Collector) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    Ok(chassis.page().add(name, registry)?)
}

/// Reads the files of required flows again and again. A file that cannot be read any more takes its flows with it only if all do:
/// nothing required would read as nothing wrong.
async fn keep_reading(
    paths: Vec<PathBuf>,
    infer: bool,
    model: Arc<RwLock<Model>>,
    latest: Latest,
) -> Infallible {
    let mut ticks = interval(READ_FLOWS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let paths = paths.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || flows::read(&paths)).await else {
            continue;
        };
        if read.problems.is_empty() || !read.flows.is_empty() {
            model.write().require(read.flows, infer);
        }
        latest.flow_problems.store(Arc::new(read.problems));
    }
}

// === impl Deciding ===

impl Deciding {
    async fn forever(self, ready: chassis::Ready) -> Infallible {
        let mut changes = self.status.changes();
        let mut ready = Some(ready);
        let mut next_survey = Instant::now();
        let mut stale_survey = true;
        let mut learnt = 0;
        loop {
            if self.status.ready() {
                stale_survey |= self.evaluate();
                if self.learn {
                    self.require_learnt(&mut learnt);
                }
                if stale_survey && Instant::now() >= next_survey {
                    let begun = Instant::now();
                    let found = survey(&self.model.read());
                    self.latest.survey.store(Arc::new(found));
                    next_survey = Instant::now() + begun.elapsed() * SURVEY_REST;
                    stale_survey = false;
                }
                if let Some(ready) = ready.take() {
                    let flows = self.model.read().required().len();
                    tracing::info!(flows, "the first findings are in");
                    ready.set();
                }
            }
            tokio::select! {
                () = changes.changed() => sleep(GATHERING).await,
                () = self.joined.notified() => {}
                () = sleep(LOOK_AT_EVIDENCE_EVERY) => {}
            }
        }
    }

    /// Requires what was learnt since the last time, whose revision is `known`; the next evaluation judges it.
    fn require_learnt(&self, known: &mut u64) {
        let flows = {
            let observer = self.observer.lock();
            let revision = observer.learnt().revision();
            if revision == *known {
                return;
            }
            *known = revision;
            observer.learnt().to_require()
        };
        self.model.write().learn(flows);
    }

    /// Judges what may have changed; whether anything had.
    fn evaluate(&self) -> bool {
        let begun = Instant::now();
        let changes = self.model.write().take_changes();
        let before = self.latest.findings.load();
        let found = {
            let model = self.model.read();
            let mut observer = self.observer.lock();
            decide(&model, &changes, &mut observer, since_epoch(), &before)
        };
        self.latest.findings.store(Arc::new(found));
        if !changes.is_empty() {
            let took = begun.elapsed().as_secs_f64();
            self.latest.durations.observe(took);
        }
        !changes.is_empty()
    }
}

/// The wall clock: nothing else reads it.
fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
