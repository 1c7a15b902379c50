//! What the gRPC health exporter makes of a cluster that is not there for a while: it stays up, says that what it shows is stale, loses no
//! counter, and is right again soon after.

mod outage {
    pub(crate) mod cut;
}

use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cluster_tests::grpc_health::{SELECTOR, exporter, in_step, in_step_with};
use cluster_tests::http::request;
use cluster_tests::page::Page;
use cluster_tests::{Lab, eventually, page_of};
use outage::cut;

const MINUTE: Duration = Duration::from_mins(1);
/// Within this much of the end of an outage the exporter is right again.
const RECOVERY: Duration = Duration::from_secs(15);
const OUTAGE: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);
/// The Service `kubernetes`, which is all that a pod knows of the API server.
const SERVICE: ([u8; 4], u16) = ([10, 96, 0, 1], 443);
const ATTEMPTS: &str = "grpc_probe_attempts_total";
/// The Deployment whose pod is replaced, so that there is something to be right about.
const REPLACED: &str = "emailservice";

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn while_the_api_server_is_away_it_says_so_and_probes_on() -> Result<()> {
    let lab = Lab::entered();
    lab.deploy_everything()?;
    let exporter = exporter(&lab);
    let mut before = eventually("it is in step", MINUTE, || in_step(&exporter));
    lab.process("stop", "kube-apiserver")?;
    let stopped = Instant::now();
    let outage = eventually("it says that it is stale", OUTAGE, || is_stale(&exporter));
    println!("stale was said after {:?}", stopped.elapsed());
    let begun = outage.sum(ATTEMPTS, &[]);
    while stopped.elapsed() < OUTAGE {
        let page = page_of(&exporter)?;
        nothing_fell(&page, &before)?;
        request("GET", &exporter, "/livez", "")?;
        before = page;
        sleep(Duration::from_secs(2));
    }
    ensure!(before.sum(ATTEMPTS, &[]) > begun, "it probed no more");
    lab.process("start", "kube-apiserver")?;
    eventually("the API server is ready", MINUTE, || {
        lab.kubectl(&["get", "--raw", "/readyz"])
    });
    // Without its Lease the controller manager ends, and in most clusters a kubelet starts it again.
    lab.process("start", "kube-controller-manager")?;
    // One that is asked to end takes itself out of its Service first, and kube-proxy waits for up to half a minute before it looks again.
    eventually("its Service leads to it", MINUTE, || {
        Ok(TcpStream::connect_timeout(&SERVICE.into(), SECOND)?)
    });
    right_again(&lab, &exporter, &before)?;
    is_still_the_first(&lab)
}

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn a_broken_watch_is_told_and_taken_up_again() -> Result<()> {
    let lab = Lab::entered();
    lab.deploy_everything()?;
    let exporter = exporter(&lab);
    let before = eventually("it is in step", MINUTE, || in_step(&exporter));
    let (pod, _) = lab.pods("monitoring", SELECTOR)?.remove(0);
    let broken = cut::between_api_server_and(lab.process_of("monitoring", &pod)?)?;
    replace(&lab)?;
    let cut_off = eventually("it says that it is stale", OUTAGE, || is_stale(&exporter));
    nothing_fell(&cut_off, &before)?;
    ensure!(
        in_step_with(&lab, &exporter, REPLACED).is_err(),
        "it was told of the new pod: nothing was cut"
    );
    drop(broken);
    right_again(&lab, &exporter, &before)?;
    is_still_the_first(&lab)
}

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn a_kubelet_that_restarts_changes_nothing() -> Result<()> {
    let lab = Lab::entered();
    lab.deploy_everything()?;
    let exporter = exporter(&lab);
    let before = eventually("it is in step", MINUTE, || in_step(&exporter));
    lab.process("restart", "kubelet-0")?;
    right_again(&lab, &exporter, &before)?;
    replace(&lab)?;
    right_again(&lab, &exporter, &before)?;
    is_still_the_first(&lab)
}

/// Its page, if it says that it has lost sight of the pods.
fn is_stale(exporter: &str) -> Result<Page> {
    let page = page_of(exporter)?;
    let pods = page.sum("kube_watch_synced", &[("kind", "Pod")]);
    ensure!(pods == Some(0.0), "in step with pods: {pods:?}");
    Ok(page)
}

/// A new pod in the place of another, available.
fn replace(lab: &Lab) -> Result<()> {
    let selector = format!("app={REPLACED}");
    lab.kubectl(&["delete", "pod", "-n", "sre-demo", "-l", &selector])?;
    let deployment = format!("deployment/{REPLACED}");
    let status = ["rollout", "status", "--timeout=120s", "-n", "sre-demo"];
    lab.kubectl(&[&status[..], &[&deployment]].concat())
        .map(drop)
}

fn right_again(lab: &Lab, exporter: &str, before: &Page) -> Result<()> {
    let page = eventually("it is right again", RECOVERY, || {
        in_step_with(lab, exporter, REPLACED)
    });
    nothing_fell(&page, before)
}

fn nothing_fell(page: &Page, before: &Page) -> Result<()> {
    let fallen = page.fallen_since(before);
    ensure!(fallen.is_empty(), "fallen: {fallen:?}");
    Ok(())
}

/// It was not restarted.
fn is_still_the_first(lab: &Lab) -> Result<()> {
    let pods = lab.get(&["pods", "-n", "monitoring", "-l", SELECTOR])?;
    let restarts = &pods["items"][0]["status"]["containerStatuses"][0]["restartCount"];
    ensure!(*restarts == 0, "restarts: {restarts}");
    Ok(())
}
