//! The gRPC health exporter as its manifests deploy it, and pods that come and go under it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::grpc_health::{SELECTOR, exporter, in_step_with};
use cluster_tests::http::request;
use cluster_tests::{Lab, eventually, page_of};

const MINUTE: Duration = Duration::from_mins(1);
const ATTEMPTS: &str = "grpc_probe_attempts_total";

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn from_its_manifests_alone_it_is_ready_under_restricted_security_and_scraped() -> Result<()> {
    let lab = Lab::entered();
    let namespace = ["label", "namespace", "monitoring", "--overwrite"];
    let enforce = |level: &str| {
        let label = format!("pod-security.kubernetes.io/enforce{level}");
        lab.kubectl(&[&namespace[..], &[&label]].concat())
    };
    enforce("=restricted")?;
    lab.deploy_everything()?;
    restart(&lab)?;
    enforce("-")?;
    let up = r#"up{job="grpc-health-exporter"} == 1"#;
    eventually("Prometheus scrapes it", 3 * MINUTE, || {
        ensure!(lab.query(up)?.len() == 1, "up is not 1");
        Ok(())
    });
    eventually("all nine gRPC services are measured", MINUTE, || {
        let pods = r#"count by (pod) (grpc_probe_last_timestamp_seconds{pod=~".+service-.+"})"#;
        let measured = lab.query(pods)?;
        ensure!(measured.len() == 9, "{measured:?}");
        Ok(())
    });
    Ok(())
}

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn each_right_it_has_is_used_and_without_one_it_says_which_and_stays_up() -> Result<()> {
    let lab = Lab::entered();
    lab.deploy_everything()?;
    let role = ["role", "grpc-health-exporter", "-n", "sre-demo"];
    let rules = lab.get(&role)?["rules"].clone();
    let count = rules.as_array().context("rules")?.len();
    for rule in 0..count {
        let verbs = rules[rule]["verbs"].as_array().context("verbs")?.clone();
        let resource = rules[rule]["resources"][0].as_str().context("a resource")?;
        for (index, verb) in verbs.iter().enumerate() {
            let verb = verb.as_str().context("a verb")?;
            let patch = format!(r#"[{{"op":"remove","path":"/rules/{rule}/verbs/{index}"}}]"#);
            lab.kubectl(&[&["patch"], &role[..], &["--type=json", "-p", &patch]].concat())?;
            restart_unready(&lab)?;
            let missing = format!("cannot {verb} resource \"{resource}\"");
            eventually("it says which right it lacks", MINUTE, || {
                let log = lab.kubectl(&[
                    "logs",
                    "-n",
                    "monitoring",
                    "deployment/grpc-health-exporter",
                ])?;
                // The message is quoted in a quoted field of the log.
                ensure!(
                    log.replace('\\', "").contains(&missing),
                    "no {missing} in {log}"
                );
                ensure!(
                    request("GET", &exporter(&lab), "/livez", "").is_ok(),
                    "it is down"
                );
                Ok(())
            });
            println!("without {verb} on {resource}: said so, and stayed up");
            let patch = format!(r#"{{"rules":{rules}}}"#);
            lab.kubectl(&[&["patch"], &role[..], &["--type=merge", "-p", &patch]].concat())?;
        }
    }
    restart(&lab)
}

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn no_series_outlives_its_pod_and_the_others_have_no_gap() -> Result<()> {
    let lab = Lab::entered();
    lab.deploy_everything()?;
    let exporter = exporter(&lab);
    let mail = ["-n", "sre-demo", "deployment/emailservice"];
    let wait = ["rollout", "status", "--timeout=120s"];
    let mut before = page_of(&exporter)?;
    for change in [
        &["rollout", "restart"][..],
        &["delete", "pod", "-l", "app=emailservice", "--wait=false"],
        &["scale", "--replicas=0"],
        &["scale", "--replicas=1"],
    ] {
        let what: &[&str] = if change[0] == "delete" {
            &mail[..2]
        } else {
            &mail
        };
        lab.kubectl(&[change, what].concat())?;
        lab.kubectl(&[&wait[..], &mail].concat())?;
        let page = eventually("the page has the pods that there are", MINUTE, || {
            in_step_with(&lab, &exporter, "emailservice")
        });
        ensure!(
            page.fallen_since(&before).is_empty(),
            "{:?}",
            page.fallen_since(&before)
        );
        for service in ["cartservice", "checkoutservice", "shippingservice"] {
            let pod = &lab.pods("sre-demo", &format!("app={service}"))?[0].0;
            let of = [("pod", pod.as_str())];
            ensure!(
                page.sum(ATTEMPTS, &of) >= before.sum(ATTEMPTS, &of),
                "{service}: a gap"
            );
        }
        println!("{}: the page is right", change.join(" "));
        before = page;
    }
    Ok(())
}

/// A new pod of it, ready.
fn restart(lab: &Lab) -> Result<()> {
    restart_unready(lab)?;
    lab.kubectl(&[
        "rollout",
        "status",
        "--timeout=120s",
        "-n",
        "monitoring",
        "deployment/grpc-health-exporter",
    ])
    .map(drop)
}

/// A new pod of it, and no other: one that does not become ready would not replace the old one.
fn restart_unready(lab: &Lab) -> Result<()> {
    lab.kubectl(&["delete", "pod", "-n", "monitoring", "-l", SELECTOR])
        .map(drop)
}
