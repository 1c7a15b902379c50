//! The real controller scales under metrics that follow a script, and the exporter decides the same at every sync.
//!
//! Ten autoscalers of all kinds, each on a target of its own, have their metrics changed every few seconds. Each status that the
//! controller writes is set against the exporter's own answer, by the exporter: its counts of match, skewed, warming and mismatch are the
//! figures of this test. A metric breaks on the way, and the controller is restarted.
//!
//! Three exporters watch. One reads the numbers back from the status; one asks the metric APIs itself (`--mode=query`); and one comes late,
//! and has to find out from the controller's events what it remembers.
//!
//! And once nothing follows a script: the shop's frontend burns processor time, and metrics-server says how much.
#![expect(clippy::print_stdout, reason = "what the test saw")]

mod autoscaler {
    pub(crate) mod play;
    pub(crate) mod rollout;
    pub(crate) mod stage;
}

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use autoscaler::play::Play;
use autoscaler::rollout;
use autoscaler::stage::{self, Exporter, NAMESPACE, QUERY};
use cluster_tests::metrics_api::{self, MetricsApi};
use cluster_tests::page::Page;
use cluster_tests::{Lab, eventually, set_faults};

/// Statuses that have to be compared, after what is warming.
const SYNCS: f64 = 300.0;
/// How long that may take. Ten autoscalers, looked at every five seconds, make a hundred and twenty a minute.
const LIMIT: Duration = Duration::from_mins(12);
/// How often the script goes on.
const BEAT: Duration = Duration::from_millis(700);
/// metrics-server asks every 15 s, and leaves a new pod out at first.
const FIGURES: Duration = Duration::from_mins(4);
const SOON: Duration = Duration::from_secs(30);
const SHOP: &str = "sre-demo";
const RESTARTS: &str = "hpa_decision_controller_restarts_total";
/// As the label `metric_source` has them.
const SOURCES: [&str; 5] = [
    "Resource",
    "ContainerResource",
    "Pods",
    "Object",
    "External",
];
/// The autoscaler whose policies reach back for longer than the play takes, and do not let it be scaled often: of a third event of the same
/// words the API client counts up the first, and then it is not known when the second was.
const REMEMBERED: [(&str, &str); 1] = [("horizontalpodautoscaler", "policies")];

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn the_controller_decides_as_the_exporter_says_it_does() -> Result<()> {
    let lab = Lab::entered();
    let api = MetricsApi::start(&lab)?;
    let result = play(&lab, &api);
    stage::clear(&lab)?;
    metrics_api::restore(&lab)?;
    result
}

