//! What the kubelet does to pods whose latency follows a script, and what the exporter says it does.
//!
//! Each episode is a pod of its own with one probe. The kubelet's kills (restarts) and turns to unready are set against the exporter's
//! counters, which come from its own probes of the same pods. `WRITE_VERDICTS=1` writes the table to docs/verdicts.md.

mod verdicts {
    pub(crate) mod episode;
    pub(crate) mod table;
}

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::grpc_health::exporter;
use cluster_tests::page::Page;
use cluster_tests::{Lab, eventually, page_of};
use serde_json::json;
use verdicts::episode::{Episode, Outcome, Seen, episodes};
use verdicts::table::Row;

const MINUTE: Duration = Duration::from_mins(1);
const NAMESPACE: &str = "sre-demo";
/// Long enough for a kill to be carried out, the container to be back, and all of it to be on the page.
const AFTERMATH: Duration = Duration::from_secs(20);

/// Of the episodes that are not open, at most one in this many may have to be played a second time.
const SELDOM: usize = 10;

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn the_kubelet_does_what_the_exporter_says_it_does() -> Result<()> {
    let lab = Lab::entered();
    lab.deploy_everything()?;
    let episodes = episodes();
    ensure!(episodes.len() >= 40, "{} episodes", episodes.len());
    let (mut rows, agreement) = play(&lab, &episodes)?;
    // On a busy machine kubelet or exporter may come too late to see what the script has for them. What is wrong is so the second time, too.
    let wrong: Vec<Row> = rows.iter().copied().filter(Row::is_wrong).collect();
    if !wrong.is_empty() {
        println!("played again: {wrong:#?}");
        let again: Vec<Episode> = wrong.iter().map(Row::episode).collect();
        let (second, _) = play(&lab, &again)?;
        verdicts::table::replace(&mut rows, second);
    }
    let text = verdicts::table::text(&rows, &agreement);
    println!("{text}");
    if std::env::var_os("WRITE_VERDICTS").is_some() {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verdicts.md"),
            text,
        )?;
    }
    ensure!(
        wrong.len() * SELDOM <= rows.len(),
        "{} of {} had to be played again",
        wrong.len(),
        rows.len()
    );
    let still: Vec<&Row> = rows.iter().filter(|row| row.is_wrong()).collect();
    ensure!(still.is_empty(), "wrong twice: {still:#?}");
    Ok(())
}

/// All of them at once, each with a pod of its own; and the exporter's own count of agreement.
fn play(lab: &Lab, episodes: &[Episode]) -> Result<(Vec<Row>, String)> {
    clear(lab)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("pods.json");
    let pods: Vec<_> = episodes.iter().map(Episode::pod).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods});
    std::fs::write(&file, list.to_string())?;
    lab.kubectl(&["apply", "-f", file.to_str().context("a path")?])?;
    let addresses = eventually("all run and have been measured", 8 * MINUTE, || {
        measured(lab, episodes)
    });
    let before = look(lab, episodes)?;
    thread::scope(|scope| {
        for episode in episodes {
            let address = &addresses[&episode.name()];
            scope.spawn(move || episode.play(address));
        }
    });
    thread::sleep(AFTERMATH);
    let after = look(lab, episodes)?;
    let agreement = agreement(&page(lab)?);
    clear(lab)?;
    let seen = episodes.iter().zip(before.iter().zip(&after));
    let rows = seen.map(|(episode, (before, after))| {
        Row::new(episode, Outcome::between(episode, before, after))
    });
    Ok((rows.collect(), agreement))
}

/// The pods' addresses, once each is ready and has been measured a few times.
fn measured(lab: &Lab, episodes: &[Episode]) -> Result<BTreeMap<String, String>> {
    let addresses: BTreeMap<_, _> = lab.pods(NAMESPACE, "app=episode")?.into_iter().collect();
    let page = page(lab)?;
    // Otherwise the first turn to ready would look like one to unready and back.
    let list = lab.get(&["pods", "-n", NAMESPACE, "-l", "app=episode"])?;
    let mut pods = list["items"].as_array().context("a list")?.iter();
    let unready = pods.find(|pod| pod["status"]["containerStatuses"][0]["ready"] != true);
    ensure!(unready.is_none(), "not ready: {unready:?}");
    for episode in episodes {
        let name = episode.name();
        ensure!(addresses.contains_key(&name), "{name} has no address");
        let good = [("pod", name.as_str()), ("result", "successful")];
        let count = page.sum("grpc_probe_attempts_total", &good);
        ensure!(count >= Some(3.0), "{name}: {count:?} attempts");
    }
    Ok(addresses)
}

fn page(lab: &Lab) -> Result<Page> {
    page_of(&exporter(lab))
}

fn clear(lab: &Lab) -> Result<()> {
    let pods = ["delete", "pod", "-n", NAMESPACE, "-l", "app=episode"];
    lab.kubectl(&[&pods[..], &["--grace-period=1", "--ignore-not-found"]].concat())
        .map(drop)
}

/// What has become of each pod so far, by the kubelet and by the exporter.
fn look(lab: &Lab, episodes: &[Episode]) -> Result<Vec<Seen>> {
    let list = lab.get(&["pods", "-n", NAMESPACE, "-l", "app=episode"])?;
    let pods = list["items"].as_array().context("a list")?;
    let page = page(lab)?;
    let of = |episode: &Episode| {
        let name = episode.name();
        let pod = pods
            .iter()
            .find(|pod| pod["metadata"]["name"] == name.as_str())
            .with_context(|| name.clone())?;
        Ok(Seen::read(episode, pod, &page))
    };
    episodes.iter().map(of).collect()
}

/// The exporter's own figures of how its predictions met the kubelet's kills of these pods.
fn agreement(page: &Page) -> String {
    let count = |outcome| -> f64 {
        page.series("grpc_probe_kill_agreement_total", &[("outcome", outcome)])
            .filter(|(series, _)| series.contains("pod=\"liveness-"))
            .map(|(_, count)| count)
            .sum()
    };
    let outcomes = ["agreed", "predicted_only", "observed_only"];
    outcomes
        .map(|outcome| format!("{outcome} {}", count(outcome)))
        .join(", ")
}
