//! `hpa-exporter explain [-n NAMESPACE] NAME`: what an autoscaler wants, what it gets, and why, as an answer and not as a table.
//!
//! Looks once. What a controller remembers cannot be seen, so the answer says between which numbers the decision lies.

mod words;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use kube_watch::{ObjectKey, Problem, Scope, WatchStatus};
use parking_lot::RwLock;

use crate::config::known::Asked;
use crate::config::{ConfigzArgs, ControllerArgs, Seen, SourceArgs};
use crate::decide::{Decider, Finding};
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
    let answer = if args.json {
        words::json(&finding)
    } else {
        words::text(&finding)
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
    let mut decider = Decider::new(known);
    let findings = decider.decide(&mut model.write(), watch::now());
    let key = ObjectKey::new(&*args.namespace, &*args.name);
    let found = findings.autoscalers.into_iter().find(|it| it.key == key);
    Ok(Looked {
        finding: found,
        problems: status.problems(),
        of_the_controller: findings.known.problems,
    })
}
