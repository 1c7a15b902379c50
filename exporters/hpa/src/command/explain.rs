//! `hpa-exporter explain [-n NAMESPACE] NAME`: what an autoscaler wants, what it gets, and why, as an answer and not as a table.
//!
//! With `--candidate SPEC` the same is said of another spec in its place. Looks once. What a controller remembers cannot be seen, so the answer says between which numbers the decision lies.

mod words;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use hpa_engine::Spec;
use kube_watch::{ObjectKey, Problem, Scope, WatchStatus};
use parking_lot::RwLock;

use super::written::{self, Which, Written};
use crate::config::known::Asked;
use crate::config::{ConfigzArgs, ControllerArgs, Seen, SourceArgs};
use crate::decide::{Candidate, Decider, Finding};
use crate::model::Model;
use crate::sample::Asking;
use crate::watch;

pub(crate) use words::clock;

/// How long the first lists may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says in a few lines what an autoscaler wants, what it gets, and why.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The autoscaler.
    #[arg(value_name = "NAME")]
    name: String,
    /// Its namespace.
    #[arg(short, long, default_value = "default", value_name = "NAMESPACE")]
    namespace: String,
    /// A manifest with another autoscaler for the same target: what it would want and get in this one's place, beside the real answer. Of
    /// several, the one called NAME. Metrics that the real autoscaler does not have are asked by nobody, and so not known, but for those
    /// of pods' resources where `PodMetrics` lie beside the objects.
    #[arg(long, value_name = "SPEC")]
    candidate: Option<PathBuf>,
    /// Answer as JSON: the decision with every value that leads to it.
    #[arg(long)]
    json: bool,
    /// Where objects come from.
    #[command(flatten)]
    source: SourceArgs,
    /// The controller.
    #[command(flatten)]
    controller: ControllerArgs,
    /// Where it is asked itself.
    #[command(flatten)]
    configz: ConfigzArgs,
}

/// Runs the command: 0 with an answer, 1 without such an autoscaler, 2 when something could not be read.
pub fn run(args: &ExplainArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let looked = runtime
        .context("no runtime")
        .and_then(|runtime| runtime.block_on(look(args)));
    let Looked {
        finding,
        candidate,
        problems,
        of_the_controller,
    } = match looked {
        Ok(looked) => looked,
        Err(error) => return complain(&format!("{error:#}"), 2),
    };
    let all = problems.iter().map(ToString::to_string);
    for problem in all.chain(of_the_controller) {
        let _ = writeln!(std::io::stderr(), "{problem}");
    }
    let Some(finding) = finding else {
        let text = format!(
            "there is no autoscaler {} in namespace {}",
            args.name, args.namespace
        );
        return complain(&text, if problems.is_empty() { 1 } else { 2 });
    };
    let candidate = args.candidate.as_deref().zip(candidate.as_ref());
    let answer = if args.json {
        words::json(&finding, candidate)
    } else {
        words::text(&finding, candidate)
    };
    // A reader that has seen enough is no error.
    let _ = std::io::stdout().write_all(answer.as_bytes());
    ExitCode::SUCCESS
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::from(code)
}

/// What there was to see.
struct Looked {
    finding: Option<Arc<Finding>>,
    candidate: Option<Candidate>,
    /// With what is watched.
    problems: Vec<Problem>,
    /// With what the controller's settings are known from.
    of_the_controller: Vec<String>,
}

/// Reads what there is once, and decides.
async fn look(args: &ExplainArgs) -> anyhow::Result<Looked> {
    // What is wrong with a flag is told before anything is read.
    args.controller.controller()?;
    args.configz.goes_with(&args.source.source)?;
    let manager = args.configz.open().await.context("--controller.configz")?;
    let scope = Scope {
        namespaces: vec![args.namespace.clone()],
        ..Scope::default()
    };
    let model = Arc::new(RwLock::new(Model::default()));
    let status = WatchStatus::new();
    let mut opened = watch::open(&args.source.source, &scope, &model, &status).await?;
    let mut watches = std::mem::take(&mut opened.watches);
    let mut changes = status.changes();
    let listed = async {
        while !opened.is_heard(&status) {
            changes.changed().await;
        }
    };
    let all = std::future::poll_fn(|context| {
        for (_, watching) in &mut watches {
            let _ = watching.as_mut().poll(context);
        }
        std::task::Poll::<()>::Pending
    });
    tokio::select! {
        () = all => {}
        listed = tokio::time::timeout(PATIENCE, listed) => {
            if listed.is_err() {
                let problems: Vec<_> = status.problems().iter().map(ToString::to_string).collect();
                anyhow::bail!("no answer within {} s: {}", PATIENCE.as_secs(), problems.join("; "));
            }
        }
    }
    let mut version = None;
    if let Some(reader) = opened.reader.take() {
        let asking = Asking::new(reader, false);
        version = asking.version().await;
        asking.scales(&model).await;
    }
    let mut configz = Asked::default();
    if let Some(manager) = manager {
        configz.enter(manager.ask().await);
    }
    let known = args.controller.known(Seen {
        manager: model.read().manager(),
        version,
        configz: Some(&configz),
    })?;
    let scale_to_zero = known.controller.profile.scale_to_zero;
    let mut decider = Decider::new(known);
    let now = watch::now();
    let findings = decider.decide(&mut model.write(), now);
    let key = ObjectKey::new(&*args.namespace, &*args.name);
    let found = findings.autoscalers.into_iter().find(|it| it.key == key);
    let candidate = match found.as_deref().zip(args.candidate.as_deref()) {
        None => None,
        Some((real, path)) => {
            let spec = candidate(path, real, scale_to_zero)?;
            decider.candidate(&model.read(), &key, &spec, now)
        }
    };
    Ok(Looked {
        finding: found,
        candidate,
        problems: status.problems(),
        of_the_controller: findings.known.problems,
    })
}

/// Reads a candidate for an autoscaler's place.
fn candidate(path: &Path, real: &Finding, scale_to_zero: bool) -> anyhow::Result<Spec> {
    let which = Which::TheOnlyOrCalled(&real.key.name);
    let Written {
        autoscaler, place, ..
    } = written::read(path, which, scale_to_zero)?;
    let (theirs, ours) = (&real.autoscaler.spec.target, &autoscaler.spec.target);
    if (&theirs.kind, &theirs.name) != (&ours.kind, &ours.name) {
        anyhow::bail!(
            "{place}: HorizontalPodAutoscaler: spec.scaleTargetRef: {} {} is not what {} scales, which is {} {}",
            ours.kind,
            ours.name,
            real.key,
            theirs.kind,
            theirs.name
        );
    }
    Ok(autoscaler.spec)
}
