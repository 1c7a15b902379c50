//! The day's policies, the right ones, and what else stands between two pods, in a network that enforces: the exporter, agents beside each of the
//! shop's pods, and the shop itself have to say the same.
//!
//! What is dropped is decided by cyclonus' matcher in `tests/tools/enforcer`, and not by our engine.
#![expect(clippy::print_stdout, reason = "what the test saw")]

mod policies {
    pub(crate) mod look;
    pub(crate) mod stage;
}

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::filter::Filter;
use cluster_tests::http::{post_as, request};
use cluster_tests::page::Page;
use cluster_tests::{Lab, eventually, page_of};
use policies::look::{Edges, Look, edge};
use policies::stage::{LOST_EVIDENCE, SHOP, Stage};
use serde_json::json;

const MINUTE: Duration = Duration::from_mins(1);
/// The edges of `manifests/platform/flows.yaml`: calls and look-ups of names.
const FLOWS: usize = 27;
/// Those within the cluster: an agent is in the pod that dials.
const TRIED: usize = 26;
/// What the day's two policies forbid.
const CUT: usize = 15;
const TO_CART: [&str; 2] = [
    "checkoutservice -> cartservice:7070/TCP",
    "frontend -> cartservice:7070/TCP",
];

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn policies_exporter_agents_and_the_shop_agree_in_a_network_that_enforces() -> Result<()> {
    let stage = Stage::set(Lab::entered())?;
    all_is_open(&stage, "without policies");
    a_token_is_good_for_its_own_pod_alone(&stage)?;
    a_policy_that_is_not_enforced_is_a_gap_on_its_edges(&stage)?;
    the_days_policies_cut_fifteen_calls(&stage)?;
    the_right_policies_cut_none(&stage)?;
    lost_evidence_is_never_ok(&stage)?;
    a_process_that_stopped_is_no_policy(&stage)?;
    how_long_the_network_took_to_follow(&stage)
}

/// Looks until the page is as wanted, and prints it.
fn shown(stage: &Stage, what: &str, limit: Duration, is: impl Fn(&Look) -> bool) -> Look {
    let look = eventually(what, limit, || {
        let look = stage.look()?;
        ensure!(is(&look), "{look}");
        Ok(look)
    });
    println!("{what}: {look}");
    look
}

fn all_is_open(stage: &Stage, when: &str) {
    let what = format!("all is well {when}");
    shown(stage, &what, 4 * MINUTE, |look| {
        look.in_state("ok").len() == FLOWS && look.observed(true).len() == TRIED
    });
    buy(stage);
}

/// A visit of the front page asks everybody, and places an order.
fn buy(stage: &Stage) {
    let orders = || {
        let stats = stage.stats("checkoutservice")?;
        let of = &stats["requests"]["/hipstershop.CheckoutService/PlaceOrder"]["succeeded"];
        Ok::<_, anyhow::Error>(of.as_u64().unwrap_or_default())
    };
    eventually("a purchase goes through", MINUTE, || {
        let before = orders()?;
        let (_, address) = stage.pod("frontend")?;
        let page = request("GET", &format!("{address}:8080"), "/", "")?;
        ensure!(page.contains("Online Boutique"), "{page}");
        let after = orders()?;
        ensure!(after > before, "{before} orders, and {after} after it");
        Ok(())
    });
}

/// The API server's own reviews of tokens: agents are let in by them, and nobody else is.
fn a_token_is_good_for_its_own_pod_alone(stage: &Stage) -> Result<()> {
    let (pod, _) = stage.pod("adservice")?;
    let (other, _) = stage.pod("emailservice")?;
    let account = stage.lab.get(&["pod", "-n", SHOP, &pod])?["spec"]["serviceAccountName"].take();
    let account = account.as_str().context("a ServiceAccount")?;
    let token = |audience: &str| {
        let audience = format!("--audience={audience}");
        let bound = format!("--bound-object-name={pod}");
        let of = ["-n", SHOP, "--bound-object-kind=Pod", &bound, &audience];
        let create = ["create", "token", account];
        stage.lab.kubectl(&[&create[..], &of].concat())
    };
    let (ours, theirs) = (token("netpol-exporter")?, token("somebody-else")?);
    let as_pod = |name: &str| json!({"pod": {"namespace": SHOP, "name": name}});
    let node = json!({"node": format!("{}-0", stage.lab.name())});
    let nobodys = "nobody's".to_owned();
    let before = stage.page()?;
    for (token, agent, status) in [
        (&ours, as_pod(&pod), "200"),
        (&ours, as_pod(&other), "403"),
        (&ours, node, "403"),
        (&theirs, as_pod(&pod), "401"),
        (&nobodys, as_pod(&pod), "401"),
    ] {
        let report = json!({"agent": agent}).to_string();
        let answer = post_as(token.trim(), &stage.exporter()?, "/api/v1/reach", &report);
        let told = answer.map_or_else(|refused| refused.to_string(), |_| " 200 ".to_owned());
        ensure!(
            told.contains(&format!(" {status} ")),
            "{agent}: not {status} but {told}"
        );
    }
    let page = stage.page()?;
    for (result, more) in [("forbidden", 2.0), ("unauthorized", 2.0)] {
        let count = |page: &Page| page.sum("netpol_reports_total", &[("result", result)]);
        let (before, now) = (count(&before).context("none")?, count(&page));
        ensure!(
            now == Some(before + more),
            "{result}: {before}, then {now:?}"
        );
    }
    for (role, agents) in [("pod", 12.0), ("node", 1.0)] {
        let up = page.sum("netpol_agents", &[("role", role), ("state", "up")]);
        ensure!(up == Some(agents), "agents of role {role}: {up:?}");
    }
    println!(
        "tokens: 12 pods' agents and a node's are let in, four wrong ones are refused and counted"
    );
    Ok(())
}

