//! cyclonus' matcher on the same cluster and the same connections (`tests/oracle/netpol`, `-time FILE`).

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use netpol_engine::{Endpoint, Matrix, Profile, Protocol, Query, Verdict};
use serde::{Deserialize, Serialize};

use super::clock::timed;
use super::objects::Objects;
use crate::figures::{Figures, Target};

/// Ours has to be this many times as quick, all pairs of one port: hours against a tenth of a second.
const TIMES_AS_QUICK: f64 = 1000.0;
const SECONDS_PER_HOUR: f64 = 3600.0;

/// What the peer is told.
#[derive(Serialize)]
struct Told<'a> {
    namespaces: &'a std::collections::BTreeMap<String, netpol_engine::Labels>,
    pods: Vec<ToldPod<'a>>,
    policies: &'a [netpol_engine::WrittenPolicy],
    queries: &'a [Asked],
}

#[derive(Serialize)]
struct ToldPod<'a> {
    namespace: &'a str,
    name: &'a str,
    labels: &'a netpol_engine::Labels,
    v4: String,
}

/// A TCP connection between pods, by their places in the list.
#[derive(Clone, Copy, Serialize)]
struct Asked {
    source: usize,
    destination: usize,
    port: u16,
}

/// What the peer answers.
#[derive(Deserialize)]
struct Answered {
    /// A letter a query: A for allowed, D for denied.
    verdicts: String,
    build_seconds: f64,
    query_seconds: f64,
}

/// Measures both.
pub(super) fn run(
    objects: &Objects,
    oracle: Option<&Path>,
    quick: bool,
    figures: &Figures,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let oracle = match oracle {
        Some(path) => Some(path.to_owned()),
        None => build(folder.path())?,
    };
    let Some(oracle) = oracle else {
        figures.note("without Go there is no peer to set beside it")?;
        return Ok(());
    };
    let cluster = objects.cluster()?;
    let (all_pairs, matrix) = timed(|| {
        let matrix = Matrix::new(cluster, Profile::SPECIFICATION);
        std::hint::black_box(matrix.reach(Protocol::Tcp, 8000).allowed_pairs());
        matrix
    });
    let queries = queries(objects, if quick { 100 } else { 20_000 });
    let (time, verdicts) = answers(&matrix, objects, &queries);
    let answered = ask(&oracle, folder.path(), objects, &queries)?;
    if answered.verdicts != verdicts {
        bail!("cyclonus says something else: what was measured is not the same work");
    }
    let allowed = verdicts.matches('A').count();
    figures.note(&format!(
        "{} connections, {allowed} of them allowed, by both",
        queries.len()
    ))?;
    let count = number(queries.len());
    let (mine, theirs) = (time.as_secs_f64() / count, answered.query_seconds / count);
    figures.plain("netpol_random_query", mine * 1e6, "us")?;
    figures.plain("netpol_random_query_cyclonus", theirs * 1e6, "us")?;
    let pairs = number(objects.pods.len()).powi(2);
    let (mine, theirs) = (
        all_pairs.as_secs_f64(),
        answered.build_seconds + theirs * pairs,
    );
    figures.plain("netpol_all_pairs_of_one_port", mine * 1e3, "ms")?;
    figures.plain(
        "netpol_all_pairs_of_one_port_cyclonus",
        theirs / SECONDS_PER_HOUR,
        "hours, by its time for one pair",
    )?;
    figures.against(
        "netpol_all_pairs_of_one_port_ratio",
        theirs / mine,
        "times as quick",
        Target::AtLeast(TIMES_AS_QUICK),
    )?;
    Ok(())
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Our own, a letter a query.
fn answers(matrix: &Matrix, objects: &Objects, queries: &[Asked]) -> (Duration, String) {
    let asked: Vec<Query> = queries.iter().map(|it| query(objects, *it)).collect();
    let letter = |query| match matrix.verdict(query) {
        Verdict::Allowed => 'A',
        Verdict::Denied => 'D',
        Verdict::Undefined(_) => '?',
    };
    timed(|| asked.iter().map(letter).collect())
}

/// Builds the peer's program, if there is Go to build it with.
fn build(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let program = folder.join("oracle");
    let built = Command::new("go")
        .args(["build", "-p", "2", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../oracle/netpol"))
        .status();
    match built {
        Err(_) => Ok(None),
        Ok(status) if status.success() => Ok(Some(program)),
        Ok(status) => bail!("tests/oracle/netpol cannot be built: {status}"),
    }
}

fn ask(
    oracle: &Path,
    folder: &Path,
    objects: &Objects,
    queries: &[Asked],
) -> anyhow::Result<Answered> {
    let told = Told {
        namespaces: &objects.namespaces,
        pods: objects
            .pods
            .iter()
            .map(|pod| ToldPod {
                namespace: &pod.key.namespace,
                name: &pod.key.name,
                labels: &pod.labels,
                v4: pod
                    .addresses
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            })
            .collect(),
        policies: &objects.policies,
        queries,
    };
    let file = folder.join("cluster.json");
    serde_json::to_writer(BufWriter::new(File::create(&file)?), &told)?;
    let said = Command::new(oracle)
        .arg("-time")
        .arg(&file)
        .env("GOMAXPROCS", "1")
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| oracle.display().to_string())?;
    if !said.status.success() {
        bail!("{}: {}", oracle.display(), said.status);
    }
    serde_json::from_slice(&said.stdout).context("the peer's answer")
}

/// Connections between pods, always the same ones, on the ports that the policies are about: every second one between two picked at
/// random, which is mostly denied, and every other one from the workload before to the one behind, which is mostly allowed.
fn queries(objects: &Objects, count: usize) -> Vec<Asked> {
    const PORTS: [u16; 5] = [8000, 8001, 8002, 8003, 9090];
    let mut random = fastrand::Rng::with_seed(1);
    let pods = objects.pods.len();
    let mut aimed = false;
    let mut one = || {
        aimed = !aimed;
        let destination = random.usize(..pods);
        let source = if aimed {
            destination.saturating_sub(Objects::REPLICAS)
        } else {
            random.usize(..pods)
        };
        Asked {
            source,
            destination,
            port: PORTS[random.usize(..PORTS.len())],
        }
    };
    // What a pod says to itself is for cyclonus' caller to know.
    let others = std::iter::from_fn(|| Some(one())).filter(|it| it.source != it.destination);
    others.take(count).collect()
}

fn query(objects: &Objects, asked: Asked) -> Query {
    let end = |index: usize| Endpoint::Pod(objects.pods[index].key.clone());
    Query::tcp(end(asked.source), end(asked.destination), asked.port)
}