fn play(lab: &Lab, api: &MetricsApi) -> Result<()> {
    stage::namespace(lab)?;
    stage::clear(lab)?;
    let exporter = Exporter::start(NAMESPACE, &[])?;
    let asking = Exporter::start(NAMESPACE, QUERY)?;
    stage::targets(lab)?;
    eventually("all targets run", Duration::from_mins(3), || {
        stage::all_run(lab)
    });
    let mut play = Play::new(api, 7);
    play.beat(lab)?;
    // Autoscalers that come after the exporter have no past that it does not know.
    stage::autoscalers(lab)?;
    let began = Instant::now();
    let mut restarted = false;
    let mut scaled_before = None;
    let mut late = None;
    loop {
        sleep(BEAT);
        play.beat(lab)?;
        let page = exporter.page()?;
        let counts = Counts::read(&page);
        if counts.compared() > SYNCS / 2.0 && !restarted {
            restarted = true;
            println!("before the controller's restart: {counts:?}");
            lab.process("restart", "kube-controller-manager")?;
        }
        if page.sum(RESTARTS, &[]) == Some(1.0) {
            let scaled = page.sum("hpa_decision_scale_events_total", &REMEMBERED);
            let before = *scaled_before.get_or_insert(scaled);
            if late.is_none() && scaled > before {
                play.release(REMEMBERED[0].1);
                late = Some(late_exporter()?);
            } else if late.is_none() {
                // Chance alone may leave it at its maximum for longer than this takes.
                let current = page.sum("hpa_decision_current_replicas", &REMEMBERED);
                let load = if current > Some(2.0) { 0.2 } else { 3.0 };
                play.press(REMEMBERED[0].1, load);
            }
        }
        if counts.compared() >= SYNCS && late.is_some() {
            break;
        }
        ensure!(
            began.elapsed() < LIMIT,
            "not within {LIMIT:?}: {counts:?}, restarts {:?}, came late: {}",
            page.sum(RESTARTS, &[]),
            late.is_some()
        );
    }
    asked_and_agreed(&asking, "hpa_query", &SOURCES)?;
    if let Some(late) = late {
        let page = agreed(&late, "hpa_late_agreement")?;
        ensure!(Counts::read(&page).agreed > 0.0, "it compared nothing");
    }
    let page = agreed(&exporter, "hpa_agreement")?;
    let broken = [
        ("horizontalpodautoscaler", "broken"),
        ("namespace", NAMESPACE),
    ];
    ensure!(
        page.sum("hpa_decision_metric_errors_total", &broken) > Some(0.0),
        "the broken metric was not seen"
    );
    ensure!(
        page.sum("hpa_decision_scale_events_total", &[]) > Some(20.0),
        "hardly anything was scaled"
    );
    let rollout = [
        ("horizontalpodautoscaler", rollout::NAME),
        ("result", "match"),
    ];
    let matches = page.sum("hpa_decision_checks_total", &rollout);
    println!("of the kind that is not watched: {matches:?} match");
    ensure!(
        matches > Some(10.0),
        "hardly anything was compared of the kind that is not watched"
    );
    let period = [("setting", "sync_period"), ("source", "configz")];
    let period = page.sum("hpa_decision_controller_setting", &period);
    ensure!(period == Some(5.0), "the controller's period: {period:?}");
    let restarts = page.sum(RESTARTS, &[]);
    ensure!(restarts == Some(1.0), "restarts: {restarts:?}");
    Ok(())
}

/// An exporter that comes when the controller remembers changes of the scale that it did not see. Events tell it of them as soon as it has
/// heard of everything; by waiting alone it would take ten minutes.
fn late_exporter() -> Result<Exporter> {
    let late = Exporter::start(NAMESPACE, &[])?;
    eventually("events tell what was scaled", SOON, || {
        let page = late.page()?;
        let labels = [REMEMBERED[0], ("kind", "scale_events")];
        let complete = page.sum("hpa_decision_history_complete", &labels);
        ensure!(complete == Some(1.0), "{complete:?}");
        Ok(())
    });
    Ok(late)
}

#[test]
#[ignore = "needs a lab: tests/cluster/run"]
fn the_shops_frontend_is_scaled_by_what_it_really_uses() -> Result<()> {
    let lab = Lab::entered();
    lab.deploy_everything()?;
    let exporter = Exporter::start(SHOP, &[])?;
    let asking = Exporter::start(SHOP, QUERY)?;
    lab.deploy("manifests/platform/autoscaler", SHOP)?;
    let result = burn_and_rest(&lab, &exporter)
        .and_then(|()| asked_and_agreed(&asking, "hpa_frontend_query", &SOURCES[..1]));
    lab.kubectl(&["delete", "hpa", "frontend", "-n", SHOP])?;
    let alone = ["scale", "deployment/frontend", "-n", SHOP, "--replicas=1"];
    lab.kubectl(&alone)?;
    result
}

