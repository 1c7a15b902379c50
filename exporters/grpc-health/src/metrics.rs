//! Names, help and labels; a [`Collector`] over the latest findings.

use std::fmt::Result;
use std::sync::Arc;

use arc_swap::ArcSwap;
use exposition::{Histogram, Label, Series};
use probe_engine::{Ending, Phase, ProbeType, ServingStatus};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use self::table::Family;
use crate::decide::{ContainerFinding, ContainerName, Findings, HandlerFinding, ProbeFinding};
use crate::probe::schedule::Statistics;

pub mod table;

/// Upper bounds in seconds. Every whole second that a budget is likely to be is a bound, so that "within the
/// budget" can be read off exactly; tenths up to 0.3 show the throttling of a CPU quota (periods of 100 ms).
pub const BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0,
];

/// A part of what the page says about probes. Each is a collector of its own: in protobuf a collector's series are a
/// model in memory until they are written, and thousands of pods have hundreds of thousands.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Whole durations.
    Durations,
    /// Durations by phase.
    Phases,
    /// What else is measured of a handler.
    Handlers,
    /// What a pod says about its probes.
    Specifications,
    /// What the kubelet makes of the measurements.
    Verdicts,
    /// What it would make of them under other budgets.
    Outlooks,
    /// What concerns a container as a whole.
    Containers,
}

/// The collector of one part.
#[derive(Debug)]
pub struct Probes {
    part: Part,
    findings: Arc<ArcSwap<Findings>>,
}

/// The page's part about the exporter itself.
#[derive(Debug)]
pub struct Exporter {
    findings: Arc<ArcSwap<Findings>>,
    statistics: Arc<Statistics>,
    start_lag: Histogram,
}

impl Part {
    /// All of them, by the name of each collector.
    pub const ALL: [(&'static str, Self); 7] = [
        ("durations", Self::Durations),
        ("phases", Self::Phases),
        ("handlers", Self::Handlers),
        ("specifications", Self::Specifications),
        ("verdicts", Self::Verdicts),
        ("outlooks", Self::Outlooks),
        ("containers", Self::Containers),
    ];
}

impl Probes {
    /// Shows this part of the findings at the time of the scrape.
    pub fn new(part: Part, findings: Arc<ArcSwap<Findings>>) -> Self {
        Self { part, findings }
    }
}

impl Exporter {
    /// Shows the scheduler's own figures.
    pub fn new(
        findings: Arc<ArcSwap<Findings>>,
        statistics: Arc<Statistics>,
        start_lag: Histogram,
    ) -> Self {
        Self {
            findings,
            statistics,
            start_lag,
        }
    }
}

impl Collector for Probes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result {
        let findings = self.findings.load();
        let encoder = &mut encoder;
        match self.part {
            Part::Durations => durations(encoder, &findings.handlers),
            Part::Phases => phases(encoder, &findings.handlers),
            Part::Handlers => handlers(encoder, &findings.handlers),
            Part::Specifications => specifications(encoder, &findings.probes),
            Part::Verdicts => verdicts(encoder, &findings.probes),
            Part::Outlooks => outlooks(encoder, &findings.probes),
            Part::Containers => containers(encoder, &findings.containers),
        }
    }
}

impl Collector for Exporter {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result {
        let statistics = &self.statistics;
        open(&mut encoder, &table::START_LAG)?.histogram(&[], &self.start_lag)?;
        open(&mut encoder, &table::IN_FLIGHT)?.gauge(&[], float(statistics.in_flight()))?;
        open(&mut encoder, &table::TARGETS)?.gauge(&[], float(statistics.targets()))?;
        let mut skipped = open(&mut encoder, &table::SKIPPED)?;
        for (reason, count) in statistics.skipped() {
            skipped.count(&[("reason", reason.into())], count)?;
        }
        let at = self.findings.load().at.as_secs_f64();
        open(&mut encoder, &table::FINDINGS_TIMESTAMP)?.gauge(&[], at)
    }
}

fn durations(encoder: &mut DescriptorEncoder<'_>, handlers: &[HandlerFinding]) -> Result {
    let mut series = open(encoder, &table::DURATION)?;
    for handler in handlers {
        series.histogram(&handler.labels(), &handler.durations)?;
    }
    Ok(())
}

