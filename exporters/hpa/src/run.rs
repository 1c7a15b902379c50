//! The rooms put together: which task moves what from where to where.

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use bytes::Bytes;
use chassis::{About, Chassis};
use futures_util::FutureExt as _;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use kube_watch::WatchStatus;
use parking_lot::RwLock;
use prometheus_client::registry::Registry;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::config::controller::Version;
use crate::config::known::Asked;
use crate::config::{Command, CommandLine, Config, ControllerArgs, Mode, Seen};
use crate::decide::{Decider, Findings};
use crate::model::{Model, Write};
use crate::record::Recorder;
use crate::sample::{Answered, Asking, Configz, Waiting};
use crate::{command, landing, metrics, watch};

/// Who we are.
const ABOUT: About = About {
    name: "hpa-exporter",
    description: "What did the autoscaler want, what cut the wish, when will it let go, and is this the controller's own answer?",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 9603,
};

/// How long changes are collected before the findings are computed anew.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// How often they are at the least: syncs that nobody hears of are assumed.
const TICK: Duration = Duration::from_secs(1);

/// How often the API server is asked for what cannot be watched.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// How often the controller manager is asked what its settings are: they may change when it starts anew.
const ASK_CONFIGZ_EVERY: Duration = Duration::from_mins(1);

/// The whole program, from the command line to the exit code.
pub fn run() -> ExitCode {
    let line: CommandLine = chassis::parse(&ABOUT);
    match line.command {
        Some(Command::Explain(args)) => command::explain::run(&args),
        Some(Command::Simulate(args)) => command::simulate::run(&args),
        Some(Command::Upgrade(args)) => command::upgrade::run(&args),
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
    let model = Arc::new(RwLock::new(Model::default()));
    let findings = Arc::new(ArcSwap::from_pointee(Findings::default()));
    let status = WatchStatus::new();
    let mut opened = watch::open(&config.source, &config.scope, &model, &status).await?;
    for (name, watching) in std::mem::take(&mut opened.watches) {
        chassis.spawn(name, never(watching));
    }
    let reader = opened.reader.take();
    let asking = reader.map(|reader| Arc::new(Asking::new(reader, config.external)));
    let (version, told) = tokio::sync::watch::channel(None);
    if let Some(asking) = &asking {
        let scales = keep_asking(Arc::clone(asking), Arc::clone(&model), version);
        chassis.spawn("ask for scales", never(scales));
    }
    let (said, configz) = tokio::sync::watch::channel(Asked::default());
    let manager = config.configz.open().await;
    if let Some(manager) = manager.context("--controller.configz")? {
        chassis.spawn(
            "ask for /configz",
            never(keep_asking_configz(manager, said)),
        );
    }
    let recorder = config.recording.as_deref().map(|path| {
        Recorder::open(path).with_context(|| format!("--recording.file: {}", path.display()))
    });
    let recorder = recorder.transpose()?;
    let decider = Decider::new(config.controller.known(Seen::default())?).lean();
    let ready = chassis.readiness("the first list of autoscalers, targets and pods");
    let deciding = Deciding {
        decider: if recorder.is_some() {
            decider.recording()
        } else {
            decider
        },
        recorder,
        flags: config.controller,
        asking,
        mode: config.mode,
        model,
        opened,
        version: told,
        configz,
        status: status.clone(),
        findings: Arc::clone(&findings),
    };
    chassis.spawn("decide", never(deciding.forever(ready)));
    let mut registry = Registry::default();
    let decisions = metrics::Decisions::new(Arc::clone(&findings));
    registry.register_collector(Box::new(decisions));
    chassis.page().add("decisions", registry)?;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(status.clone()));
    chassis.page().add("watches", registry)?;

    let kept = Arc::clone(&findings);
    chassis.route("/mismatches", move |_| {
        let answer = mismatches(&kept.load());
        std::future::ready(answer).boxed()
    });
    chassis.link(
        "/mismatches",
        "disagreements with the controller, with all that led to them: a recording, for hpa-exporter upgrade",
    );
    let shown = Arc::clone(&findings);
    chassis.findings(move || landing::decisions(&shown.load()));
    chassis.findings(move || landing::problems(&findings.load(), &status));
    Ok(())
}

/// A recording, to be played again.
fn mismatches(findings: &Findings) -> Response<Bytes> {
    let text = findings.mismatches.recording().unwrap_or_default();
    let mut response = Response::new(text.into());
    let lines = HeaderValue::from_static("application/jsonl");
    response.headers_mut().insert(CONTENT_TYPE, lines);
    response
}