fn a_policy_that_is_not_enforced_is_a_gap_on_its_edges(stage: &Stage) -> Result<()> {
    const POLICY: &str = "cartservice-is-closed";
    let to_cart: Edges = TO_CART.map(str::to_owned).into();
    let lab = &stage.lab;
    lab.apply(&[
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": POLICY, "namespace": SHOP},
        "spec": {"podSelector": {"matchLabels": {"app": "cartservice"}}, "policyTypes": ["Ingress"]}}),
    ])?;
    let only = |look: &Look, state: &str| {
        look.in_state(state) == to_cart && look.in_state("ok").len() == FLOWS - to_cart.len()
    };
    shown(stage, "cartservice is closed", 2 * MINUTE, |look| {
        only(look, "blocked_by_policy") && look.observed(false) == to_cart
    });
    let policy = ["annotate", "networkpolicy", POLICY, "-n", SHOP];
    lab.kubectl(&[&policy[..], &["sidelights.test/not-enforced="]].concat())?;
    shown(
        stage,
        "and is not, though it should be",
        2 * MINUTE,
        |look| only(look, "enforcement_gap") && look.observed(true).len() == TRIED,
    );
    stage.withdraw_all()
}

fn the_days_policies_cut_fifteen_calls(stage: &Stage) -> Result<()> {
    stage.apply("day-one")?;
    shown(stage, "the day's policies", 2 * MINUTE, |look| {
        let blocked = look.in_state("blocked_by_policy");
        blocked.len() == CUT
            && look.observed(false) == blocked
            && look.in_state("ok").len() == FLOWS - CUT
    });
    eventually("the agents' own pages say so, too", MINUTE, || {
        let mut shut = Vec::new();
        for (_, address) in stage.lab.pods(SHOP, "app")? {
            let page = page_of(&format!("{address}:9606"))?;
            let timed_out = page.series("reach_agent_plan_dials", &[("outcome", "timed_out")]);
            let timed_out = timed_out.filter(|(_, dials)| *dials > 0.5);
            shut.extend(timed_out.map(|(series, _)| series.to_owned()));
        }
        ensure!(shut.len() == CUT, "{shut:?}");
        Ok(())
    });
    // Connections that stand are let on. A frontend that has none meets the policies, and is Ready all the same.
    let lab = &stage.lab;
    lab.kubectl(&["delete", "pod", "-n", SHOP, "-l", "app=frontend"])?;
    lab.rolled_out(SHOP);
    let mut before = visits(stage)?;
    let turned_away = eventually("every visit of the shop fails", 2 * MINUTE, || {
        let now = visits(stage)?;
        if now.succeeded != before.succeeded {
            before = now;
        }
        let failed = now.failed - before.failed;
        ensure!(failed >= 5, "{failed} since one succeeded");
        Ok(failed)
    });
    let calls = stage.stats("frontend")?["calls"].take();
    let calls = calls.as_object().context("no calls")?;
    ensure!(
        calls.values().all(|call| call["succeeded"] == 0),
        "the frontend reaches somebody: {calls:?}"
    );
    let callees = calls.len();
    println!(
        "{turned_away} visits failed and none succeeded, nor did any call of the frontend's to {callees} others"
    );
    Ok(())
}

/// What came of the load generator's visits.
#[derive(Clone, Copy)]
struct Visits {
    succeeded: u64,
    failed: u64,
}

fn visits(stage: &Stage) -> Result<Visits> {
    let stats = stage.stats("loadgenerator")?;
    let count = |outcome: &str| stats["calls"]["frontend"][outcome].as_u64();
    Ok(Visits {
        succeeded: count("succeeded").context("no visits")?,
        failed: count("failed").context("no visits")?,
    })
}