fn phases(encoder: &mut DescriptorEncoder<'_>, handlers: &[HandlerFinding]) -> Result {
    let mut series = open(encoder, &table::PHASE_DURATION)?;
    for handler in handlers {
        for (phase, durations) in Phase::ALL.iter().zip(&handler.phases) {
            // A plaintext probe has no TLS phase: sixteen series of nothing per pod otherwise.
            if durations.snapshot().count() > 0 {
                series.histogram(&with(&handler.labels(), "phase", phase.as_str()), durations)?;
            }
        }
    }
    Ok(())
}

fn handlers(encoder: &mut DescriptorEncoder<'_>, handlers: &[HandlerFinding]) -> Result {
    let measured = || {
        handlers
            .iter()
            .filter_map(|handler| Some((handler, handler.last.as_ref()?)))
    };
    let mut series = open(encoder, &table::LAST_PHASE_DURATION)?;
    for (handler, last) in measured() {
        for (phase, time) in last.phases.entered() {
            let labels = with(&handler.labels(), "phase", phase.as_str());
            series.gauge(&labels, time.as_secs_f64())?;
        }
    }
    let mut series = open(encoder, &table::LAST_TIMESTAMP)?;
    for (handler, last) in measured() {
        series.gauge(&handler.labels(), last.started_at.as_secs_f64())?;
    }
    let mut series = open(encoder, &table::SERVING_STATUS)?;
    for (handler, last) in measured() {
        for status in ServingStatus::ALL {
            let labels = with(&handler.labels(), "serving_status", status.as_str());
            let it_is = last.ending == Ending::Answered(status);
            series.gauge(&labels, u8::from(it_is).into())?;
        }
    }
    let mut series = open(encoder, &table::FAILURES)?;
    for handler in handlers {
        for (phase, reason, count) in &handler.failures {
            let labels = with(&handler.labels(), "phase", phase.as_str());
            series.count(&with(&labels, "reason", reason.as_str()), *count)?;
        }
    }
    let mut series = open(encoder, &table::CENSORED)?;
    for handler in handlers {
        series.count(&handler.labels(), handler.censored)?;
    }
    Ok(())
}

/// A number of a probe's specification.
type Number = fn(&ProbeFinding) -> u32;

fn specifications(encoder: &mut DescriptorEncoder<'_>, probes: &[ProbeFinding]) -> Result {
    let mut series = open(encoder, &table::INFO)?;
    for probe in probes {
        let port = probe.port.to_string();
        let labels = with(
            &with(&probe.labels(), "port", &port),
            "grpc_service",
            &probe.service,
        );
        series.gauge(&with(&labels, "mode", probe.mode.as_str()), 1.0)?;
    }
    let numbers: [(&Family, Number); 5] = [
        (&table::TIMEOUT, |probe| probe.spec.timeout_seconds),
        (&table::PERIOD, |probe| probe.spec.period_seconds),
        (&table::FAILURE_THRESHOLD, |probe| {
            probe.spec.failure_threshold
        }),
        (&table::SUCCESS_THRESHOLD, |probe| {
            probe.spec.success_threshold
        }),
        (&table::INITIAL_DELAY, |probe| {
            probe.spec.initial_delay_seconds
        }),
    ];
    for (family, number) in numbers {
        let mut series = open(encoder, family)?;
        for probe in probes {
            series.gauge(&probe.labels(), number(probe).into())?;
        }
    }
    let mut series = open(encoder, &table::LINT_FINDING)?;
    for probe in probes {
        for rule in &probe.lint {
            series.gauge(&with(&probe.labels(), "rule", rule), 1.0)?;
        }
    }
    Ok(())
}

fn verdicts(encoder: &mut DescriptorEncoder<'_>, probes: &[ProbeFinding]) -> Result {
    let mut series = open(encoder, &table::ATTEMPTS)?;
    for probe in probes {
        series.count(
            &with(&probe.labels(), "result", "successful"),
            probe.successful,
        )?;
        series.count(&with(&probe.labels(), "result", "failed"), probe.failed)?;
    }
    let mut series = open(encoder, &table::HEADROOM)?;
    for probe in probes {
        if let Some(headroom) = probe.headroom {
            series.gauge(&probe.labels(), headroom)?;
        }
    }
    let mut series = open(encoder, &table::CONSECUTIVE_FAILURES)?;
    for probe in probes {
        series.gauge(&probe.labels(), probe.consecutive_failures.into())?;
    }
    let mut series = open(encoder, &table::NEAR_MISSES)?;
    for probe in probes {
        series.count(&probe.labels(), probe.near_misses)?;
    }
    for (family, readiness) in [
        (&table::PREDICTED_KILLS, false),
        (&table::PREDICTED_UNREADY, true),
    ] {
        let mut series = open(encoder, family)?;
        for probe in probes {
            if (probe.probe_type == ProbeType::Readiness) == readiness {
                let (lower, upper) = probe.consequences;
                series.count(&with(&probe.labels(), "bound", "lower"), lower)?;
                series.count(&with(&probe.labels(), "bound", "upper"), upper)?;
            }
        }
    }
    Ok(())
}

