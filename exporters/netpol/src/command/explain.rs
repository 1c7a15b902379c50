//! `netpol-exporter explain FROM TO:PORT PATH...`: why a connection is allowed or not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use netpol_engine::{DirectionExplanation, Flow, FlowState, ObjectKey, Protocol, Verdict, explain};

use super::read::{ReadArgs, Scene, read};
use super::{flow, print};

/// Explains one connection.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    ends: Ends,
    /// Files or folders of manifests: workloads, Services, policies.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

/// A connection, as typed.
#[derive(Debug, Args)]
pub struct Ends {
    /// Who dials: a workload (`frontend`, `frontend.sre-demo`), `external`, or `address/ADDRESS`.
    #[arg(value_name = "FROM")]
    from: String,
    /// What is dialled: a Service and its own port (`emailservice:5000`, `svc/...`), `workload/NAME:PORT`, or `address/ADDRESS:PORT`.
    #[arg(value_name = "TO:PORT")]
    to: String,
    /// Over what: TCP, UDP or SCTP.
    #[arg(long, value_name = "PROTOCOL", default_value = "TCP", value_parser = protocol)]
    protocol: Protocol,
}

fn protocol(text: &str) -> Result<Protocol, String> {
    Protocol::parse(text).ok_or_else(|| "has to be TCP, UDP or SCTP".to_owned())
}

// === impl Ends ===

impl Ends {
    /// The flow that is meant.
    pub(super) fn flow(&self, scene: &Scene) -> Result<Flow, String> {
        flow::typed(&self.from, &self.to, self.protocol, scene)
    }
}

/// Runs the command: 1 if the connection is blocked.
pub fn run(args: &ExplainArgs) -> ExitCode {
    let read = read(&args.paths, &args.read);
    let answered = read.and_then(|scene| {
        let flow = args.ends.flow(&scene)?;
        let (text, state) = render(&flow, &scene);
        Ok((text, state, scene))
    });
    match answered {
        Ok((text, state, scene)) => {
            print::answer(&text);
            print::exit([&scene], state == FlowState::Blocked)
        }
        Err(error) => print::refuse(&error),
    }
}

/// One explanation for each answer that pairs of replicas get.
fn render(flow: &Flow, scene: &Scene) -> (String, FlowState) {
    let (matrix, cluster) = (scene.model.matrix(), scene.model.cluster());
    let judged = flow.judge(cluster, |query| matrix.verdict(query));
    let name = flow::name(flow, &scene.namespace);
    let mut text = match judged.state {
        FlowState::TargetAbsent(missing) => format!("{name}: {}\n", missing.explanation()),
        FlowState::SourceAbsent => format!("{name}: nobody dials, the source has no pods\n"),
        state => format!("{name} is {}\n", flow::word(state)),
    };
    let mut answers = BTreeMap::new();
    for (query, verdict) in &judged.edges {
        let (_, count) = answers.entry(verdict.to_string()).or_insert((query, 0));
        *count += 1;
    }
    for (query, count) in answers.values() {
        let explained = explain(cluster, matrix.profile(), query);
        text.push('\n');
        if judged.edges.len() > 1 {
            let _ = writeln!(
                text,
                "{count} of {} pairs of pods, such as",
                judged.edges.len()
            );
        }
        let _ = write!(text, "{explained}");
        let policies = explained.directions.iter().flat_map(deciding);
        let mut places: Vec<_> = policies
            .filter_map(|it| Some((scene.places.get(it)?, it)))
            .collect();
        places.sort();
        places.dedup();
        for (place, policy) in places {
            let _ = writeln!(text, "  {policy} is in {place}");
        }
    }
    (text, judged.state)
}

/// The policies that decide one direction: those that let it through, or else those that do not and the nearest.
fn deciding(one: &DirectionExplanation) -> impl Iterator<Item = &ObjectKey> {
    let closed = one.verdict != Verdict::Allowed;
    let isolating = one.isolated_by.iter().filter(move |_| closed);
    let nearest = one.nearest.iter().map(|it| &it.place.policy);
    let allowing = one.allowed_by.iter().map(|it| &it.policy);
    let cluster_wide = one.cluster_rules.iter().map(|it| &it.0.policy);
    isolating.chain(nearest).chain(allowing).chain(cluster_wide)
}
