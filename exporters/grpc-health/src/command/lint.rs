//! `grpc-health-exporter lint PATH...`: what is wrong with the gRPC probes in manifests, before anything runs.
//!
//! Reads whatever carries a pod specification, field by field and not by Kubernetes' types, so that one odd value
//! costs a finding and not the file.

use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use kube_watch::Manifest;
use probe_engine::{Finding, lint};
use serde_json::Value;

pub mod written;

/// Checks the probes in manifests.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Files or folders of YAML or JSON.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

/// A finding, and where.
struct Found {
    path: PathBuf,
    line: u64,
    object: String,
    container: String,
    finding: Finding,
}

/// Runs the command: 0 without findings, 1 with some, 2 when something could not be read.
pub fn run(args: &LintArgs) -> ExitCode {
    let mut found = Vec::new();
    let mut unread = Vec::new();
    for path in &args.paths {
        match kube_watch::manifests(path) {
            Ok((manifests, problems)) => {
                found.extend(manifests.iter().flat_map(findings));
                unread.extend(problems.iter().map(ToString::to_string));
            }
            Err(error) => unread.push(format!("{}: {error}", path.display())),
        }
    }
    let text = if args.json {
        json(&found)
    } else {
        words(&found, unread.is_empty())
    };
    // A reader that has seen enough is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
    for problem in &unread {
        let _ = writeln!(std::io::stderr(), "{problem}");
    }
    match (unread.is_empty(), found.is_empty()) {
        (false, _) => ExitCode::from(2),
        (true, false) => ExitCode::FAILURE,
        (true, true) => ExitCode::SUCCESS,
    }
}

fn findings(manifest: &Manifest) -> Vec<Found> {
    let object = &manifest.object;
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("?")
    };
    let name = format!("{} {}", text("/kind"), text("/metadata/name"));
    written::containers(object)
        .into_iter()
        .flat_map(|(container, written)| {
            lint(&written)
                .into_iter()
                .map(move |finding| (container.clone(), finding))
        })
        .map(|(container, finding)| Found {
            path: manifest.path.clone(),
            line: manifest.line,
            object: name.clone(),
            container,
            finding,
        })
        .collect()
}

fn words(found: &[Found], all_read: bool) -> String {
    let mut text = String::new();
    for Found {
        path,
        line,
        object,
        container,
        finding,
    } in found
    {
        let _ = writeln!(
            text,
            "{}:{line}: {object}, container {container}: {finding}",
            display(path)
        );
    }
    let _ = match found.len() {
        0 if !all_read => writeln!(text, "no findings in what could be read"),
        0 => writeln!(text, "no findings"),
        1 => writeln!(text, "1 finding"),
        count => writeln!(text, "{count} findings"),
    };
    text
}

fn json(found: &[Found]) -> String {
    let found: Vec<_> = found
        .iter()
        .map(
            |Found {
                 path,
                 line,
                 object,
                 container,
                 finding,
             }| {
                serde_json::json!({
                    "file": display(path),
                    "line": line,
                    "object": object,
                    "container": container,
                    "probe": finding.probe_type.field(),
                    "rule": finding.rule.as_str(),
                    "severity": finding.severity.as_str(),
                    "field": finding.field,
                    "message": finding.message,
                })
            },
        )
        .collect();
    format!("{:#}\n", Value::Array(found))
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