fn outlooks(encoder: &mut DescriptorEncoder<'_>, probes: &[ProbeFinding]) -> Result {
    let mut series = open(encoder, &table::WHATIF_KILLS)?;
    for probe in probes {
        for (timeout, kills) in &probe.outlook.what_if {
            let timeout = timeout.to_string();
            series.gauge(
                &with(&probe.labels(), "timeout_seconds", &timeout),
                float(usize::try_from(*kills).unwrap_or(usize::MAX)),
            )?;
        }
    }
    let mut series = open(encoder, &table::RECOMMENDED_TIMEOUT)?;
    for probe in probes {
        if let Some(Ok(seconds)) = probe.outlook.recommended {
            series.gauge(&probe.labels(), seconds.into())?;
        }
    }
    let mut series = open(encoder, &table::RECOMMENDATION_SAMPLES)?;
    for probe in probes {
        series.gauge(&probe.labels(), float(probe.outlook.samples))?;
    }
    let mut series = open(encoder, &table::DETECTION)?;
    for probe in probes {
        let current = probe.spec.detection().worst.as_secs_f64();
        series.gauge(&with(&probe.labels(), "budget", "current"), current)?;
        if let Some(recommended) = probe.outlook.detection {
            let labels = with(&probe.labels(), "budget", "recommended");
            series.gauge(&labels, recommended.as_secs_f64())?;
        }
    }
    Ok(())
}

fn containers(encoder: &mut DescriptorEncoder<'_>, containers: &[ContainerFinding]) -> Result {
    let mut series = open(encoder, &table::TARGET_PROBLEM)?;
    for container in containers {
        for problem in &container.problems {
            series.gauge(&with(&container.name.labels(), "problem", problem), 1.0)?;
        }
    }
    let mut series = open(encoder, &table::OBSERVED_KILLS)?;
    for container in containers {
        series.count(&container.name.labels(), container.observed_kills)?;
    }
    let mut series = open(encoder, &table::KILL_AGREEMENT)?;
    for container in containers {
        for (outcome, count) in [
            ("agreed", container.agreed.both),
            ("predicted_only", container.agreed.predicted_only),
            ("observed_only", container.agreed.observed_only),
        ] {
            series.count(&with(&container.name.labels(), "outcome", outcome), count)?;
        }
    }
    Ok(())
}

type LabelSet<'a> = Vec<Label<'a>>;

fn with<'a>(labels: &LabelSet<'a>, name: &'a str, value: &'a str) -> LabelSet<'a> {
    let mut labels = labels.clone();
    labels.push((name, value.into()));
    labels
}

impl ContainerName {
    fn labels(&self) -> LabelSet<'_> {
        vec![
            ("namespace", (&*self.namespace).into()),
            ("pod", (&*self.pod).into()),
            ("container", (&*self.container).into()),
        ]
    }
}

impl HandlerFinding {
    fn labels(&self) -> LabelSet<'_> {
        let mut labels = self.name.labels();
        labels.push(("port", self.port.to_string().into()));
        labels.push(("grpc_service", (&*self.service).into()));
        labels
    }
}

impl ProbeFinding {
    fn labels(&self) -> LabelSet<'_> {
        with(&self.name.labels(), "probe_type", self.probe_type.as_str())
    }
}

#[expect(clippy::cast_precision_loss, reason = "no window holds 2^52 samples")]
fn float(count: usize) -> f64 {
    count as f64
}

fn open<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    family: &'a Family,
) -> std::result::Result<Series<'a>, std::fmt::Error> {
    Series::open(encoder, family.name, family.kind, family.help)
}