/// A task that ends is a bug, and the chassis treats it as one.
async fn never(task: impl Future<Output = Infallible>) -> Result<(), Infallible> {
    match task.await {}
}

/// Asks for what cannot be watched: the version, and the scales of targets of other kinds.
async fn keep_asking(
    asking: Arc<Asking>,
    model: Arc<RwLock<Model>>,
    version: tokio::sync::watch::Sender<Option<Version>>,
) -> Infallible {
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(found) = asking.version().await {
            version.send_if_modified(|known| known.replace(found) != Some(found));
        }
        asking.scales(&model).await;
    }
}

/// Asks the controller manager for its settings.
async fn keep_asking_configz(
    manager: Configz,
    said: tokio::sync::watch::Sender<Asked>,
) -> Infallible {
    let mut ticks = interval(ASK_CONFIGZ_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let answer = manager.ask().await;
        if let Err(problem) = &answer {
            tracing::warn!(problem, "the controller manager's settings");
        }
        said.send_modify(|asked| asked.enter(answer));
    }
}

/// Everything that deciding takes.
struct Deciding {
    decider: Decider,
    recorder: Option<Recorder>,
    flags: ControllerArgs,
    /// Who asks for what is not watched: nobody, if objects come from files.
    asking: Option<Arc<Asking>>,
    mode: Mode,
    model: Arc<RwLock<Model>>,
    opened: watch::Opened,
    version: tokio::sync::watch::Receiver<Option<Version>>,
    configz: tokio::sync::watch::Receiver<Asked>,
    status: WatchStatus,
    findings: Arc<ArcSwap<Findings>>,
}

impl Deciding {
    /// Follows writes at once, and computes the findings a moment after a change and once a second.
    async fn forever(mut self, ready: chassis::Ready) -> Infallible {
        let mut changes = self.status.changes();
        while !self.opened.is_heard(&self.status) {
            changes.changed().await;
        }
        tracing::info!("the first lists are in");
        let mut due = Instant::now();
        let mut waiting = Waiting::default();
        loop {
            tokio::select! {
                () = changes.changed() => {
                    let writes = self.decider.hear(&mut self.model.write(), watch::now());
                    for write in writes {
                        self.ask(write, &mut waiting);
                    }
                    due = due.min(Instant::now() + DEBOUNCE);
                }
                Some((mut write, answered)) = waiting.next() => {
                    if let Some(scale) = answered.scale {
                        self.model.write().scale_answered_for(&mut write, scale);
                    }
                    self.decider.follow(&write, answered.samples);
                    due = due.min(Instant::now() + DEBOUNCE);
                }
                () = sleep_until(due) => {
                    self.learn();
                    let found = self.decider.survey(&mut self.model.write(), watch::now());
                    self.findings.store(Arc::new(found));
                    ready.set();
                    due = Instant::now() + TICK;
                }
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.record(&self.decider.take_recorded());
            }
        }
    }

    /// Follows a write, at once or when what it takes has been asked for.
    fn ask(&mut self, write: Write, waiting: &mut Waiting) {
        let (mode, is_old) = (self.mode, write.surroundings.stale);
        let asks = mode == Mode::Query || is_old;
        let Some(asking) = self.asking.clone().filter(|_| asks) else {
            return self.decider.follow(&write, None);
        };
        let (key, mut surroundings) = (write.key.clone(), write.surroundings.clone());
        let answer = async move {
            let mut answered = Answered::default();
            if is_old {
                let autoscaler = &surroundings.autoscaler;
                let scale = asking.scale(&autoscaler.namespace, &autoscaler.spec.target);
                let scale = scale.await;
                if scale.is_ok() {
                    surroundings.scale.clone_from(&scale);
                }
                answered.scale = Some(scale);
            }
            if mode == Mode::Query {
                answered.samples = Some(asking.sample(&surroundings).await);
            }
            answered
        };
        for unanswered in waiting.push(write, answer) {
            self.decider.follow(&unanswered, None);
        }
        if waiting.holds(&key) {
            self.decider.expect(&key);
        }
    }

    /// What is known of the controller by now.
    fn learn(&mut self) {
        let configz = self.configz.borrow().clone();
        let known = self.flags.known(Seen {
            manager: self.model.read().manager(),
            version: *self.version.borrow(),
            configz: Some(&configz),
        });
        match known {
            Ok(known) => self.decider.learn(known),
            Err(error) => tracing::warn!(%error, "the controller's own arguments"),
        }
    }
}
