//! `netpol-exporter suggest --flows F PATH...`: the smallest policies that would open what is required and blocked, as YAML.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use netpol_engine::{
    Edge, Flow, FlowState, Matrix, NetworkPolicy, NoSuggestion, WrittenPolicy, suggest,
};
use serde::Serialize;

use super::read::{ReadArgs, Scene, read};
use super::{flow, print};

/// Suggests policies.
#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// Files or folders of manifests: workloads, Services, policies.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only for flows from this workload.
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// Only for flows to this target, as the file of flows has it: `svc/emailservice:5000`.
    #[arg(long, value_name = "TO:PORT")]
    to: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
}

/// A policy as `kubectl apply` takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    policy: &'a WrittenPolicy,
}

/// What is suggested for one flow after the other, each with those before it in force.
struct Suggested {
    /// What to add, with the flow that it is for.
    policies: Vec<(String, WrittenPolicy)>,
    /// What there is nothing to suggest for, and why.
    without: Vec<(String, NoSuggestion)>,
    /// What else would be opened.
    also: Vec<Edge>,
    /// Everything with all of them in force.
    after: Matrix,
}

/// Runs the command: 1 if something stays blocked with everything that could be suggested.
pub fn run(args: &SuggestArgs) -> ExitCode {
    let scene = match read(&args.paths, &args.read) {
        Ok(scene) => scene,
        Err(error) => return print::refuse(&error),
    };
    let wanted = |flow: &&Flow| {
        let (from, to) = flow::ends(flow, &scene.namespace);
        args.from.as_ref().is_none_or(|it| *it == from)
            && args.to.as_ref().is_none_or(|it| *it == to)
    };
    let flows: Vec<&Flow> = scene.model.required().iter().filter(wanted).collect();
    if flows.is_empty() {
        return print::refuse(
            "no required flow is meant: --from and --to are as `check --format=json` writes them",
        );
    }
    let suggested = Suggested::new(&flows, &scene);
    match suggested.render(&flows, &scene) {
        Ok(text) => print::answer(&text),
        Err(error) => return print::refuse(&error),
    }
    print::exit([&scene], !suggested.without.is_empty())
}

// === impl Suggested ===

impl Suggested {
    fn new(flows: &[&Flow], scene: &Scene) -> Self {
        let mut suggested = Self {
            policies: Vec::new(),
            without: Vec::new(),
            also: Vec::new(),
            after: scene.model.matrix().clone(),
        };
        for required in flows {
            let name = flow::name(required, &scene.namespace);
            match suggest(&suggested.after, required) {
                Ok(found) => suggested.add(&name, found.policies, found.also),
                // Not the policies' fault, or nobody's.
                Err(
                    NoSuggestion::Allowed
                    | NoSuggestion::SourceAbsent
                    | NoSuggestion::TargetAbsent(_),
                ) => {}
                Err(reason) => suggested.without.push((name, reason)),
            }
        }
        suggested
    }

    fn add(&mut self, name: &str, policies: Vec<WrittenPolicy>, also: Vec<Edge>) {
        for policy in policies {
            if let Ok(checked) = NetworkPolicy::check(&policy) {
                self.after.apply_policy(checked);
            }
            self.policies.push((name.to_owned(), policy));
        }
        self.also.extend(also);
    }

    /// YAML, with what is to be known about it in comments.
    fn render(&self, flows: &[&Flow], scene: &Scene) -> Result<String, String> {
        let mut text = String::new();
        let allowed = |matrix: &Matrix| {
            let judged = flows.iter().map(|it| {
                it.judge(matrix.cluster(), |query| matrix.verdict(query))
                    .state
            });
            judged.filter(|it| *it == FlowState::Allowed).count()
        };
        let (before, after) = (allowed(scene.model.matrix()), allowed(&self.after));
        let of = flows.len();
        let _ = match self.policies.len() {
            0 => writeln!(
                text,
                "# Nothing to add: {before} of {of} required flows are allowed."
            ),
            count => writeln!(
                text,
                "# {count} {} to add: {after} of {of} required flows are allowed then, {before} of them without.",
                if count == 1 { "policy" } else { "policies" }
            ),
        };
        if !self.policies.is_empty() {
            match self.also.len() {
                0 => text.push_str("# Evaluated again with what is added: nothing else is opened.\n"),
                _ => text.push_str("# Evaluated again with what is added: labels do not tell everybody apart, so this is opened as well:\n"),
            }
        }
        for edge in &self.also {
            let _ = writeln!(text, "#   {edge}");
        }
        for (name, reason) in &self.without {
            let _ = writeln!(text, "# {name}: {reason}");
        }
        for (name, policy) in &self.policies {
            let applied = Applied {
                api_version: "networking.k8s.io/v1",
                kind: "NetworkPolicy",
                policy,
            };
            let yaml = serde_saphyr::to_string(&applied).map_err(|error| error.to_string())?;
            let _ = write!(text, "---\n# {name}\n{yaml}");
        }
        Ok(text)
    }
}