fn the_right_policies_cut_none(stage: &Stage) -> Result<()> {
    // The day's two go last: for a moment there is too little that is allowed, and never too much.
    stage.apply("shop")?;
    let day_one = ["default-deny-ingress", "allow-frontend-ingress"];
    let delete = ["delete", "networkpolicy", "-n", SHOP];
    stage.lab.kubectl(&[&delete[..], &day_one].concat())?;
    all_is_open(stage, "with the right policies");
    let before = visits(stage)?;
    eventually("visits succeed again", MINUTE, || {
        let now = visits(stage)?;
        ensure!(now.succeeded > before.succeeded, "none does");
        Ok(())
    });
    Ok(())
}

fn lost_evidence_is_never_ok(stage: &Stage) -> Result<()> {
    let lab = &stage.lab;
    let told = || -> Result<Edges> {
        let samples = lab.query(LOST_EVIDENCE)?;
        let edges = samples
            .iter()
            .map(|it| edge(|label| it["metric"][label].as_str()));
        edges.collect()
    };
    // The frontend's agent was away with its pod, a minute ago.
    let tried = eventually("all is tried, and no alert fires", MINUTE, || {
        let (tried, told) = (stage.look()?.observed(true), told()?);
        ensure!(
            tried.len() == TRIED && told.is_empty(),
            "{tried:?}, {told:?}"
        );
        Ok(tried)
    });
    println!("the alert on lost evidence does not fire");
    // All that the network carries to the exporter, standing connections included, except what Prometheus asks.
    let prometheus = lab.pods("monitoring", "app.kubernetes.io/name=prometheus")?;
    let (_, prometheus) = prometheus.first().context("no Prometheus")?;
    let chain = format!(
        "type filter hook forward priority -10; ip saddr != {prometheus} tcp dport 9602 drop;"
    );
    let cut = Filter::here("agents-cut-off", &chain)?;
    shown(stage, "the agents are cut off", 2 * MINUTE, |look| {
        look.in_state("unknown") == tried && look.in_state("ok").len() == FLOWS - TRIED
    });
    eventually("the alert fires", 4 * MINUTE, || {
        let told = told()?;
        ensure!(told == tried, "{told:?}");
        Ok(())
    });
    println!("it fires, for all {TRIED}");
    drop(cut);
    all_is_open(stage, "with the agents back");
    let mut agents = lab.pods(SHOP, "app")?;
    agents.extend(lab.pods("monitoring", "app.kubernetes.io/name=reach-agent")?);
    ensure!(agents.len() == 13, "{agents:?}");
    eventually("Prometheus scrapes every agent", 2 * MINUTE, || {
        let up = lab.query(r#"up{job="reach-agent"} == 1"#)?;
        let is_up = |name: &str| up.iter().any(|sample| sample["metric"]["pod"] == name);
        agents.retain(|(name, _)| !is_up(name));
        ensure!(agents.is_empty(), "not {agents:?}");
        Ok(())
    });
    Ok(())
}

/// Without its kubelet the container is not started again, and stays what it is: stopped.
fn a_process_that_stopped_is_no_policy(stage: &Stage) -> Result<()> {
    let to_cart: Edges = TO_CART.map(str::to_owned).into();
    let (pod, _) = stage.pod("cartservice")?;
    stage.lab.process("kill", "kubelet-0")?;
    stage.lab.kill(SHOP, &pod, "--role=cartservice")?;
    shown(stage, "cartservice has stopped", 2 * MINUTE, |look| {
        look.in_state("app_down") == to_cart
            && look.in_state("ok").len() == FLOWS - to_cart.len()
            && look.in_state("blocked_by_policy").is_empty()
    });
    stage.lab.process("start", "kubelet-0")?;
    all_is_open(stage, "with cartservice back");
    Ok(())
}

/// From a change in the exporter's eyes to the first dial that agrees: it includes the way of the plan to the agent.
fn how_long_the_network_took_to_follow(stage: &Stage) -> Result<()> {
    const LATENCY: &str = "netpol_enforcement_latency_seconds";
    let page = stage.page()?;
    let of = |part: &str| page.sum(&format!("{LATENCY}_{part}"), &[]);
    let (count, sum) = (of("count").context("none")?, of("sum").context("none")?);
    ensure!(count > 0.0, "the network was never seen to follow");
    println!("figure netpol_enforcement_latencies {count}");
    println!(
        "figure netpol_enforcement_latency_mean_seconds {:.3}",
        sum / count
    );
    for bound in ["0.25", "0.5", "1.0", "2.0", "4.0"] {
        let within = page.sum(&format!("{LATENCY}_bucket"), &[("le", bound)]);
        let share = within.context(bound)? / count;
        println!("figure netpol_enforcement_latency_within_{bound}_seconds {share:.3}");
    }
    Ok(())
}
