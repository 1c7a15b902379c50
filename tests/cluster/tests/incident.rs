//! The day of cartservice's restarts, played to a real kubelet, with the alerts in a real Prometheus as they ship.
//!
//! The service gets slower for seven minutes, within its budget of one second; then it is starved beyond it. Nobody waits for an alert
//! before it is: whether the warning comes before the first kill is what is asked. Then the fix that ended the day.

mod incident {
    pub(crate) mod cart;
    pub(crate) mod starvation;
}

use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use cluster_tests::{Lab, eventually, set_faults};
use incident::cart::Cart;
use incident::starvation::Starvation;

const MINUTE: Duration = Duration::from_mins(1);
/// Milliseconds that a health check takes, a step after the other. An answer counts as late from 1000 on: what is left is for a busy machine.
const CREEPING: [u32; 5] = [550, 600, 650, 700, 750];
/// All steps together take longer than `GrpcProbeHeadroomLow`'s five minutes and two scrapes.
const STEP: Duration = Duration::from_secs(84);
/// How long nothing must happen after the fix: eight periods of the mended probe.
const QUIET: Duration = Duration::from_mins(2);

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn the_incident_is_told_before_the_first_kill_and_ends_with_the_fix() -> Result<()> {
    let lab = Lab::entered();
    lab.deploy_everything()?;
    eventually("Prometheus has loaded the alerts", 3 * MINUTE, || {
        let rules = "prometheus_rule_group_rules{rule_group=~\".*;(grpc-health|sre-demo)\"}";
        let groups = lab.query(rules)?.len();
        ensure!(groups == 2, "{groups} groups of ours");
        Ok(())
    });

    let slow = Cart::rolled_out(&lab)?;
    let begun = now();
    let mut timeline = vec![("the new version is slow", begun)];
    for milliseconds in CREEPING {
        set_faults(
            &slow.address,
            &format!("{{\"rpc_delay_ms\":{milliseconds}}}"),
        )?;
        sleep(STEP);
        let kills = slow.killings(&lab)?;
        ensure!(
            kills.is_empty(),
            "killed within its budget, at {milliseconds} ms: {kills:?}"
        );
    }

    timeline.push(("it is starved beyond its budget", now()));
    let starvation = Starvation::begin(&lab);
    let killed = eventually("the kubelet kills it", 3 * MINUTE, || {
        let kills = slow.killings(&lab)?;
        kills.into_iter().min().context("not yet")
    });
    timeline.push(("the kubelet's first kill", killed));
    let warned = first_firing(&lab, "GrpcProbeHeadroomLow", &slow.pod)?;
    timeline.push(("GrpcProbeHeadroomLow fires", warned));
    ensure!(warned < killed, "warned at {warned}, killed at {killed}");

    let texts = eventually("both of the incident's texts", 3 * MINUTE, || {
        let said = slow.unhealthy(&lab)?;
        let text = |words: [&str; 2]| {
            let found = said
                .iter()
                .find(|text| words.iter().all(|w| text.contains(w)));
            found
                .cloned()
                .with_context(|| format!("{words:?} in {said:?}"))
        };
        Ok([
            text(["timeout: failed to connect service", "within 1s"])?,
            text(["timeout: health rpc did not complete", "within 1s"])?,
        ])
    });
    eventually("it waits in CrashLoopBackOff", 5 * MINUTE, || {
        let waits = slow.waits_for(&lab)?;
        ensure!(waits == "CrashLoopBackOff", "it waits for {waits:?}");
        Ok(())
    });
    timeline.push(("CrashLoopBackOff is seen", now()));
    for alert in ["PodCrashLooping", "PodNotReady"] {
        let fired = eventually(alert, 10 * MINUTE, || first_firing(&lab, alert, &slow.pod));
        timeline.push((alert, fired));
    }
    let restarts = slow.restarts(&lab)?;

    timeline.push(("the fix is applied", now()));
    lab.deploy("manifests/platform/lab/shop-fixed", "sre-demo")?;
    let mended = Cart::only(&lab);
    ensure!(mended.pod != slow.pod, "the fix made no new pod");
    timeline.push(("the mended pod is ready, as starved as before", now()));
    mended.is_mended(&lab)?;
    sleep(QUIET);
    starvation.end()?;
    set_faults(&mended.address, "{}")?;
    let after = mended.restarts(&lab)?;
    ensure!(after == 0, "{after} restarts after the fix");
    let least = format!(
        "min_over_time(grpc_probe_budget_headroom_ratio{{pod=\"{}\"}}[2m])",
        mended.pod
    );
    let samples = lab.query(&least)?;
    let ratios = samples
        .iter()
        .filter_map(|sample| sample["value"][1].as_str());
    let headroom = ratios.map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    ensure!(headroom.len() == 2, "liveness and readiness: {headroom:?}");
    ensure!(headroom.iter().all(|ratio| *ratio > 0.0), "{headroom:?}");
    let firing = format!("ALERTS{{alertstate=\"firing\",pod=\"{}\"}}", mended.pod);
    ensure!(lab.query(&firing)?.is_empty(), "an alert on the mended pod");

    println!("what the kubelet said: {texts:#?}");
    timeline.sort_by_key(|(_, at)| *at);
    for (what, at) in timeline {
        println!("{:>5} s  {what}", at - begun);
    }
    println!("{restarts} restarts before the fix, none after it; least headroom {headroom:?}");
    Ok(())
}

/// Whole seconds since the epoch, as events have them.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or_default()
    })
}

/// When an alert on a pod began to fire, by the series that Prometheus keeps of it.
fn first_firing(lab: &Lab, alert: &str, pod: &str) -> Result<i64> {
    let series = format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\",pod=\"{pod}\"}}[1h]");
    let found = lab.query(&series)?;
    let samples = found
        .iter()
        .filter_map(|series| series["values"].as_array());
    let times = samples.flatten().filter_map(|sample| sample[0].as_f64());
    let first = times.fold(f64::INFINITY, f64::min);
    ensure!(first.is_finite(), "{alert} does not fire");
    #[expect(clippy::cast_possible_truncation, reason = "seconds since the epoch")]
    Ok(first.ceil() as i64)
}