/// One and a half times what the pod asks for is three pods at half of it. Afterwards they stay: it is five minutes until
/// the controller lets go of them.
fn burn_and_rest(lab: &Lab, exporter: &Exporter) -> Result<()> {
    let frontend = [("horizontalpodautoscaler", "frontend")];
    let replicas = |page: &Page, metric: &str| page.sum(metric, &frontend).unwrap_or_default();
    eventually("metrics-server has measured it", FIGURES, || {
        let usage = exporter.page()?.sum("hpa_decision_metric_usage", &frontend);
        ensure!(usage.is_some(), "no usage");
        Ok(())
    });
    let pod = lab.pods(SHOP, "app=frontend")?.swap_remove(0).1;
    set_faults(&pod, r#"{"burn": {"busy_ms": 3, "idle_ms": 17}}"#)?;
    let scaled = eventually("it is scaled to what it uses", FIGURES, || {
        let page = exporter.page()?;
        let (wish, current) = (
            replicas(&page, "hpa_decision_wish_replicas"),
            replicas(&page, "hpa_decision_current_replicas"),
        );
        ensure!(current >= 2.0, "wish {wish}, current {current}");
        println!("burning: wish {wish}, current {current}");
        Ok(Counts::read(&page))
    });
    // The new pods have no metric at first: what the exporter makes of that, it has to remember as the controller does.
    let burnt = eventually("three more statuses are judged", FIGURES, || {
        judged(exporter, &scaled, 3.0)
    });
    set_faults(&pod, "{}")?;
    let rested = eventually("it wants fewer, and is held", FIGURES, || {
        let page = exporter.page()?;
        let (wish, stabilized, current) = (
            replicas(&page, "hpa_decision_wish_replicas"),
            replicas(&page, "hpa_decision_stabilized_replicas"),
            replicas(&page, "hpa_decision_current_replicas"),
        );
        ensure!(
            wish < stabilized && (stabilized - current).abs() < 0.5,
            "wish {wish}, stabilized {stabilized}, current {current}"
        );
        println!("at rest: wish {wish}, stabilized {stabilized}, current {current}");
        judged(exporter, &burnt, 1.0)
    });
    ensure!(
        rested.agreed >= 3.0,
        "hardly anything was compared: {rested:?}"
    );
    agreed(exporter, "hpa_agreement").map(drop)
}

/// The counts, if so many more statuses than before are judged.
fn judged(exporter: &Exporter, before: &Counts, more: f64) -> Result<Counts> {
    let total = |counts: &Counts| counts.all().iter().map(|(_, count)| count).sum::<f64>();
    let counts = Counts::read(&exporter.page()?);
    ensure!(total(&counts) >= total(before) + more, "{counts:?}");
    Ok(counts)
}

/// What an exporter that asks the metric APIs itself makes of it: no mismatch, and of each of these sources it saw what the controller saw.
fn asked_and_agreed(exporter: &Exporter, figure: &str, sources: &[&str]) -> Result<()> {
    let page = agreed(exporter, &format!("{figure}_agreement"))?;
    for source in sources {
        let count = |result| {
            let labels = [("metric_source", *source), ("result", result)];
            page.sum("hpa_decision_samples_total", &labels)
                .unwrap_or_default()
        };
        for result in ["match", "differs", "failed"] {
            println!(
                "figure {figure}_samples_{source}_{result} {}",
                count(result)
            );
        }
        ensure!(
            count("match") > 0.0,
            "no sample of {source} is the controller's"
        );
    }
    Ok(())
}

/// Prints the counts; an error if there is a mismatch.
fn agreed(exporter: &Exporter, figure: &str) -> Result<Page> {
    let page = exporter.page()?;
    for (result, count) in Counts::read(&page).all() {
        println!("figure {figure}_{result} {count}");
    }
    for (series, count) in page.series("hpa_decision_checks_total", &[("result", "mismatch")]) {
        ensure!(count == 0.0, "{series} {count}\n{}", exporter.mismatches()?);
    }
    Ok(page)
}

/// The exporter's verdicts so far.
#[derive(Debug)]
struct Counts {
    agreed: f64,
    disagreed: f64,
    skewed: f64,
    warming: f64,
    unsupported: f64,
}

impl Counts {
    fn read(page: &Page) -> Self {
        let count = |result| {
            page.sum("hpa_decision_checks_total", &[("result", result)])
                .unwrap_or_default()
        };
        Self {
            agreed: count("match"),
            disagreed: count("mismatch"),
            skewed: count("skewed"),
            warming: count("warming"),
            unsupported: count("unsupported"),
        }
    }

    fn compared(&self) -> f64 {
        self.agreed + self.disagreed
    }

    fn all(&self) -> [(&'static str, f64); 5] {
        [
            ("match", self.agreed),
            ("mismatch", self.disagreed),
            ("skewed", self.skewed),
            ("warming", self.warming),
            ("unsupported", self.unsupported),
        ]
    }
}
